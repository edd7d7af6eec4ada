// What a candidate's node holds. A candidate that has only an id writes it as plain text, as Curator's participants do;
// everything else is JSON, which Curator shows as the id.

import { bytesOf, textOf } from "./bytes.ts";

export interface CandidateRecord {
  readonly id: string;
  /** Null: it has none. */
  readonly value: string | null;
  readonly priority: number;
  /** A leader has handed over to it: it comes before all priorities. */
  readonly isChosen: boolean;
}

export function writeRecord({ id, value, priority, isChosen }: CandidateRecord): Uint8Array {
  const isPlain = value === null && priority === 0 && !isChosen && !id.startsWith("{");
  return bytesOf(isPlain ? id : JSON.stringify({ id, value, priority, ...(isChosen ? { isChosen } : {}) }));
}

export function readRecord(data: Uint8Array): CandidateRecord {
  const text = textOf(data);
  const plain = { id: text, value: null, priority: 0, isChosen: false };
  if (!text.startsWith("{")) return plain;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return plain;
  }
  if (typeof parsed !== "object" || parsed === null || !("id" in parsed) || typeof parsed.id !== "string") return plain;
  const value = "value" in parsed && typeof parsed.value === "string" ? parsed.value : null;
  const priority = "priority" in parsed && typeof parsed.priority === "number" ? parsed.priority : 0;
  return { id: parsed.id, value, priority, isChosen: "isChosen" in parsed && parsed.isChosen === true };
}
