// The whole state as a stream of bytes, and back. It is a consistent view: the state at the moment of `beginSnapshot`,
// whatever is applied while it is pulled. What is small is written at once; leases are immutable, so a list of them is a
// view; nodes are walked bucket by bucket, and one that is about to change before the walk got to it is written first.
//
//   "CBST" · format u8 · { length u32 · kind u8 · fields }*
//
// The last record is the end, with counts of what came before it. Whole files are checksummed by who stores them.

import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter, MalformedError } from "../base/bytes.ts";
import { readMemberIdOrNone, writeMemberId } from "../base/member-id.ts";
import { LEADERS_OWN } from "./batch.ts";
import type { Deduplication, Producer } from "./deduplication.ts";
import type { Position } from "./hash.ts";
import { LEASES_MAX, type Lease, type Leases } from "./leases/leases.ts";
import { readLease, writeLease } from "./leases/snapshot.ts";
import { TreeReader, TreeWriter } from "./tree/snapshot.ts";
import type { Tree } from "./tree/tree.ts";
import type { Znode } from "./tree/znode.ts";

const MAGIC = 0x43425354;
const FORMAT = 2;
const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;
const RECORD = { position: 1, producer: 2, lease: 3, ensemble: 4, acl: 5, node: 6, end: 7 } as const;

export interface SnapshotSource {
  readonly deduplication: Deduplication;
  readonly leases: Leases;
  readonly tree: Tree;
}

export class MachineSnapshot {
  /** What the snapshot stands for. */
  readonly position: Position;
  readonly #writer = new ByteWriter(64 * 1024);
  readonly #leases: readonly Lease[];
  readonly #tree: Tree;
  readonly #nodes: TreeWriter;
  readonly #onEnd: () => void;
  #leasesWritten = 0;
  #nodesWritten = 0;
  #bucket = 0;
  #state: "open" | "written" | "ended" = "open";

  constructor(position: Position, { deduplication, leases, tree }: SnapshotSource, onEnd: () => void) {
    this.position = position;
    this.#leases = [...leases];
    this.#tree = tree;
    this.#onEnd = onEnd;
    tree.walks++;
    const writer = this.#writer;
    writer.int32(MAGIC);
    writer.uint8(FORMAT);
    this.#record(RECORD.position, () => {
      writer.int64(position.revision);
      writer.int64(position.time);
      writer.int64(position.appliedIndex);
    });
    for (const producer of deduplication) this.#record(RECORD.producer, () => writeProducer(writer, producer));
    this.#nodes = new TreeWriter(writer, tree);
    this.#record(RECORD.ensemble, () => this.#nodes.writeEnsemble());
  }

  /** The next bytes, about `bytesTarget` of them and more only if much changed meanwhile; null at the end. */
  next(bytesTarget: number): Uint8Array | null {
    assert(this.#state !== "ended", "a snapshot that was ended");
    while (this.#state === "open" && this.#writer.length < bytesTarget) this.#writeMore();
    if (this.#writer.length === 0) return null;
    const slice = this.#writer.copy();
    this.#writer.clear();
    return slice;
  }

  /** To be called in the end, whether all was pulled or not. */
  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#onEnd();
  }

  /** A node is about to change, or to go. */
  readonly onBeforeChange = (node: Znode): void => {
    if (this.#state === "open") this.#writeNode(node);
  };

  #writeMore(): void {
    if (this.#leasesWritten < this.#leases.length) {
      const lease = this.#leases[this.#leasesWritten++]!;
      const mark = this.#begin(RECORD.lease);
      writeLease(this.#writer, lease);
      this.#finish(mark);
    } else if (this.#bucket < this.#tree.nodes.bucketCount) {
      for (const node of this.#tree.nodes.bucket(this.#bucket++)) {
        if (node.walked !== this.#tree.walks) this.#writeNode(node);
      }
    } else {
      const mark = this.#begin(RECORD.end);
      this.#writer.int64(this.#leasesWritten);
      this.#writer.int64(this.#nodesWritten);
      this.#finish(mark);
      this.#state = "written";
    }
  }

  #writeNode(node: Znode): void {
    node.walked = this.#tree.walks;
    this.#nodesWritten++;
    if (!this.#nodes.knowsAcl(node.acl)) this.#record(RECORD.acl, () => this.#nodes.writeAcl(node.acl));
    const mark = this.#begin(RECORD.node);
    this.#nodes.writeNode(node);
    this.#finish(mark);
  }

  #record(kind: number, write: () => void): void {
    const mark = this.#begin(kind);
    write();
    this.#finish(mark);
  }

  #begin(kind: number): number {
    const mark = this.#writer.reserve(LENGTH_BYTES);
    this.#writer.uint8(kind);
    return mark;
  }

  #finish(mark: number): void {
    this.#writer.setInt32(mark, this.#writer.length - mark - LENGTH_BYTES);
  }
}

export interface RestoredState extends Position {
  readonly deduplication: readonly Producer[];
  readonly leases: readonly Lease[];
  readonly tree: Tree;
}

