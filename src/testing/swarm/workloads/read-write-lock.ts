// Read-write locks, with writers that downgrade to readers.

import { type Handle, LockLostError, type WriteLockHandle } from "../../../recipes/index.ts";
import { holdAndRelease } from "../contention.ts";
import { type Asking, type Claim, ExclusionInvariants, inOrder, isReader } from "../exclusion-invariants.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const NAME = "rw";
const HANDS = 2;
const GOES_ON = "a downgraded reader follows its own writer";

export class ReadWriteLockWorkload implements Workload {
  readonly #context: WorkloadContext;
  readonly #exclusion: ExclusionInvariants;
  readonly emptyAfter: readonly string[];

  constructor(context: WorkloadContext) {
    this.#context = context;
    const directory = `${context.root}/rw-locks/${NAME}`;
    this.#exclusion = new ExclusionInvariants(context, { what: "the read-write lock", directory, isGranted });
    this.emptyAfter = [directory];
  }

  underFaults(program: SimulatedProgram): Promise<void> {
    return this.#context.repeat(program, HANDS, "the read-write lock", () => this.#once(program));
  }

  async #once(program: SimulatedProgram): Promise<void> {
    const { c, random } = program;
    const lock = c.rwLock(NAME);
    using wait = program.wait(this.#context.sessionTimeoutMs);
    const onUnsure = random.chance(0.3) ? "abort" : "until-deadline";
    const options = { ...wait.options, onUnsure } as const;
    const asking = this.#exclusion.ask(program);
    switch (random.below(5)) {
      case 0:
        return this.#read(program, asking, await lock.tryRead(options));
      case 1:
        return this.#read(program, asking, await lock.read(options));
      case 2:
        return this.#write(program, asking, await lock.tryWrite(options));
      default:
        return this.#write(program, asking, await lock.write(options));
    }
  }

  async #read(program: SimulatedProgram, asking: Asking, held: Handle | null): Promise<void> {
    if (held === null) return;
    const claim = this.#exclusion.begin(asking, held, { isShared: true });
    await this.#finish(program, claim, held);
  }

  async #write(program: SimulatedProgram, asking: Asking, held: WriteLockHandle | null): Promise<void> {
    if (held === null) return;
    const claim = this.#exclusion.begin(asking, held);
    await program.hold(held, program.some(this.#context.sessionTimeoutMs / 3));
    if (!program.random.chance(0.6)) return this.#finish(program, claim, held);
    await this.#downgrade(program, claim, held);
  }

  async #downgrade(program: SimulatedProgram, writer: Claim, held: WriteLockHandle): Promise<void> {
    using wait = program.wait(this.#context.sessionTimeoutMs);
    const asking = this.#exclusion.ask(program);
    let reading: Handle | null = null;
    let isReleased = false;
    const release = () => {
      isReleased = held.state === "held";
      this.#exclusion.end(writer);
      held.release().catch(() => {});
    };
    if (writer.node !== null && program.random.chance(0.3)) this.#context.remove(writer.node);
    const stop = program.random.chance(0.3) ? program.after(program.random.below(300) / 100, release) : () => {};
    try {
      reading = await held.downgrade(wait.options);
    } catch (error) {
      this.#context.failed(program, "a downgrade", error);
    }
    stop();
    if (reading === null) return this.#finish(program, writer, held);
    if (isReleased) this.#context.violate(GOES_ON, `${program.name} released it before, and holds it as a reader`);
    const reader = this.#exclusion.begin(asking, reading, { isShared: true, from: writer });
    this.#checkContinued(program, writer, reader);
    this.#exclusion.end(writer);
    await this.#finish(program, reader, reading);
  }

  /** From the writer to the reader there was no moment in which another could have come. */
  #checkContinued(program: SimulatedProgram, writer: Claim, reader: Claim): void {
    const { history } = this.#context;
    const shown = `${program.name}, a writer with token ${writer.held.token}, goes on as a reader`;
    const lost = writer.held.signal.reason;
    if (lost instanceof LockLostError) {
      this.#context.violate(GOES_ON, `${shown}, and had been told: ${lost.message}`);
    }
    if (writer.node === null || reader.node === null) return;
    const gone = history.goneAt(writer.node);
    const since = history.createdAt(reader.node);
    if (gone === null || since === null || gone.zxid > since) return;
    this.#context.violate(GOES_ON, `${shown} that was made after the writer was gone`);
  }

  async #finish(program: SimulatedProgram, claim: Claim, held: Handle): Promise<void> {
    await holdAndRelease(this.#exclusion, program, claim, held, this.#context.sessionTimeoutMs / 3);
  }

  async afterRecovery(program: SimulatedProgram): Promise<void> {
    const lock = program.c.rwLock(NAME);
    const asking = this.#exclusion.ask(program);
    const writing = await lock.write();
    const writer = this.#exclusion.begin(asking, writing);
    const reading = await writing.downgrade();
    const reader = this.#exclusion.begin(asking, reading, { isShared: true, from: writer });
    this.#exclusion.end(writer);
    await program.sleep(1);
    this.#exclusion.end(reader);
    await reading.release();
  }

  check(): void {}
}

/** A writer is the first; before a reader there are readers alone, and the writer that it goes on from. */
function isGranted(names: readonly string[], own: string, { isShared, from }: Claim): boolean {
  const line = inOrder(names);
  if (!isShared) return line[0] === own;
  const before = from?.node?.slice(from.node.lastIndexOf("/") + 1);
  return line.slice(0, line.indexOf(own)).every((name) => isReader(name) || name === before);
}
