// As a TypeScript project uses it: types alone.
import { CoordinationError, connect, type Handle, LockLostError } from "cabildo";
import { checkLinearizable } from "cabildo/checkers";
import { startMember } from "cabildo/server";
import { virtualCluster } from "cabildo/testing";
import { connectZooKeeper, op } from "cabildo/zookeeper-client";

export async function work(url: string): Promise<bigint> {
  await using c = await connect(url, { sessionTimeoutMs: 4000 });
  await using held: Handle = await c.lock("billing").acquire({ timeoutMs: 1000 });
  const job = await c.queue<{ readonly a: number }>("q").take();
  const sum: number = job.value.a;
  for await (const term of c.election("e").campaign({ priority: sum })) await term.publish("x");
  await using client = await connectZooKeeper(url);
  const [made] = await client.multi([op.create("/a", "x", { withStat: true })]);
  const path: string = made.path;
  // @ts-expect-error: there is no such option
  await c.lock(path).acquire({ timeout: 1 });
  return held.token;
}

export function tell(error: unknown): string {
  if (error instanceof LockLostError) return error.lossCause;
  return error instanceof CoordinationError ? error.outcome : String(error);
}

export const entries = { checkLinearizable, startMember, virtualCluster };
