// What is still to be done, taken up where it is furthest; of equally far things the one added last comes first.

export class FurthestFirst<Item> {
  readonly #stacks: Item[][] = [];
  #furthest = -1;

  /** Anything nearer than 0 counts as 0. */
  add(distance: number, item: Item): void {
    const place = Math.max(0, distance);
    while (this.#stacks.length <= place) this.#stacks.push([]);
    this.#stacks[place]!.push(item);
    this.#furthest = Math.max(this.#furthest, place);
  }

  take(): Item | null {
    while (this.#furthest >= 0) {
      const item = this.#stacks[this.#furthest]!.pop();
      if (item !== undefined) return item;
      this.#furthest -= 1;
    }
    return null;
  }
}
