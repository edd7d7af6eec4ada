// How large the batches are that a leader proposes, in bytes; a batch is one entry of the log. −1 while there was none.

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
