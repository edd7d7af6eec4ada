// Random numbers for what must differ between files: salts and incarnations. Simulations use a seeded source instead.

/** A whole number in [0, 2³²), each as likely as any other. */
export type Chance = () => number;
