// A leader's own commands: the end of sessions, of containers, of reconfigurations. Their batches are in no member's
// name, and the term is their run. So they count in the order in which the leader proposed them, and not at all once a
// later leader's have. They are never sent again: the next leader decides anew, and may have heard from other clients.

import { ByteWriter } from "../base/bytes.ts";
import { beginCommand, endCommand, LEADERS_OWN, writeBatchHeader } from "../state/batch.ts";

/** As with the batches of clients: one entry of the log stays small. */
const BATCH_BYTES_MAX = 256 * 1024;

export type Encode = (writer: ByteWriter) => void;

export class TermBatches {
  #term = 0;
  #sequence = 0;

  /** The next batch of this leader, with as many of these commands as one holds; `taken` says how many. */
  next(term: number, commands: readonly Encode[]): { readonly batch: Uint8Array; readonly taken: number } {
    if (term !== this.#term) {
      this.#term = term;
      this.#sequence = 0;
    }
    const writer = new ByteWriter(256);
    writeBatchHeader(writer, LEADERS_OWN, term, ++this.#sequence);
    let taken = 0;
    for (; taken < commands.length && writer.length < BATCH_BYTES_MAX; taken++) {
      const mark = beginCommand(writer);
      commands[taken]!(writer);
      endCommand(writer, mark);
    }
    return { batch: writer.copy(), taken };
  }
}
