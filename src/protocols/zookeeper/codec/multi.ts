// multi and multiRead: a header before each operation and each result, and a last one that says that this was all.

import { type ByteReader, type ByteWriter, MalformedError } from "../../../base/bytes.ts";
import { OPCODE } from "./opcodes.ts";
import {
  type CreateRequest,
  type CreateTtlRequest,
  type PathVersionRequest,
  type PathWatchRequest,
  readAnyPathVersion,
  readCreate,
  readCreateTtl,
  readPathVersion,
  readPathWatch,
  readSetData,
  type SetDataRequest,
  writeCreate,
  writeCreateTtl,
  writePathVersion,
  writePathWatch,
  writeSetData,
} from "./requests.ts";

export type MultiRequest =
  | {
      readonly kind: "create";
      readonly opcode: typeof OPCODE.create | typeof OPCODE.create2 | typeof OPCODE.createContainer;
      readonly request: CreateRequest;
    }
  | { readonly kind: "create-ttl"; readonly opcode: typeof OPCODE.createTtl; readonly request: CreateTtlRequest }
  | { readonly kind: "delete"; readonly opcode: typeof OPCODE.delete; readonly request: PathVersionRequest }
  | { readonly kind: "set-data"; readonly opcode: typeof OPCODE.setData; readonly request: SetDataRequest }
  | { readonly kind: "check"; readonly opcode: typeof OPCODE.check; readonly request: PathVersionRequest }
  | {
      readonly kind: "read";
      readonly opcode: typeof OPCODE.getData | typeof OPCODE.getChildren;
      readonly request: PathWatchRequest;
    };

export interface MultiHeader {
  readonly type: number;
  readonly done: boolean;
  readonly error: number;
}

export function readMultiHeader(reader: ByteReader): MultiHeader {
  return { type: reader.int32(), done: reader.boolean(), error: reader.int32() };
}

export function writeMultiHeader(writer: ByteWriter, type: number, error: number): void {
  writer.int32(type);
  writer.boolean(false);
  writer.int32(error);
}

export function writeMultiEnd(writer: ByteWriter): void {
  writer.int32(-1);
  writer.boolean(true);
  writer.int32(-1);
}

export function readMulti(reader: ByteReader): MultiRequest[] {
  const requests: MultiRequest[] = [];
  for (;;) {
    const { type, done } = readMultiHeader(reader);
    if (done) return requests;
    requests.push(readOne(reader, type));
  }
}

function readOne(reader: ByteReader, type: number): MultiRequest {
  switch (type) {
    case OPCODE.create:
    case OPCODE.create2:
    case OPCODE.createContainer:
      return { kind: "create", opcode: type, request: readCreate(reader) };
    case OPCODE.createTtl:
      return { kind: "create-ttl", opcode: type, request: readCreateTtl(reader) };
    case OPCODE.delete:
      return { kind: "delete", opcode: type, request: readPathVersion(reader) };
    case OPCODE.setData:
      return { kind: "set-data", opcode: type, request: readSetData(reader) };
    case OPCODE.check:
      return { kind: "check", opcode: type, request: readAnyPathVersion(reader) };
    case OPCODE.getData:
    case OPCODE.getChildren:
      return { kind: "read", opcode: type, request: readPathWatch(reader) };
    default:
      throw new MalformedError(`operation ${type} has no place in a multi`);
  }
}

export function writeMulti(writer: ByteWriter, requests: readonly MultiRequest[]): void {
  for (const one of requests) {
    writeMultiHeader(writer, one.opcode, -1);
    switch (one.kind) {
      case "create":
        writeCreate(writer, one.request);
        break;
      case "create-ttl":
        writeCreateTtl(writer, one.request);
        break;
      case "set-data":
        writeSetData(writer, one.request);
        break;
      case "delete":
      case "check":
        writePathVersion(writer, one.request);
        break;
      case "read":
        writePathWatch(writer, one.request);
        break;
    }
  }
  writeMultiEnd(writer);
}
