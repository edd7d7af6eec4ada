// The hash of a state: two sums of independent hashes of its parts. Parts without an order are added, so a restored state has
// the same hash as its original.

export class HashSum {
  #some = 0;
  #other = 0;

  add(text: string): void {
    let some = 0x811c9dc5 | 0;
    let other = 0x9747b28c | 0;
    for (let i = 0; i < text.length; i++) {
      const character = text.charCodeAt(i);
      some = Math.imul(some ^ character, 0x01000193);
      other = Math.imul(other + character, 0x5bd1e995);
      other ^= other >>> 15;
    }
    this.#some = (this.#some + some) >>> 0;
    this.#other = (this.#other + other) >>> 0;
  }

  toString(): string {
    return this.#some.toString(16).padStart(8, "0") + this.#other.toString(16).padStart(8, "0");
  }
}
