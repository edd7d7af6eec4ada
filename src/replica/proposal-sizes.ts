// The sizes in bytes of the batches that a leader proposes. A batch is one entry of the log. −1 means that there was none.

export class ProposalSizes {
  last = -1;
  min = -1;
  max = -1;

  note(bytes: number): void {
    this.last = bytes;
    if (this.min === -1 || bytes < this.min) this.min = bytes;
    if (bytes > this.max) this.max = bytes;
  }

  reset(): void {
    this.last = -1;
    this.min = -1;
    this.max = -1;
  }
}
