// What a running member holds, as a client reads it.
import { toByteString } from "../../../src/base/text.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import type { Held, View } from "./history.ts";
import { folder } from "./workload.ts";

/** Everything below the workload's folder; a session of its own, not ended in order, reads it. */
export async function readView(address: string): Promise<View> {
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
    client.destroy();
  }
}
