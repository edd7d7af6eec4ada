// What a running member holds, as a client reads it.
import { setTimeout as sleep } from "node:timers/promises";
import { toByteString } from "../../../src/base/text.ts";
import { ConnectionLost, ZooKeeperClient } from "../../support/zookeeper-client.ts";
import type { Held, View } from "./history.ts";
import { folder } from "./workload.ts";

const readWithinMs = 20_000;
const pauseMs = 100;

/** Everything below the workload's folder. A member that catches up by a snapshot lets its clients go: they come again. */
export async function readView(address: string): Promise<View> {
  const deadline = performance.now() + readWithinMs;
  for (;;) {
    try {
      return await read(address);
    } catch (error) {
      if (!(error instanceof ConnectionLost) || performance.now() > deadline) throw error;
      await sleep(pauseMs);
    }
  }
}

async function read(address: string): Promise<View> {
  const client = await ZooKeeperClient.connect(address);
  try {
    await client.sync();
    const view = new Map<string, Held>();
    if ((await client.exists(folder)) === null) return view;
    const children = (await client.getChildren(folder)).map((name) => `${folder}/${name}`);
    await Promise.all(
      [folder, ...children].map(async (path) => {
        const { data, stat } = await client.getData(path);
        const { version, czxid, mzxid } = stat;
        view.set(path, { data: toByteString(data), version, czxid, mzxid });
      }),
    );
    return view;
  } finally {
    client.destroy(); // its session is not ended: that would be one more change
  }
}
