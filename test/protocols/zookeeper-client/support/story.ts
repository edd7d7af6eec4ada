// What the tests of the client say in words.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ClientState,
  type ZooKeeperClient,
  ZooKeeperError,
  type ZooKeeperReason,
} from "../../../../src/protocols/zookeeper/client/index.ts";

export function textOf(data: Uint8Array | null): string {
  return new TextDecoder().decode(data ?? new Uint8Array(0));
}

/** What a promise fails with; that it does not is a failure of the test. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    (value) => new assert.AssertionError({ message: `it did not fail, but gave ${String(value)}` }),
    (reason: unknown) => reason,
  );
  if (error instanceof assert.AssertionError || !(error instanceof Error)) throw error;
  return error;
}

export async function refusalOf(promise: Promise<unknown>): Promise<ZooKeeperReason> {
  const error = await failureOf(promise);
  assert.ok(error instanceof ZooKeeperError, String(error));
  return error.reason;
}

/** Every state from now on. */
export function statesOf(client: ZooKeeperClient): ClientState["kind"][] {
  const kinds: ClientState["kind"][] = [];
  client.onState(({ kind }) => kinds.push(kind));
  return kinds;
}

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patienceMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `${what}: not within ${patienceMs} ms`);
    await sleep(10);
  }
}
