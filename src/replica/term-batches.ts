// What a leader commands of its own accord: the end of sessions, of containers, of reconfigurations. Its batches are in no
// member's name, and the term is their run: so they count in the order in which the
// leader proposed them, and not at all once a later leader's have. Unlike a client's they are never sent again. What is lost
// with a term is decided anew by the next leader, who may have heard from whom this one had not.

import { ByteWriter } from "../base/bytes.ts";
import { beginCommand, endCommand, LEADERS_OWN, writeBatchHeader } from "../state/batch.ts";

/** As with the batches of clients: one entry of the log stays small. */
const BATCH_BYTES_MAX = 256 * 1024;

export type Encode = (writer: ByteWriter) => void;

export class TermBatches {
  #term = 0;
  #sequence = 0;

  /** The next batch of this leader, with as many of these commands as one holds; the rest stay in the list. */
  next(term: number, commands: Encode[]): Uint8Array {
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
    commands.splice(0, taken);
    return writer.copy();
  }
}
