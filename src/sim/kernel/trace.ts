// The hash of a whole run. Equal seeds give equal hashes.

/** A number that stands for everything that happened. */
export class Trace {
  #some = 0x811c9dc5 | 0;
  #other = 0x9747b28c | 0;

  add(...numbers: number[]): void {
    for (const number of numbers) {
      const whole = Math.floor(number * 1000) | 0;
      this.#some = Math.imul(this.#some ^ whole, 0x01000193);
      this.#other = Math.imul(this.#other + whole, 0x5bd1e995);
      this.#other ^= this.#other >>> 15;
    }
  }

  addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.add(text.charCodeAt(i));
  }

  toString(): string {
    return [this.#some, this.#other].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
