// Which feature level a member understands, by the wire version that its program announces when it connects. A level needs
// the wire version that came with it.

/** Of each level, the first wire version all of whose programs understand it. Programs of version 3 understand level 0. */
const WIRE_VERSION_OF_LEVEL: readonly number[] = [2, 4];

/** The highest level that a program of this wire version understands. */
export function levelOfWireVersion(version: number): number {
  return Math.max(
    0,
    WIRE_VERSION_OF_LEVEL.findLastIndex((first) => first <= version),
  );
}

/** The oldest wire version that understands a level. Levels that no version came with are of models made for tests. */
export function wireVersionOfLevel(level: number): number {
  return WIRE_VERSION_OF_LEVEL[Math.min(level, WIRE_VERSION_OF_LEVEL.length - 1)]!;
}
