// The admin server's commands: one entry each, from what is known of the member to a plain value, which goes out as
// JSON. Names and fields are those of ZooKeeper's AdminServer.

import { bracketed, formatEndpoint } from "../../base/endpoint.ts";
import type { Member } from "../../base/member.ts";
import { lineOfMember } from "../../base/server-line.ts";
import { fromByteString } from "../../base/text.ts";
import type { MemberRecord } from "../../consensus/raft/types.ts";
import { memberDescribed } from "../../state/membership/description.ts";
import { environment, FULL_VERSION } from "./admin-about.ts";
import { type AdminContext, double, hex, modeOf } from "./admin-context.ts";
import { Listing } from "./admin-listing.ts";
import { javaAddress } from "./four-letter-words.ts";
import { monitorValues } from "./monitor-values.ts";
import type { ConnectionStats } from "./stats.ts";

export interface AdminCommand {
  /** The first is the one that answers say. */
  readonly names: readonly string[];
  readonly method: "GET" | "POST";
  /** Answers only while clients are served. */
  readonly needsService: boolean;
  /** Only for someone to whom the access list of `/` grants everything, and by name. */
  readonly isGuarded: boolean;
  run(context: AdminContext, request: AdminRequest): AdminAnswer | Promise<AdminAnswer>;
}

interface AdminRequest {
  readonly parameters: { get(name: string): string | null };
  /** The body of a POST, read when asked for. */
  readonly body: () => Promise<string>;
}

/** Fields of the JSON object, besides `command` and `error`; or a stream in its place. */
export interface AdminAnswer {
  readonly status?: number;
  readonly error?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: AsyncIterable<Uint8Array>;
}

type Fields = Readonly<Record<string, unknown>>;

/** What a number, and a connection, take in an answer, about. */
const NUMBER_BYTES = 40;
const CONNECTION_BYTES = 600;

/** One entry for each of these, as many as have room. */
function listed<T>(
  listing: Listing,
  items: Iterable<T>,
  keyOf: (item: T) => string | number,
  contentOf: (item: T) => unknown,
): Fields {
  const fields: [string | number, unknown][] = [];
  for (const item of items) {
    const key = keyOf(item);
    if (!listing.takes(String(key).length + NUMBER_BYTES)) break;
    fields.push([key, contentOf(item)]);
  }
  return Object.fromEntries(fields);
}

function textsOf(listing: Listing, paths: Iterable<string>): string[] {
  return [...listing.of(paths, (path) => path.length + NUMBER_BYTES)].map(fromByteString);
}

function get(names: readonly string[], fields: (context: AdminContext) => Fields): AdminCommand {
  const run = (context: AdminContext): AdminAnswer => ({ fields: fields(context) });
  return { names, method: "GET", needsService: true, isGuarded: false, run };
}

/** Changes something, if only a count: never by GET, which a link or a picture in any page can send. */
function post(names: readonly string[], fields: (context: AdminContext) => Fields): AdminCommand {
  return { ...get(names, fields), method: "POST" };
}

/** Answers whether clients are served or not. */
function always(command: AdminCommand): AdminCommand {
  return { ...command, needsService: false };
}

