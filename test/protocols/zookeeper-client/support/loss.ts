// What the tests of sessions share: the session's timeout, and how a loss is checked.

import assert from "node:assert/strict";
import {
  type Session,
  SessionLostError,
  type ZooKeeperClient,
} from "../../../../src/protocols/zookeeper/client/index.ts";
import { outcomeOf, type World } from "./stage.ts";

export const T = 9000;

export function assertLost(error: unknown, cause: SessionLostError["lossCause"]): void {
  assert.ok(error instanceof SessionLostError, String(error));
  assert.equal(error.lossCause, cause);
}

export function sessionOf(client: ZooKeeperClient): Session | null {
  return client.session;
}

export function readAllTheTime(world: World, client: ZooKeeperClient): void {
  const read = (): void => {
    if (client.state.kind === "closed") return;
    outcomeOf(client.exists("/a"));
    world.clock.after(50, read);
  };
  read();
}
