// Whether the disk is full: one answer, gathered from the places that notice it.

export class FullSignal {
  readonly #onChange: (isFull: boolean) => void;
  readonly #where = new Set<string>();

  constructor(onChange: (isFull: boolean) => void) {
    this.#onChange = onChange;
  }

  get isFull(): boolean {
    return this.#where.size > 0;
  }

  set(where: string, isFull: boolean): void {
    const was = this.isFull;
    if (isFull) this.#where.add(where);
    else this.#where.delete(where);
    if (this.isFull !== was) this.#onChange(this.isFull);
  }
}
