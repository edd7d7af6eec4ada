// Chance for what must differ from one file to the next: salts, and incarnations. A seeded one takes its place in a
// simulation.

/** A whole number in [0, 2³²), each as likely as any other. */
export type Chance = () => number;
