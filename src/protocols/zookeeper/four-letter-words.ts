// The four-letter words: a client sends four bytes instead of a handshake, and gets text back until the connection
// closes. The formats are ZooKeeper's, down to blanks and missing line ends, because programs cut them to pieces.

import { assert } from "../../base/assert.ts";
import { formatServerLine, lineOfMember } from "../../base/server-line.ts";
import { fromByteString } from "../../base/text.ts";
import type { MemberRecord } from "../../consensus/raft/types.ts";
import { memberDescribed } from "../../state/membership/description.ts";
import { environment, FULL_VERSION } from "./admin-about.ts";
import { type AdminContext, double, hex, modeOf, type TreeFacts } from "./admin-context.ts";
import { Listing } from "./admin-listing.ts";
import { memberReport } from "./admin-member-report.ts";
import { monitorValues } from "./monitor-values.ts";
import type { ConnectionStats, ServerStats } from "./stats.ts";
import type { WatchTable } from "./watches.ts";

const NOT_SERVING = "This ZooKeeper instance is not currently serving requests\n";

type Word = (context: AdminContext) => string;

/** One entry a word. Those in `NEEDS_SERVICE` answer only while clients are served. */
const WORDS: Readonly<Record<string, Word>> = {
  conf,
  cons: ({ stats }) => `${connectionLines(stats.connections, false)}\n`,
  crst: ({ stats }) => {
    stats.resetConnections();
    return "Connection stats reset.\n";
  },
  dirs: ({ storage }) => `datadir_size: ${storage.snapshotBytes}\nlogdir_size: ${storage.logBytes}\n`,
  dump,
  envi: () => `Environment:\n${lines(environment().map(([key, value]) => `${key}=${value}`))}`,
  gtmk: ({ traceMask }) => String(traceMask),
  // Digests of single transactions are not kept: the log has a checksum for every record. An empty history is ZooKeeper's
  // answer too when `digest.enabled` is off.
  hash: () => "",
  isro: ({ stats }) => (!stats.isServing ? "null" : stats.isReadOnly ? "ro" : "rw"),
  memb: (context) => `${JSON.stringify(memberReport(context))}\n`,
  mntr: (context) => lines(monitorValues(context).map(([key, value]) => `zk_${key}\t${value}`)),
  ruok: () => "imok",
  srst: ({ stats, member }) => {
    stats.reset();
    member.proposals.reset();
    return "Server stats reset.\n";
  },
  srvr: (context) => `${versionLines(context)}${statLines(context)}`,
  stat: (context) => {
    const clients = connectionLines(context.stats.connections, true);
    return `${versionLines(context)}Clients:\n${clients}\n${statLines(context)}`;
  },
  // As ZooKeeper, of the watches on data and existence only; those on children count in `zk_watch_count`.
  wchc: ({ stats }) => `${watchesBySession(stats.watches.data)}\n`,
  wchp: ({ stats }) => `${watchesByPath(stats.watches.data)}\n`,
  wchs: ({ stats }) => {
    const { watcherCount, pathCount, size } = stats.watches.data;
    return `${watcherCount} connections watching ${pathCount} paths\nTotal watches:${size}\n`;
  },
};

const NEEDS_SERVICE: ReadonlySet<string> = new Set(
  "conf cons crst dirs dump hash mntr srst srvr stat wchc wchp wchs".split(" "),
);

/** Ours: it tells nothing that `srvr` and the ensemble's configuration do not. */
const ALWAYS_ALLOWED: ReadonlySet<string> = new Set(["memb"]);

/** Whether these four bytes are a word rather than the length of a frame. */
export function isFourLetterWord(word: string): boolean {
  return word === "stmk" || Object.hasOwn(WORDS, word);
}

/**
 * Answers words by `reply`; says whether the word is one. The context is asked for at each word: while there is none yet,
 * the member is not serving. `stmk` is followed by eight bytes, the new mask; without them it changes nothing.
 */
export function fourLetterWords(
  context: () => AdminContext | null,
): (word: string, reply: (text: string) => void, connection?: ConnectionStats, argument?: Uint8Array) => boolean {
  return (word, reply, _connection, argument) => {
    if (!isFourLetterWord(word)) return false;
    const known = context();
    reply(known === null ? NOT_SERVING : answerFourLetterWord(known, word, argument));
    return true;
  };
}

/** The whole answer to a word. */
export function answerFourLetterWord(context: AdminContext, word: string, argument?: Uint8Array): string {
  assert(isFourLetterWord(word), `"${word}" is no word that is known here`);
  const { words } = context.settings;
  if (words !== "all" && !words.has(word) && !ALWAYS_ALLOWED.has(word)) {
    return `${word} is not executed because it is not in the whitelist.\n`;
  }
  if (word === "stmk") return setTraceMask(context, argument);
  if (NEEDS_SERVICE.has(word) && !context.stats.isServing) return NOT_SERVING;
  return WORDS[word]!(context);
}

function setTraceMask(context: AdminContext, argument: Uint8Array | undefined): string {
  if (argument !== undefined && argument.length >= 8) {
    context.traceMask = new DataView(argument.buffer, argument.byteOffset, 8).getBigInt64(0);
  }
  return String(context.traceMask);
}

function versionLines({ stats }: AdminContext): string {
  const readOnly = stats.isReadOnly ? "READ-ONLY mode; serving only read-only clients\n" : "";
  return `Zookeeper version: ${FULL_VERSION}\n${readOnly}`;
}

