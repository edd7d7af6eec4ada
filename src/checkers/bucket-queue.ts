// A bucket queue: a priority queue over small whole numbers. It takes the largest distance first; of equals, the last one added.

export class BucketQueue<Item> {
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
