// Open trees, while all programs write below them.

import "../../../base/disposal.ts";
import { bytesOf } from "../../../recipes/bytes.ts";
import type { OpenTree, TreeChange } from "../../../recipes/index.ts";
import type { SimulatedProgram } from "../program.ts";
import type { Workload } from "../workload.ts";
import type { WorkloadContext } from "../workload-context.ts";

const PLACE = "/garden";
const PATHS = ["/a", "/a/x", "/a/y", "/b", "/c"];

export class TreeWorkload implements Workload {
  readonly #context: WorkloadContext;
  #writes = 0;
  #areDone = 0;
  readonly emptyAfter = [];

  constructor(context: WorkloadContext) {
    this.#context = context;
  }

  async underFaults(program: SimulatedProgram): Promise<void> {
    await Promise.all([this.#write(program), this.#read(program)]);
  }

  async #write(program: SimulatedProgram): Promise<void> {
    const { c, random, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 5));
      const path = PATHS[random.below(PATHS.length)]!;
      const limits = { signal: over.signal, timeoutMs: this.#context.sessionTimeoutMs };
      await this.#context.attempt(program, `writing ${path}`, async () => {
        const value = c.engine.value("value", PLACE + path);
        const found = await value.current(true);
        const data = bytesOf(`${++this.#writes}`);
        if (found === null) await value.create(data, limits);
        else if (random.chance(0.4)) await value.delete(found.version, limits);
        else await value.replace(found.version, data, limits);
      });
    }
  }

  async #read(program: SimulatedProgram): Promise<void> {
    const { c, over } = program;
    while (!over.signal.aborted) {
      await program.sleepUnless(over.signal, program.some(this.#context.sessionTimeoutMs / 2));
      using wait = program.wait(this.#context.sessionTimeoutMs * 4);
      await this.#context.attempt(program, "the tree", async () => {
        await using tree = await c.tree(PLACE).open(wait.options);
        const told = new Told(this.#context, program);
        for await (const change of tree.changes({ signal: wait.options.signal })) told.hear(change);
      });
    }
  }

  /** Nobody writes any more: every copy comes out as what is there, and so does every reader's. */
  async afterRecovery(program: SimulatedProgram, programs: readonly SimulatedProgram[]): Promise<void> {
    await using tree = await program.c.tree(PLACE).open();
    const told = new Told(this.#context, program);
    const stop = new AbortController();
    const reading = (async () => {
      for await (const change of tree.changes({ signal: stop.signal })) told.hear(change);
    })();
    await program.c.engine.value("value", `${PLACE}/end-${program.id}`).create(bytesOf("end"));
    this.#areDone += 1;
    const isTrue = () =>
      this.#areDone === programs.length && show(tree) === this.#truth() && told.show() === show(tree);
    while (!isTrue()) await program.sleep(this.#context.sessionTimeoutMs / 20);
    stop.abort();
    await reading;
  }

  #truth(): string {
    const { history, root } = this.#context;
    const place = root + PLACE;
    const all: string[] = [];
    const visit = (path: string) => {
      all.push(`${path.slice(place.length) || "/"}=${history.dataAt(path, history.zxid) ?? ""}`);
      for (const name of history.children(path)) visit(`${path}/${name}`);
    };
    visit(place);
    return all.sort().join(" ");
  }

  check(): void {}
}

function show(tree: OpenTree): string {
  const nodes = tree.nodes().map(({ path, text }) => `${path}=${text}`);
  return nodes.sort().join(" ");
}

/** What a reader of changes knows by them. */
class Told {
  readonly #context: WorkloadContext;
  readonly #program: SimulatedProgram;
  readonly #nodes = new Map<string, { readonly text: string; readonly token: bigint }>();

  constructor(context: WorkloadContext, program: SimulatedProgram) {
    this.#context = context;
    this.#program = program;
  }

  hear(change: TreeChange): void {
    if (change.kind === "synced") return;
    const { node, kind } = change;
    const known = this.#nodes.get(node.path);
    const fits =
      kind === "added" ? known === undefined : known?.token === (kind === "changed" ? change.before : node).token;
    if (!fits) {
      this.#context.violate("tree changes are consistent", `${this.#program.name} hears ${kind} of ${node.path}`);
    }
    if (kind === "removed") this.#nodes.delete(node.path);
    else this.#nodes.set(node.path, { text: node.text, token: node.token });
  }

  show(): string {
    return [...this.#nodes]
      .map(([path, { text }]) => `${path}=${text}`)
      .sort()
      .join(" ");
  }
}