export const ADMIN_COMMANDS: readonly AdminCommand[] = [
  post(["connection_stat_reset", "crst"], ({ stats }) => {
    stats.resetConnections();
    return {};
  }),
  get(["configuration", "conf", "config"], ({ settings, member }) => ({
    client_port: settings.clientPort,
    data_dir: settings.dataDir,
    data_log_dir: settings.logDir,
    tick_time: settings.tickMs,
    max_client_cnxns: settings.connectionsPerAddressMax,
    min_session_timeout: settings.sessionTimeoutMinMs,
    max_session_timeout: settings.sessionTimeoutMaxMs,
    server_id: settings.standalone ? 0 : member.id,
    client_port_listen_backlog: settings.backlog,
  })),
  get(["connections", "cons"], ({ stats }) => connectionFields(stats.connections, false)),
  get(["hash"], () => ({ digests: [] })),
  get(["dirs"], ({ storage }) => ({ datadir_size: storage.snapshotBytes, logdir_size: storage.logBytes })),
  get(["dump"], ({ tree }) => {
    const listing = new Listing();
    const sessions: Record<string, number> = {};
    for (const { id, timeoutMs } of listing.of(tree.sessions(), () => NUMBER_BYTES)) sessions[id] = timeoutMs;
    return {
      // When a session expires is known to the leader's clock alone, and is no part of the state.
      expiry_time_to_session_ids: {},
      session_id_to_timeout_ms: sessions,
      session_id_to_ephemeral_paths: listed(
        listing,
        tree.ephemerals(),
        ([id]) => id,
        ([, paths]) => textsOf(listing, paths),
      ),
      ...listing.note,
    };
  }),
  always(get(["environment", "env", "envi"], () => Object.fromEntries(environment()))),
  always(get(["get_trace_mask", "gtmk"], ({ traceMask }) => ({ tracemask: Number(traceMask) }))),
  get(["initial_configuration", "icfg"], ({ settings }) => ({ initial_configuration: settings.initialConfiguration })),
  get(["is_read_only", "isro"], ({ stats }) => ({ read_only: stats.isReadOnly })),
  get(["last_snapshot", "lsnp"], ({ storage: { lastSnapshot } }) => ({
    zxid: hex(lastSnapshot?.sequence ?? -1),
    timestamp: lastSnapshot?.time ?? -1,
  })),
  { ...get(["leader", "lead"], () => ({})), run: leader },
  always(get(["monitor", "mntr"], (context) => Object.fromEntries(monitorValues(context).map(typed)))),
  post(["observer_connection_stat_reset", "orst"], () => ({})),
  {
    names: ["restore", "rest"],
    method: "POST",
    needsService: true,
    isGuarded: true,
    run: () => ({
      status: 501,
      error:
        "The state is what the log says, on every member alike: one of them cannot be given another. " +
        "To go back to a snapshot, stop all members and start them from its file.",
    }),
  },
  get(["ruok"], () => ({})),
  {
    names: ["set_trace_mask", "stmk"],
    method: "POST",
    needsService: false,
    isGuarded: false,
    run: (context, { parameters }) => setTraceMask(context, parameters.get("traceMask")),
  },
  { names: ["shed_connections", "shed"], method: "POST", needsService: true, isGuarded: true, run: shedConnections },
  { names: ["snapshot", "snap"], method: "GET", needsService: true, isGuarded: true, run: takeSnapshot },
  get(["server_stats", "srvr"], serverStats),
  get(["stats", "stat"], (context) => ({
    ...serverStats(context),
    ...connectionFields(context.stats.connections, true),
  })),
  post(["stat_reset", "srst"], ({ stats }) => {
    stats.reset();
    return {};
  }),
  get(["observers", "obsr"], ({ member }) => {
    const { followers, configuration, lastIndex } = member.status;
    const learners = new Map(
      configuration.members.filter(({ role }) => role === "learner").map((one) => [one.id, one]),
    );
    const observers = followers.filter(({ id, active }) => active && learners.has(id));
    return {
      synced_observers: observers.length,
      observers: observers.map(({ id, matchIndex }) => ({
        sid: id,
        remote_socket_address: hostOf(learners.get(id)!),
        lag: Math.max(0, lastIndex - matchIndex),
      })),
    };
  }),
  always(get(["system_properties", "sysp"], ({ settings }) => Object.fromEntries(settings.properties))),
  get(["voting_view"], ({ member, settings }) => ({
    current_config: settings.standalone
      ? {}
      : Object.fromEntries(
          member.status.configuration.members
            .filter(({ role }) => role === "voter")
            .map(({ id, description }) => [id, votingView(memberDescribed(id, description))]),
        ),
  })),
  get(["watches", "wchc"], ({ stats }) => {
    const listing = new Listing();
    const watching = listed(
      listing,
      stats.watches.data.byWatcher(),
      ([{ sessionId }]) => sessionId,
      ([, paths]) => textsOf(listing, paths),
    );
    return { session_id_to_watched_paths: watching, ...listing.note };
  }),
  get(["watches_by_path", "wchp"], ({ stats }) => {
    const listing = new Listing();
    const watching = listed(
      listing,
      stats.watches.data.byPath(),
      ([path]) => fromByteString(path),
      ([, watchers]) => [...listing.of(watchers, () => NUMBER_BYTES)].map(({ sessionId }) => sessionId),
    );
    return { path_to_session_ids: watching, ...listing.note };
  }),
  get(["watch_summary", "wchs"], ({ stats: { watches } }) => ({
    num_connections: watches.data.watcherCount,
    num_paths: watches.data.pathCount,
    num_total_watches: watches.data.size,
  })),
  always(get(["zabstate"], zabState)),
];

