// What the tests of calls share: how failures are checked, and servers that do not answer.

import assert from "node:assert/strict";
import { CoordinationError } from "../../../../src/protocols/zookeeper/client/index.ts";
import { OPCODE } from "../../../../src/protocols/zookeeper/codec/opcodes.ts";
import type { World } from "./stage.ts";

process.on("unhandledRejection", (error) => {
  throw error; // no test of the client may leave one
});

export function assertFailed(
  error: Error | undefined,
  code: CoordinationError["code"],
  outcome: CoordinationError["outcome"],
) {
  assert.ok(error instanceof CoordinationError, String(error));
  assert.deepEqual([error.code, error.outcome], [code, outcome], error.message);
}

/** Servers that hear everything and answer nothing but pings. */
export function mute(world: World): void {
  world.script((_peer, { opcode }) => opcode !== OPCODE.ping && opcode !== OPCODE.closeSession);
}

export function creates(world: World): number {
  return world.peers.reduce((sum, { asked }) => sum + asked.filter(({ opcode }) => opcode === OPCODE.create).length, 0);
}