function statLines(context: AdminContext): string {
  const { stats, member, tree } = context;
  const { latency } = stats;
  const { last, min, max } = member.proposals;
  return lines([
    `Latency min/avg/max: ${Math.round(latency.min)}/${double(latency.average)}/${Math.round(latency.max)}`,
    `Received: ${stats.packetsReceived}`,
    `Sent: ${stats.packetsSent}`,
    `Connections: ${stats.connectionCount}`,
    `Outstanding: ${stats.outstanding}`,
    `Zxid: 0x${hex(member.machine.sequence)}`,
    `Mode: ${modeOf(context)}`,
    `Node count: ${tree.nodeCount}`,
    // Here a proposal is a batch: what is one entry of the log.
    ...(modeOf(context) === "leader" ? [`Proposal sizes last/min/max: ${last}/${min}/${max}`] : []),
  ]);
}

function connectionLines(connections: Iterable<ConnectionStats>, brief: boolean): string {
  return new Listing().lines(mapped(connections, (one) => connectionLine(one, brief)));
}

/** A line of `cons`, or the shorter one of `stat`, without its end. */
function connectionLine(one: ConnectionStats, brief: boolean): string {
  const { traffic } = one;
  const interest = (one.reading ? 1 : 0) | (one.unsentBytes > 0 ? 4 : 0);
  const counts = `queued=${one.outstanding},recved=${traffic.packetsReceived},sent=${traffic.packetsSent}`;
  let session = "";
  if (!brief && one.session.id !== 0) {
    const { latency } = traffic;
    const lastXid = traffic.lastXid >= 0 ? `,lcxid=0x${hex(traffic.lastXid)}` : "";
    session =
      `,sid=0x${hex(one.session.id)},lop=${traffic.lastOperation},est=${Math.round(one.established)},to=${one.session.timeoutMs}` +
      `${lastXid},lzxid=0x${hex(traffic.lastZxid)},lresp=${Math.round(traffic.lastResponseTime)},llat=${Math.round(latency.last)}` +
      `,minlat=${Math.round(latency.min)},avglat=${Math.round(latency.average)},maxlat=${Math.round(latency.max)}`;
  }
  return ` ${javaAddress(one)}[${interest.toString(16)}](${counts}${session})`;
}

/** As Java writes a socket's address. */
export function javaAddress({ remoteAddress, remotePort }: ConnectionStats): string {
  return `/${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}

function conf({ settings, storage, member }: AdminContext): string {
  const common = [
    `clientPort=${settings.clientPort}`,
    `secureClientPort=${settings.secureClientPort}`,
    `dataDir=${settings.dataDir}`,
    `dataDirSize=${storage.snapshotBytes}`,
    `dataLogDir=${settings.logDir}`,
    `dataLogSize=${storage.logBytes}`,
    `tickTime=${settings.tickMs}`,
    `maxClientCnxns=${settings.connectionsPerAddressMax}`,
    `minSessionTimeout=${settings.sessionTimeoutMinMs}`,
    `maxSessionTimeout=${settings.sessionTimeoutMaxMs}`,
    `clientPortListenBacklog=${settings.backlog}`,
    `serverId=${settings.standalone ? 0 : member.id}`,
  ];
  if (settings.standalone) return lines(common);
  const { members } = member.status.configuration;
  const own = members.find(({ id }) => id === member.id);
  const lineOf = ({ id, description }: MemberRecord) => lineOfMember(memberDescribed(id, description));
  const [place] = own === undefined ? [] : lineOf(own).addresses;
  return lines([
    ...common,
    `initLimit=${settings.initLimit ?? 0}`,
    `syncLimit=${settings.syncLimit ?? 0}`,
    "electionAlg=3",
    `electionPort=${place?.electionPort ?? -1}`,
    `quorumPort=${place?.peerPort ?? -1}`,
    `peerType=${member.status.role === "observer" ? 1 : 0}`,
    "membership: ",
    ...members.map((each) => `server.${each.id}=${formatServerLine(lineOf(each))}`),
  ]);
}

function dump({ tree, stats }: AdminContext): string {
  return new Listing().lines(dumpLines(tree, stats));
}

function* dumpLines(tree: TreeFacts, stats: ServerStats): Generator<string> {
  yield "SessionTracker dump:";
  yield `Global Sessions(${tree.sessionCount}):`;
  for (const { id, timeoutMs } of [...tree.sessions()].sort((one, other) => one.id - other.id)) {
    yield `0x${hex(id)}\t${timeoutMs}ms`;
  }
  yield "ephemeral nodes dump:";
  yield `Sessions with Ephemerals (${tree.ephemeralOwnerCount}):`;
  for (const [id, paths] of tree.ephemerals()) {
    yield `0x${hex(id)}:`;
    for (const path of paths) yield `\t${fromByteString(path)}`;
  }
  yield "Connections dump:";
  yield `Connections (${stats.connectionCount}):`;
  for (const one of stats.connections) yield `\tip: ${javaAddress(one)} sessionId: 0x${hex(one.session.id)}`;
}

function watchesBySession(table: WatchTable): string {
  return new Listing().lines(sessionLines(table));
}

function* sessionLines(table: WatchTable): Generator<string> {
  for (const [watcher, paths] of table.byWatcher()) {
    yield `0x${hex(watcher.sessionId)}`;
    for (const path of paths) yield `\t${fromByteString(path)}`;
  }
}

function watchesByPath(table: WatchTable): string {
  return new Listing().lines(pathLines(table));
}

function* pathLines(table: WatchTable): Generator<string> {
  for (const [path, watchers] of table.byPath()) {
    yield fromByteString(path);
    for (const watcher of watchers) yield `\t0x${hex(watcher.sessionId)}`;
  }
}

function* mapped<T, R>(items: Iterable<T>, to: (item: T) => R): Generator<R> {
  for (const item of items) yield to(item);
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
