// The listeners of a model's events on this member. Each kind of event is a method of the model's hub (`TreeEventHub`), which
// calls the same method of each listener.

/** Listeners hear in the order in which they were added. One that is added or removed in between is heard from the next event on. */
export class EventHub<Events extends object> {
  protected listeners: readonly Partial<Events>[] = [];

  /** Returns how to stop listening. */
  add(listener: Partial<Events>): () => void {
    this.listeners = [...this.listeners, listener];
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener);
    };
  }
}

export interface MachineEvents {
  /** A command of this entry, or all of it, cannot be read: it did nothing, here and on every other member. */
  onUnreadable(index: number, why: string): void;
  /** All events of the command of this number were told; its outcome comes next. */
  onCommandEnd(sequence: number): void;
  /** The feature level was raised: commands of more models are carried out from now on. */
  onLevelRaised(level: number): void;
  /**
   * The whole state was replaced by a snapshot's, without any of the models' events. Compare as for a client that comes
   * back.
   */
  onRestored(): void;
}

export class MachineEventHub extends EventHub<MachineEvents> implements MachineEvents {
  #ends: readonly Partial<MachineEvents>[] = [];

  override add(listener: Partial<MachineEvents>): () => void {
    const stop = super.add(listener);
    this.#ends = this.listeners.filter(({ onCommandEnd }) => onCommandEnd !== undefined);
    return () => {
      stop();
      this.#ends = this.#ends.filter((other) => other !== listener);
    };
  }

  onUnreadable(index: number, why: string): void {
    for (const listener of this.listeners) listener.onUnreadable?.(index, why);
  }

  /** Once a command: nearly always, nobody listens. */
  onCommandEnd(sequence: number): void {
    if (this.#ends.length === 0) return;
    for (const listener of this.#ends) listener.onCommandEnd?.(sequence);
  }

  onLevelRaised(level: number): void {
    for (const listener of this.listeners) listener.onLevelRaised?.(level);
  }

  onRestored(): void {
    for (const listener of this.listeners) listener.onRestored?.();
  }
}
