// Frames between members: a length of four bytes, then so many bytes. An empty frame says "alive". From wire version 3 on the
// first byte of any other frame is the number of its channel.

import { MalformedError } from "../../base/bytes.ts";
import { FrameReader } from "../../transport/frame-reader.ts";

export const FRAME_HEADER_BYTES = 4;
/** More than any message of a member: an append or a chunk of a snapshot, with one oversized entry. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** Memory for a frame in pieces is taken at once up to this size; beyond it, as its bytes come. */
const RESERVED_BYTES_MAX = 1024 * 1024;

export function frameReader(bytesMax = FRAME_BYTES_MAX): FrameReader {
  return new FrameReader(bytesMax, { allowsEmpty: true, reservedBytesMax: RESERVED_BYTES_MAX });
}

/** Takes all frames out of the bytes there are. Throws a MalformedError at a length beyond the limit. */
export function readFrames(reader: FrameReader, chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
  reader.add(chunk);
  for (let found = reader.next(); found !== "more"; found = reader.next()) {
    if (found === "malformed") {
      throw new MalformedError(`a frame of ${reader.announced >>> 0} bytes is announced, ${reader.bytesMax} at most`);
    }
    onFrame(reader.bytes.subarray(reader.start, reader.end));
  }
}

/** How the frames of a connection begin: by a length alone, or by a length and a channel. */
export interface FrameLayout {
  /** Bytes before the payload of a frame that is not empty. */
  readonly headerBytes: number;
  readonly hasChannel: boolean;
}

const WITHOUT_CHANNEL: FrameLayout = { headerBytes: FRAME_HEADER_BYTES, hasChannel: false };
const WITH_CHANNEL: FrameLayout = { headerBytes: FRAME_HEADER_BYTES + 1, hasChannel: true };

export function frameLayout(wireVersion: number): FrameLayout {
  return wireVersion >= 3 ? WITH_CHANNEL : WITHOUT_CHANNEL;
}

/** Writes what stands before a payload of `length` bytes; returns where the payload goes. An empty one has no channel. */
export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  layout: FrameLayout,
  channel: number,
  length: number,
): number {
  const hasChannel = layout.hasChannel && length > 0;
  writeLength(bytes, at, hasChannel ? length + 1 : length);
  if (!hasChannel) return at + FRAME_HEADER_BYTES;
  bytes[at + FRAME_HEADER_BYTES] = channel;
  return at + FRAME_HEADER_BYTES + 1;
}

export function writeLength(bytes: Uint8Array, at: number, length: number): void {
  bytes[at] = length >>> 24;
  bytes[at + 1] = length >>> 16;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
}
