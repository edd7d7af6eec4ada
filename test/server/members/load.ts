// Writers on all members of an ensemble at once, which remember what was acknowledged; and members that operators reach.
import { randomBytes } from "node:crypto";
import type { Ensemble } from "../../support/ensemble.ts";
import { freePort } from "../../support/ports.ts";
import { ZooKeeperClient } from "../../support/zookeeper-client.ts";
import { codeOf, until } from "./story.ts";

export interface Load {
  /** Until so many more are acknowledged. */
  more(count: number): Promise<void>;
  /** The names below /load that are acknowledged by now. */
  acknowledged(): string[];
  stop(): Promise<void>;
}

/** Two writers a member, each with a request in hand at any time. Writers whose member dies end; others take no notice. */
export async function startLoad(ensemble: Ensemble, { valueBytes = 64 } = {}): Promise<Load> {
  const first = await ZooKeeperClient.connect(ensemble.members[0]!.address);
  await codeOf(first.create("/load"));
  await first.close();
  const value = randomBytes(valueBytes);
  const names: string[] = [];
  let isStopped = false;
  const write = async (address: string, writer: string): Promise<void> => {
    const client = await ZooKeeperClient.connect(address);
    for (let i = 0; !isStopped; i++) {
      const name = `${writer}-${i}`;
      await client.create(`/load/${name}`, value);
      names.push(name);
    }
    await client.close();
  };
  const writers = ensemble.members.flatMap(({ id, address }) =>
    ["a", "b"].map((letter) => write(address, `${letter}${id}`).catch(() => {})),
  );
  return {
    more: (count) => {
      const goal = names.length + count;
      return until(`${count} more are acknowledged`, () => names.length >= goal, 60_000);
    },
    acknowledged: () => [...names],
    stop: async () => {
      isStopped = true;
      await Promise.all(writers);
    },
  };
}

/** A free management port for each member. */
export async function adminPorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

/** For `EnsembleOptions.configOf`. */
export function adminSettings(ports: readonly number[]): (id: number) => readonly string[] {
  return (id) => ["admin.enableServer=true", `admin.serverPort=${ports[id - 1]}`];
}
