// Channels: several kinds of frames share one connection. Each channel has a number, and reads only its own frames. Members
// with a wire version below 3 have only the log's channel.

import { assert } from "../../base/assert.ts";
import type { MemberId } from "../../consensus/raft/types.ts";

/** Raft's messages, and what members ask their leader. Its frames go to `PeerEvents.onFrame`. */
export const LOG_CHANNEL = 0;
const CHANNEL_MAX = 255;

export type OnChannelFrame = (from: MemberId, frame: Uint8Array) => void;

/** A channel beside the log's. */
export interface PeerChannel {
  /** Whether a frame to this member would leave: it is connected, and its program knows channels. */
  reaches(member: MemberId): boolean;
  /** Best effort, like `Peers.send`: dropped where it does not reach. Nobody changes the bytes from here on. */
  send(to: MemberId, frame: Uint8Array): void;
}

/** Who receives the frames of which channel. Invariant: a channel has one receiver, and the log's is not in here. */
export class ChannelReceivers {
  readonly #receivers = new Map<number, OnChannelFrame>();

  add(channel: number, onFrame: OnChannelFrame): void {
    assert(channel > LOG_CHANNEL && channel <= CHANNEL_MAX, "a channel beside the log's is a number from 1 to 255");
    assert(!this.#receivers.has(channel), "a channel has one receiver");
    this.#receivers.set(channel, onFrame);
  }

  /** Undefined: nobody here knows this channel, as when a newer member speaks of what this one does not have. */
  of(channel: number): OnChannelFrame | undefined {
    return this.#receivers.get(channel);
  }
}
