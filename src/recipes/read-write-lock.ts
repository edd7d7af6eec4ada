// The read-write lock: many readers or one writer, first come, first served, so that neither side starves. On
// ZooKeeper it is Curator's InterProcessReadWriteLock.

import { type AccessOptions, accessOf } from "./access.ts";
import { ACQUIRE, type AcquireOptions, acquire, acquireWith, tryAcquire, type Wanted } from "./acquire.ts";
import { bytesOf } from "./bytes.ts";
import type { Contender, Engine, HasSharedMutexes, SharedMutex } from "./engine.ts";
import { type Grant, GrantHandle, type Handle, type HoldOptions } from "./handle.ts";
import { type ContenderInfo, contenderInfos } from "./identity.ts";
import { releaseInBackground } from "./pending-release.ts";
import { runWhileHeld } from "./run.ts";
import { type WaitOptions, WaitScope } from "./wait-scope.ts";

/** The lock held for writing. */
export interface WriteLockHandle extends Handle {
  /**
   * Becomes a reader, without a moment in which another writer could come between. The returned handle has the same token, and
   * this handle is released. When it fails this one is still held, unless it was lost or its node was removed, as its own state
   * says.
   */
  downgrade(options?: WaitOptions & HoldOptions): Promise<Handle>;
}

export interface SharedContenderInfo extends ContenderInfo {
  readonly mode: "read" | "write";
}

/** Not reentrant: a reader that wants to write waits for itself. */
export class ReadWriteLock {
  readonly name: string;
  readonly #engine: Engine;
  readonly #mutex: SharedMutex;
  readonly #read: Wanted<Contender>;
  readonly #write: Wanted<Contender>;
  readonly #identity: Uint8Array;

  constructor(engine: Engine & HasSharedMutexes, name: string, options: AccessOptions = {}) {
    this.name = name;
    this.#identity = bytesOf(engine.identity ?? "");
    this.#engine = engine;
    this.#mutex = engine.sharedMutex(name, accessOf(`read-write lock ${JSON.stringify(name)}`, options));
    const wanted = (mode: "read" | "write"): Wanted<Contender> => ({
      what: `${mode} lock ${JSON.stringify(name)}`,
      name,
      contend: (session) => this.#mutex.contend(session, mode, this.#identity),
    });
    this.#read = wanted("read");
    this.#write = wanted("write");
  }

  /** Fails as `Lock.acquire` does. */
  async read(options: AcquireOptions = {}): Promise<Handle> {
    return new GrantHandle(this.#engine, await acquire(this.#engine, this.#read, options), options);
  }

  async write(options: AcquireOptions = {}): Promise<WriteLockHandle> {
    return this.#writing(await acquire(this.#engine, this.#write, options), options);
  }

  /** Null while another writes, or waits to. */
  async tryRead(options: AcquireOptions = {}): Promise<Handle | null> {
    const grant = await tryAcquire(this.#engine, this.#read, options);
    return grant === null ? null : new GrantHandle(this.#engine, grant, options);
  }

  /** Null while another reads or writes, or waits to. */
  async tryWrite(options: AcquireOptions = {}): Promise<WriteLockHandle | null> {
    const grant = await tryAcquire(this.#engine, this.#write, options);
    return grant === null ? null : this.#writing(grant, options);
  }

  /** Who holds it, readers or a writer, and who waits, in order. */
  async contenders(options: WaitOptions = {}): Promise<readonly SharedContenderInfo[]> {
    using scope = new WaitScope(this.#engine.runtime, this.#write.what, options, "was not read");
    const view = await scope.until(this.#mutex.queue(scope.signal));
    const modes = [...view.holders, ...view.waiting].map(({ isReader }) => (isReader ? "read" : "write"));
    return contenderInfos(view).map((info, at) => ({ ...info, mode: modes[at]! }));
  }

  /** As `Lock.run`. */
  async runRead<T>(body: (held: Handle) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    return runWhileHeld(this.#engine, await this.read(options), body);
  }

  async runWrite<T>(body: (held: WriteLockHandle) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    return runWhileHeld(this.#engine, await this.write(options), body);
  }

  #writing(grant: Grant, options: AcquireOptions): WriteLockHandle {
    return new WriteHolding(this.#engine, grant, options, {
      ...this.#read,
      contend: (session) => this.#mutex.contendBehind(grant.contender, session, this.#identity),
    });
  }
}

class WriteHolding extends GrantHandle implements WriteLockHandle {
  readonly #engine: Engine;
  readonly #reader: Wanted<Contender>;

  constructor(engine: Engine, grant: Grant, options: HoldOptions, reader: Wanted<Contender>) {
    super(engine, grant, options);
    this.#engine = engine;
    this.#reader = reader;
  }

  async downgrade(options: WaitOptions & HoldOptions = {}): Promise<Handle> {
    this.assertHeld();
    using scope = new WaitScope(this.#engine.runtime, this.#reader.what, options, undefined, ACQUIRE);
    const grant = await acquireWith(this.#engine, this.#reader, scope);
    try {
      // Also when the writer was lost meanwhile: then a third may have come between.
      this.assertHeld();
    } catch (error) {
      releaseInBackground(this.#engine, this.#reader, grant.session, grant.contender);
      throw error;
    }
    const reading = new GrantHandle(this.#engine, grant, options);
    await this.release();
    return reading;
  }
}