const byName = new Map(ADMIN_COMMANDS.flatMap((command) => command.names.map((name) => [name, command] as const)));

export function adminCommandNamed(name: string): AdminCommand | null {
  return byName.get(name) ?? null;
}

function leader({ member, settings }: AdminContext): AdminAnswer {
  if (settings.standalone) return { error: "server is not initialized" };
  const { role, leader, configuration } = member.status;
  const record = configuration.members.find(({ id }) => id === leader);
  return {
    fields: {
      is_leader: role === "leader",
      leader_id: leader ?? -1,
      leader_ip: record === undefined ? "" : hostOf(record),
    },
  };
}

function serverStats(context: AdminContext): Fields {
  const { stats, tree, storage, member, settings } = context;
  return {
    version: FULL_VERSION,
    read_only: stats.isReadOnly,
    server_stats: {
      packets_sent: stats.packetsSent,
      packets_received: stats.packetsReceived,
      min_latency: Math.round(stats.latency.min),
      avg_latency: Number(double(stats.latency.average)),
      max_latency: Math.round(stats.latency.max),
      outstanding_requests: stats.outstanding,
      last_processed_zxid: member.machine.sequence,
      data_dir_size: storage.snapshotBytes,
      log_dir_size: storage.logBytes,
      server_state: modeOf(context),
      num_alive_client_connections: stats.connectionCount,
      uptime: Math.round(context.wall() - settings.startedAt),
      auth_failed_count: stats.authFailures,
    },
    node_count: tree.nodeCount,
  };
}

function connectionFields(connections: Iterable<ConnectionStats>, brief: boolean): Fields {
  const listing = new Listing();
  const shown = [...listing.of(connections, () => (brief ? 200 : CONNECTION_BYTES))];
  return {
    connections: shown.filter(({ secure }) => !secure).map((one) => connectionInfo(one, brief)),
    secure_connections: shown.filter(({ secure }) => secure).map((one) => connectionInfo(one, brief)),
    ...listing.note,
  };
}

function connectionInfo(one: ConnectionStats, brief: boolean): Fields {
  const { session, traffic } = one;
  const { latency } = traffic;
  const info = {
    remote_socket_address: javaAddress(one).slice(1),
    interest_ops: (one.reading ? 1 : 0) | (one.unsentBytes > 0 ? 4 : 0),
    outstanding_requests: one.outstanding,
    packets_received: traffic.packetsReceived,
    packets_sent: traffic.packetsSent,
  };
  if (brief) return info;
  return {
    ...info,
    session_id: session.id,
    last_operation: traffic.lastOperation,
    established: Math.round(one.established),
    session_timeout: session.timeoutMs,
    last_cxid: traffic.lastXid,
    last_zxid: traffic.lastZxid,
    last_response_time: Math.round(traffic.lastResponseTime),
    last_latency: Math.round(latency.last),
    min_latency: Math.round(latency.min),
    avg_latency: Math.round(latency.average),
    max_latency: Math.round(latency.max),
  };
}

/** Numbers as numbers, for JSON. */
function typed([key, value]: readonly [string, string]): readonly [string, string | number] {
  return [key, /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value];
}

