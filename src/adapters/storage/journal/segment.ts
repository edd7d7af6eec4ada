// A segment of a journal: its name on the disk, and what is known of it while it is used.

export const SPARE_NAME = "log-spare";
export const SEGMENT_NAME = /^log-(\d{10})$/;

export function segmentName(number: number): string {
  return `log-${String(number).padStart(10, "0")}`;
}

export function isJournalFile(name: string): boolean {
  return name === SPARE_NAME || SEGMENT_NAME.test(name);
}

/** Whose journal it is: no other's segments are ever read as its own. */
export interface Owner {
  readonly member: number;
  readonly incarnation: number;
}

/** A segment, as far as it is durable. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly salt: number;
  /** What the journal's user keeps in its header. */
  readonly context: Uint8Array;
  /** Where the next commit goes. */
  end: number;
}
