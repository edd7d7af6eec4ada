// The requests of the simulated clients, as ZooKeeper's own clients encode them.

import type { ByteWriter } from "../../base/bytes.ts";
import { bytesOf } from "../../base/text.ts";
import { writeString } from "../../protocols/zookeeper/codec/jute.ts";
import { type MultiRequest, writeMulti } from "../../protocols/zookeeper/codec/multi.ts";
import { OPCODE } from "../../protocols/zookeeper/codec/opcodes.ts";
import { OPEN_ACL } from "../../protocols/zookeeper/codec/records.ts";
import {
  writeCreate,
  writePathKind,
  writePathVersion,
  writePathWatch,
  writeReconfig,
  writeSetData,
  writeSetWatches,
} from "../../protocols/zookeeper/codec/requests.ts";
import type { ClientOperation, ObservedClient, Request, WatchKind } from "./requests.ts";
import type { TreeCommand } from "./tree-commands.ts";

/** A frame of it, with its length; `client` is asked for its watches. */
export function encodeRequest(buffer: ByteWriter, { xid, operation }: Request, client: ObservedClient): Uint8Array {
  const writer = buffer.clear();
  writer.int32(0);
  writer.int32(xid);
  writeBody(writer, operation, client);
  writer.setInt32(0, writer.length - 4);
  return writer.copy();
}

function writeBody(writer: ByteWriter, operation: ClientOperation, client: ObservedClient): void {
  switch (operation.kind) {
    case "create":
      writer.int32(OPCODE.create2);
      writeCreate(writer, createOf(operation));
      break;
    case "delete":
    case "check":
      writer.int32(OPCODE[operation.kind]);
      writePathVersion(writer, operation);
      break;
    case "set":
      writer.int32(OPCODE.setData);
      writeSetData(writer, { ...operation, data: dataOf(operation.data) });
      break;
    case "multi":
      writer.int32(OPCODE.multi);
      writeMulti(writer, operation.commands.map(multiOf));
      break;
    case "get":
    case "exists":
    case "children":
      writer.int32(READ_OPCODE[operation.kind]);
      writePathWatch(writer, operation);
      break;
    case "sync":
      writer.int32(OPCODE.sync);
      writeString(writer, operation.path);
      break;
    case "add-watch":
      writer.int32(OPCODE.addWatch);
      writePathKind(writer, { path: operation.path, kind: operation.recursive ? 1 : 0 });
      break;
    case "set-watches":
      writer.int32(OPCODE.setWatches2);
      writeWatches(writer, client);
      break;
    case "reconfig": {
      const { joining, leaving } = operation;
      writer.int32(OPCODE.reconfig);
      writeReconfig(writer, { joining, leaving, newMembers: null, version: -1 });
      break;
    }
    case "ping":
      writer.int32(OPCODE.ping);
      break;
    case "close":
      writer.int32(OPCODE.closeSession);
      break;
  }
}

function writeWatches(writer: ByteWriter, { session, watches }: ObservedClient): void {
  const of = (kind: WatchKind): string[] => {
    return [...watches].filter(([, kinds]) => kinds.has(kind)).map(([path]) => path);
  };
  const relativeZxid = session!.lastZxid;
  const lists = {
    data: of("data"),
    exist: of("exist"),
    child: of("child"),
    persistent: [],
    recursive: of("recursive"),
  };
  writeSetWatches(writer, { relativeZxid, ...lists }, true);
}

const READ_OPCODE = { get: OPCODE.getData, exists: OPCODE.exists, children: OPCODE.getChildren2 } as const;

function dataOf(data: string | null): Uint8Array | null {
  return data === null ? null : bytesOf(data);
}

function createOf({ path, data, mode }: TreeCommand & { kind: "create" }) {
  return { path, data: dataOf(data), acl: OPEN_ACL, flags: mode };
}

function multiOf(command: TreeCommand): MultiRequest {
  switch (command.kind) {
    case "create":
      return { kind: "create", opcode: OPCODE.create2, request: createOf(command) };
    case "delete":
      return { kind: "delete", opcode: OPCODE.delete, request: command };
    case "set":
      return { kind: "set-data", opcode: OPCODE.setData, request: { ...command, data: dataOf(command.data) } };
    case "check":
      return { kind: "check", opcode: OPCODE.check, request: command };
  }
}