function setTraceMask(context: AdminContext, given: string | null): AdminAnswer {
  if (given === null) return { error: "setTraceMask requires long traceMask argument" };
  if (!/^-?\d{1,19}$/.test(given)) return { error: `setTraceMask requires long traceMask argument, got ${given}` };
  context.traceMask = BigInt.asIntN(64, BigInt(given));
  return { fields: { tracemask: Number(context.traceMask) } };
}

async function shedConnections({ stats }: AdminContext, { body }: AdminRequest): Promise<AdminAnswer> {
  const bad = (error: string): AdminAnswer => ({ status: 400, error });
  let parsed: unknown;
  try {
    parsed = JSON.parse(await body());
  } catch (error) {
    return bad(`Invalid JSON or failed to read request body: ${(error as Error).message}`);
  }
  if (typeof parsed !== "object" || parsed === null || !("percentage" in parsed))
    return bad("Missing required field: percentage");
  const { percentage } = parsed;
  if (typeof percentage !== "number" || !(percentage >= 0 && percentage <= 100)) {
    return bad("Percentage must be between 0 and 100");
  }
  const connections = [...stats.connections];
  const count = Math.round((connections.length * percentage) / 100);
  for (let taken = 0; taken < count; taken++) {
    const chosen = taken + Math.floor(Math.random() * (connections.length - taken));
    [connections[taken], connections[chosen]] = [connections[chosen]!, connections[taken]!];
    connections[taken]!.close("an operator sheds connections");
  }
  return { fields: { connections_shed: count, percentage_requested: percentage } };
}

/** When a snapshot was last given out, by context: each is a walk over the whole state. */
const lastTaken = new WeakMap<AdminContext, number>();

async function takeSnapshot(context: AdminContext, { parameters }: AdminRequest): Promise<AdminAnswer> {
  const { storage, settings } = context;
  if (!settings.snapshotEnabled) return { status: 503, error: "snapshots are turned off: admin.snapshot.enabled" };
  if (storage.takeSnapshot === null) return { status: 501, error: "this member takes no snapshots on demand" };
  const now = context.wall();
  if (now - (lastTaken.get(context) ?? Number.NEGATIVE_INFINITY) < settings.rateLimitMs) {
    return { status: 429, error: `one snapshot in ${settings.rateLimitMs} ms: admin.rateLimiterIntervalInMS` };
  }
  lastTaken.set(context, now);
  const { sequence: zxid, size, chunks } = await storage.takeSnapshot();
  const headers = { last_zxid: `0x${hex(zxid)}`, snapshot_size: String(size) };
  return parameters.get("streaming") === "false" ? { headers } : { headers, stream: chunks };
}

function zabState(context: AdminContext): Fields {
  const { member, settings } = context;
  const { role, configuration, hasQuorum, term } = member.status;
  if (settings.standalone) return { voting: false, zabstate: "" };
  const own = configuration.members.find(({ id }) => id === member.id);
  const view = votingView(memberDescribed(member.id, own?.description ?? ""));
  const zxid = member.machine.sequence;
  return {
    myid: member.id,
    is_leader: role === "leader",
    quorum_address: view.server_addresses,
    election_address: view.election_addresses,
    client_address: view.client_address,
    voting: own?.role === "voter",
    last_zxid: `0x${hex(zxid)}`,
    // Raft's term stands in for the epoch; the zxid is one counter here, without an epoch in its upper half.
    zab_epoch: term,
    zab_counter: zxid,
    zabstate: hasQuorum ? "broadcast" : "election",
  };
}

/** A member's line, taken apart for people. */
function votingView(member: Member) {
  const { addresses, client, role } = lineOfMember(member);
  return {
    server_addresses: addresses.map(({ host, peerPort }) => `${bracketed(host)}:${peerPort}`),
    election_addresses: addresses.map(({ host, electionPort }) => `${bracketed(host)}:${electionPort}`),
    client_address: client === null ? "" : formatEndpoint(client),
    learner_type: role,
  };
}

/** Empty: nobody knows how to reach it. */
function hostOf({ id, description }: MemberRecord): string {
  const [first] = memberDescribed(id, description).peers;
  return first === undefined ? "" : bracketed(first.host);
}
