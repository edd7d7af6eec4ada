// Jute's elements: strings, buffers and vectors, each a length and what it announces; −1 is "none". Strings are held as
// one-byte strings. Every length is checked against the bytes that are there before anything is made of it.

import { type ByteReader, type ByteWriter, MalformedError } from "../../../base/bytes.ts";

export function readString(reader: ByteReader): string | null {
  const length = reader.int32();
  return length === -1 ? null : reader.text(length);
}

/** A string where "none" makes no sense. */
export function readText(reader: ByteReader): string {
  const text = readString(reader);
  if (text === null) throw new MalformedError("no string where one is needed");
  return text;
}

export function writeString(writer: ByteWriter, text: string | null): void {
  if (text === null) {
    writer.int32(-1);
  } else {
    writer.int32(text.length);
    writer.text(text);
  }
}

/** A view of the bytes, sharing the reader's memory. */
export function readBuffer(reader: ByteReader): Uint8Array | null {
  const length = reader.int32();
  return length === -1 ? null : reader.view(length);
}

export function writeBuffer(writer: ByteWriter, bytes: Uint8Array | null): void {
  if (bytes === null) {
    writer.int32(-1);
  } else {
    writer.int32(bytes.length);
    writer.raw(bytes);
  }
}

/**
 * How many elements follow; −1 for "none", and less than that is none too, as ZooKeeper reads it, but an empty vector. It
 * cannot hold more elements than bytes are left for, so a lie about its length costs nothing.
 */
export function readCount(reader: ByteReader, elementBytesMin: number): number {
  const count = reader.int32();
  if (count < 0) return count === -1 ? -1 : 0;
  if (count > reader.remaining / elementBytesMin) {
    throw new MalformedError(`${count} elements announced, ${reader.remaining} bytes left`);
  }
  return count;
}

export function readStrings(reader: ByteReader): string[] | null {
  const count = readCount(reader, 4);
  if (count === -1) return null;
  const strings: string[] = [];
  for (let i = 0; i < count; i++) strings.push(readText(reader));
  return strings;
}

export function writeStrings(writer: ByteWriter, strings: Iterable<string>): void {
  const mark = writer.reserve(4);
  let count = 0;
  for (const text of strings) {
    writeString(writer, text);
    count += 1;
  }
  writer.setInt32(mark, count);
}

/** Begins a frame: room for its length, which `endFrame` fills in. */
export function beginFrame(writer: ByteWriter): number {
  return writer.reserve(4);
}

export function endFrame(writer: ByteWriter, mark: number): void {
  writer.setInt32(mark, writer.length - mark - 4);
}
