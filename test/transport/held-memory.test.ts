// The bound on what a member holds for its clients, whatever becomes of one that is closed for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldMemory, type MemoryHolder } from "../../src/transport/held-memory.ts";

test("memory is given back again after a connection that failed as it was closed", () => {
  const memory = new HeldMemory(100);
  let isFailing = true;
  const dropped: string[] = [];
  const holder: MemoryHolder = {
    heldBytes: 60,
    progressedAt: 0,
    account: () => {},
    drop: (reason) => {
      if (isFailing) throw new Error("a bug");
      dropped.push(reason);
      memory.note(-memory.bytes);
    },
  };
  memory.add(() => [holder]);
  memory.note(60);
  assert.throws(() => memory.note(60), /a bug/);
  isFailing = false;
  memory.note(1);
  assert.equal(dropped.length, 1);
  assert.equal(memory.bytes, 0);
});
