// The clock of one member's core: it counts ticks, and nothing else. One for all parts that measure time by it.

export class TickClock {
  /** Ticks since this core began. */
  tick = 0;
}
