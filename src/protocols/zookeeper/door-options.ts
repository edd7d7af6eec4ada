// The options of ZooKeeper's door: the settings of `zoo.cfg`, with defaults filled in.

import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { ClientCapacity } from "../../transport/client-capacity.ts";
import type { DoorEvents } from "../door-host.ts";
import type { CredentialOptions } from "./credentials.ts";
import { type Bounds, FRAME_BYTES_MAX, MULTI_READ_FRAMES_MAX } from "./limits.ts";
import type { ConnectionStats } from "./stats.ts";

/**
 * Says whether the word is known; the answer may come later, and ends the connection. `argument`: the bytes that belong to
 * the word and stood behind it, none with most.
 */
export type FourLetterWordHandler = (
  word: string,
  reply: (text: string) => void,
  connection: ConnectionStats,
  argument: Uint8Array,
) => boolean;

export interface ServiceOptions extends CredentialOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly capacity: ClientCapacity;
  readonly events: DoorEvents;
  readonly tickTimeMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** `jute.maxbuffer`. */
  readonly frameBytesMax: number;
  readonly globalOutstandingLimit: number;
  readonly bounds: Bounds;
  /** `readonlymode.enabled`. */
  readonly readOnlyMode: boolean;
  readonly fourLetterWord: FourLetterWordHandler | null;
}

export function multiReadBytesMax({ frameBytesMax, bounds }: ServiceOptions): number {
  return Math.min(bounds.replyBytesMax, MULTI_READ_FRAMES_MAX * Math.max(frameBytesMax, FRAME_BYTES_MAX));
}