/** Takes the bytes of a snapshot in order, cut anywhere. Throws `MalformedError` for what is none that it can read. */
export class MachineRestorer {
  readonly #adopt: (state: RestoredState) => void;
  readonly #reader = new ByteReader(new Uint8Array(0));
  readonly #tree: Tree;
  readonly #nodes: TreeReader;
  readonly #deduplication: Producer[] = [];
  readonly #leases: Lease[] = [];
  #position: Position | null = null;
  /** What came of a record, or of the header, that is not all there yet. */
  #held = new Uint8Array(0);
  #headerRead = false;
  #ended = false;
  #finished = false;

  /** The empty tree is filled; `adopt` is called once all is there. */
  constructor(tree: Tree, adopt: (state: RestoredState) => void) {
    this.#tree = tree;
    this.#nodes = new TreeReader(tree);
    this.#adopt = adopt;
  }

  push(chunk: Uint8Array): void {
    assert(!this.#finished, "a restoration that is finished");
    const bytes = this.#held.length === 0 ? chunk : joined(this.#held, chunk);
    const reader = this.#reader.reset(bytes, 0, bytes.length);
    let consumed = 0;
    if (!this.#headerRead && reader.remaining >= HEADER_BYTES) {
      this.#readHeader(reader);
      consumed = reader.offset;
    }
    while (this.#headerRead && bytes.length - consumed >= LENGTH_BYTES) {
      reader.reset(bytes, consumed, bytes.length);
      const end = consumed + LENGTH_BYTES + reader.uint32();
      if (end > bytes.length) break;
      reader.end = end;
      this.#readRecord(reader);
      consumed = end;
    }
    this.#held = bytes.slice(consumed);
  }

  /** All was pushed: the state is whole, and the machine still has its own. Returns what the snapshot stands for. */
  complete(): Position {
    const position = this.#position;
    if (!this.#ended || position === null || this.#held.length > 0) {
      throw new MalformedError("a snapshot that ends too early");
    }
    if (this.#finished) return position;
    this.#finished = true;
    this.#nodes.finish();
    this.#checkLeases();
    return position;
  }

  /** From now on the machine has this state. */
  finish(): void {
    const position = this.complete();
    this.#adopt({ ...position, deduplication: this.#deduplication, leases: this.#leases, tree: this.#tree });
  }

  /** Each is there once, and each ephemeral node has the lease that it lives and dies with. */
  #checkLeases(): void {
    const ids = new Set(this.#leases.map(({ id }) => id));
    if (ids.size < this.#leases.length) throw new MalformedError("a lease that comes twice");
    for (const session of this.#tree.ephemerals.keys()) {
      if (!ids.has(session)) throw new MalformedError(`ephemeral nodes of ${session}, which is no lease`);
    }
  }

  #readHeader(reader: ByteReader): void {
    if (reader.int32() !== MAGIC) throw new MalformedError("not a snapshot of the state");
    const format = reader.uint8();
    if (format !== FORMAT) throw new MalformedError(`state format ${format}, this version reads ${FORMAT}`);
    this.#headerRead = true;
  }

  #readRecord(reader: ByteReader): void {
    if (this.#ended) throw new MalformedError("a snapshot with something after its end");
    const kind = reader.uint8();
    switch (kind) {
      case RECORD.node:
        this.#nodes.readNode(reader);
        break;
      case RECORD.acl:
        this.#nodes.readAcl(reader);
        break;
      case RECORD.lease:
        if (this.#leases.length === LEASES_MAX) throw new MalformedError(`more than ${LEASES_MAX} leases`);
        this.#leases.push(readLease(reader));
        break;
      case RECORD.producer:
        this.#deduplication.push({
          member: readMemberIdOrNone(reader) ?? LEADERS_OWN,
          run: reader.natural(),
          sequence: reader.counter(),
        });
        break;
      case RECORD.position:
        this.#position = { revision: reader.counter(), time: reader.natural(), appliedIndex: reader.counter() };
        break;
      case RECORD.ensemble:
        this.#nodes.readEnsemble(reader);
        break;
      case RECORD.end:
        this.#readEnd(reader);
        break;
      default:
        throw new MalformedError(`record kind ${kind} in a snapshot`);
    }
    if (reader.remaining > 0) throw new MalformedError(`a record of kind ${kind} is longer than its fields`);
  }

  #readEnd(reader: ByteReader): void {
    const leases = reader.natural();
    const nodes = reader.natural();
    if (leases !== this.#leases.length || nodes !== this.#tree.nodeCount) {
      throw new MalformedError(
        `a snapshot of ${leases} leases and ${nodes} nodes holds ${this.#leases.length} and ${this.#tree.nodeCount}`,
      );
    }
    this.#ended = true;
  }
}

function writeProducer(writer: ByteWriter, { member, run, sequence }: Producer): void {
  writeMemberId(writer, member === LEADERS_OWN ? null : member);
  writer.int64(run);
  writer.int64(sequence);
}

function joined(some: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(some.length + other.length);
  bytes.set(some);
  bytes.set(other, some.length);
  return bytes;
}
