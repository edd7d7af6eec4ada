// The sessions that are connected now: each server is asked for its connections (ZooKeeper's word `cons`), where it may answer.

import { nodePorts, parseConnectString } from "../protocols/zookeeper/client/index.ts";
import { askWord } from "../protocols/zookeeper/client/server-probe.ts";

export interface LiveSession {
  readonly session: string;
  /** Where its program is. */
  readonly client: string;
  /** The server that it is connected to. */
  readonly server: string;
  readonly timeoutMs: number;
}

/** What a session holds, or waits for. */
export interface Place {
  readonly session: string;
  readonly who: string;
  readonly text: string;
}

export interface SessionRow {
  readonly session: string;
  /** Null, as the others: it is not connected now, or its server does not tell. */
  readonly client: string | null;
  readonly server: string | null;
  readonly timeoutMs: number | null;
  readonly places: readonly Omit<Place, "session">[];
}

/** `untold`: what could not be learnt, a line for each server. */
export async function liveSessions(
  url: string,
): Promise<{ readonly sessions: readonly LiveSession[]; readonly untold: readonly string[] }> {
  const { servers, isTls } = parseConnectString(url);
  const ports = nodePorts(isTls);
  const answers = await Promise.all(servers.map((server) => askWord("cons", server, ports)));
  const untold = answers.flatMap(({ server, answer, why }) => {
    if (answer === null) return [`${server} is not reached: ${why}`];
    return /not in the whitelist/.test(answer)
      ? [`${server} does not tell its connections: allow it the word cons`]
      : [];
  });
  return { sessions: answers.flatMap(({ server, answer }) => sessionsIn(server, answer ?? "")), untold };
}

/** ` /127.0.0.1:52342[1](queued=0,recved=5,sent=5,sid=0x100000000000,lop=PING,est=1607,to=10000)` */
export function sessionsIn(server: string, answer: string): readonly LiveSession[] {
  return answer.split("\n").flatMap((line) => {
    const [, client, fields = ""] = /^\s*\/?(\S+?)\[\d+\]\((.*)\)\s*$/.exec(line) ?? [];
    const session = /(?:^|,)sid=(0x[0-9a-f]+)/.exec(fields)?.[1];
    const timeout = /(?:^|,)to=(\d+)/.exec(fields)?.[1];
    if (client === undefined || session === undefined || BigInt(session) === 0n) return [];
    return [{ session, client, server, timeoutMs: Number(timeout ?? 0) }];
  });
}

/** Connected ones first, as the servers told them; then those that only their places tell of. */
export function sessionRows(sessions: readonly LiveSession[], places: readonly Place[]): readonly SessionRow[] {
  const placesOf = (session: string) =>
    places.filter((place) => place.session === session).map(({ who, text }) => ({ who, text }));
  const connected = new Set(sessions.map(({ session }) => session));
  const others = [...new Set(places.map(({ session }) => session))].filter((session) => !connected.has(session));
  return [
    ...sessions.map((one) => ({ ...one, places: placesOf(one.session) })),
    ...others.map((session) => ({ session, client: null, server: null, timeoutMs: null, places: placesOf(session) })),
  ];
}
