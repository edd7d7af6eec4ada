// The table of limits in docs/operations.md: each row says what the constants in the code say, and what happens beyond it; and
// no limit of a client, a peer or a command is missing there without a reason.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const page = readFileSync(join(ROOT, "docs", "operations.md"), "utf8");
const table = page.slice(page.indexOf("\n## Limits\n"));
const rows = [...table.matchAll(/^\|(?! limit \||---)(.+)\|$/gm)].map((match) => {
  const [limit = "", value = "", setting = "", beyond = ""] = match[1]!.split("|").map((cell) => cell.trim());
  return { limit, value, setting, beyond, text: match[1]! };
});

/** How a constant is written in its row. */
type Style = (value: number) => string;

const count: Style = (value) => value.toLocaleString("en-US");
const bytes: Style = (value) => {
  if (value >= 1 << 20 && value % (1 << 20) === 0) return `${value >> 20} MiB`;
  return value >= 1 << 10 && value % (1 << 10) === 0 && value !== 1024 ? `${value >> 10} KiB` : `${count(value)} B`;
};
const seconds: Style = (value) => `${value / 1000} s`;
const times: Style = (value) => `${value} ×`;

/** The beginning of a row's limit, and the constants that it speaks of: where each stands, and how it is written. */
const expected: Readonly<Record<string, readonly (readonly [place: string, name: string, style: Style])[]>> = {
  "a frame from a client": [["protocols/zookeeper/limits.ts", "FRAME_BYTES_MAX", (value) => `${count(value)} B`]],
  "requests of one client library": [
    ["protocols/zookeeper/client", "BACKLOG_REQUESTS_MAX", count],
    ["protocols/zookeeper/client", "BACKLOG_BYTES_MAX", bytes],
  ],
  "a reply that the client library takes": [["protocols/zookeeper/client", "REPLY_BYTES_MAX", bytes]],
  "requests in hand, all clients of one door together": [["protocols/zookeeper/limits.ts", "OUTSTANDING_MAX", count]],
  "what waits at a leader for its log": [["replica", "QUEUED_BYTES_MAX", bytes]],
  "a command of a client": [
    ["replica", "COMMAND_BYTES_MAX", bytes],
    ["server/configuration", "REQUEST_BYTES_MAX", bytes],
  ],
  "what a client proves of itself": [
    ["protocols/zookeeper/limits.ts", "IDENTITIES_MAX", count],
    ["protocols/zookeeper/limits.ts", "IDENTITIES_BYTES_MAX", bytes],
  ],
  "the subject of a client's certificate": [["protocols/zookeeper/limits.ts", "CERTIFICATE_NAME_BYTES_MAX", bytes]],
  "a message of SASL": [["protocols/zookeeper", "RESPONSE_BYTES_MAX", bytes]],
  "how long a connection may be there without a handshake": [
    ["protocols/zookeeper/limits.ts", "HANDSHAKE_DEADLINE_MS", seconds],
  ],
  "how long a client may take to fetch its last replies": [["adapters/clients/limits.ts", "LINGER_MS", seconds]],
  "sessions of an ensemble": [["state/leases", "LEASES_MAX", count]],
  "what waits to be sent to another member": [["adapters/peers", "UNSENT_BYTES_MAX", bytes]],
  "requests in hand, of one connection": [
    ["protocols/zookeeper/limits.ts", "OUTSTANDING_PER_CONNECTION_MAX", count],
    ["protocols/zookeeper/limits.ts", "REQUEST_BYTES_HIGH", bytes],
  ],
  "replies and notifications not fetched, of one connection": [["transport/limits.ts", "UNSENT_BYTES_HIGH", bytes]],
  "notifications not fetched": [["transport/limits.ts", "UNSENT_NOTIFICATION_BYTES_MAX", bytes]],
  "large reads in front of a write": [
    ["protocols/zookeeper/limits.ts", "READS_AHEAD_OF_WRITE_MAX", count],
    ["protocols/zookeeper/limits.ts", "UNSENT_BYTES_MAX", bytes],
  ],
  "what is held for all clients": [["transport/limits.ts", "HELD_BYTES_MAX", bytes]],
  "the reply to one request": [["protocols/zookeeper/limits.ts", "REPLY_BYTES_MAX", bytes]],
  "the reply to a multiRead": [["protocols/zookeeper/limits.ts", "MULTI_READ_FRAMES_MAX", times]],
  "watches of one connection": [
    ["protocols/zookeeper/limits.ts", "WATCH_BYTES_PER_CONNECTION_MAX", bytes],
    ["protocols/zookeeper/limits.ts", "WATCH_BYTES_ABOUT", bytes],
    ["protocols/zookeeper/limits.ts", "WATCH_SEGMENT_BYTES_ABOUT", bytes],
  ],
  "watches of all clients": [["transport/limits.ts", "WATCH_BYTES_MAX", bytes]],
  "work for clients in a turn": [
    ["transport/limits.ts", "TURN_WORK_MAX", bytes],
    ["protocols/zookeeper/limits.ts", "VISIT_WORK", (each) => `${count((4 << 20) / each)} nodes`],
  ],
  "the answer to a four-letter word": [["protocols/zookeeper/limits.ts", "OPERATOR_REPLY_BYTES_MAX", bytes]],
  "how long a handshake waits": [
    ["protocols/zookeeper/limits.ts", "NO_QUORUM_GRACE_TICKS", (ticks) => `${ticks} \`tickTime\``],
  ],
  "how long a read waits": [["replica/read-barriers.ts", "DEADLINE_MS", seconds]],
  "log kept for members": [["replica", "KEPT_LOG_FACTOR", times]],
  "connections to the admin server": [
    ["management", "CONNECTIONS_MAX", count],
    ["management", "CONNECTIONS_PER_ADDRESS_MAX", count],
  ],
  "an HTTP request there": [["management", "REQUEST_WITHIN_MS", seconds]],
  "the body of an HTTP request": [["management", "BODY_BYTES_MAX", bytes]],
  "backups that leave a member": [["management", "FILE_WITHIN_MS", seconds]],
  "an HTTP answer": [["management", "STALLED_MS", seconds]],
  "HTTP requests of one connection": [],
  "connections from one address": [["adapters/clients/limits.ts", "CONNECTIONS_PER_ADDRESS_MAX", count]],
  "connections in all": [],
  "a server line": [["base", "SERVER_LINE_CHARACTERS_MAX", count]],
  "an access list": [
    ["state/tree/limits.ts", "ACL_ENTRIES_MAX", count],
    ["state/tree/limits.ts", "ACL_BYTES_MAX", bytes],
    ["state/tree/limits.ts", "ACL_ID_BYTES_MAX", bytes],
  ],
  "lines in the log for operators' requests": [
    ["management", "LINES_PER_PERIOD_MAX", count],
    ["management", "PERIOD_MS", seconds],
  ],
  "wrong passwords": [
    ["protocols/zookeeper/limits.ts", "GUESSES_FREE", (guesses) => `${guesses} at once`],
    ["protocols/zookeeper/limits.ts", "GUESS_INTERVAL_MS", (ms) => (ms === 1000 ? "one a second" : seconds(ms))],
    ["protocols/zookeeper/limits.ts", "GUESS_WAIT_MS_MAX", seconds],
    ["protocols/zookeeper/limits.ts", "WRONG_PASSWORDS_PER_CONNECTION_MAX", (wrong) => `${wrong} on a connection`],
  ],
  "addresses that such passwords": [["protocols/zookeeper/limits.ts", "GUESSERS_MAX", count]],
  "a quota's limits": [["state/tree/limits.ts", "QUOTA_TEXT_BYTES_MAX", bytes]],
  "a reconfiguration": [["state/tree/limits.ts", "RECONFIG_TEXT_BYTES_MAX", bytes]],
  "members of an ensemble": [
    ["base", "MEMBERS_MAX", count],
    ["base", "MEMBER_ID_MAX", count],
  ],
  "the descriptions of an ensemble's members": [
    ["state/membership", "DESCRIPTION_BYTES_MAX", bytes],
    ["state/membership", "DESCRIPTIONS_BYTES_MAX", bytes],
  ],
  "a frame from a member": [["adapters/peers", "FRAME_BYTES_MAX", bytes]],
  "how long another member may be silent": [["adapters/peers", "SILENCE_MS", seconds]],
  "callers on the peer port that have not said": [
    ["adapters/peers", "UNIDENTIFIED_MAX", count],
    ["adapters/peers", "HELLO_MS", seconds],
  ],
  "callers on the peer port that no configuration names": [
    ["adapters/peers/limits.ts", "STRANGERS_MAX", count],
    ["adapters/peers/limits.ts", "STRANGER_FRAME_BYTES_MAX", bytes],
  ],
  "a secret between members": [
    ["server/configuration/secret.ts", "SECRET_CHARACTERS_MIN", count],
    ["server/configuration/secret.ts", "SECRET_CHARACTERS_MAX", (max) => `${count(max)} characters`],
    ["server/configuration/secret.ts", "SECRETS_MAX", count],
  ],
  "how far a message may carry": [
    ["consensus/raft", "TERM_CREDIT_MAX", (terms) => (terms === 2 ** 32 ? "2³² terms" : count(terms))],
    ["consensus/raft", "TERM_CREDIT_PER_TICK", (terms) => `${terms} more each tick`],
    ["server", "TICK_MS", (ms) => `${ms} ms`],
  ],
  "followers that no configuration names": [["consensus/raft", "GUESTS_MAX", count]],
};

/** Where every limit has a row, unless it concerns nobody outside: then the reason stands here. */
const complete: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "protocols/zookeeper/limits.ts": {
    HANDSHAKE_WAIT_SHARE: "the row says it in words",
    TICK_PARTS: "how often is looked",
    SPARE_REQUESTS_MAX: "memory kept for reuse",
    PASSWORD_BYTES_MAX: "a longer one is a wrong one",
    FAILED_PROOF_LINES_PER_TICK_MAX: "lines of the log",
    DROPPED_LINES_PER_TICK_MAX: "lines of the log",
  },
  "transport/limits.ts": {
    SPARE_BUFFERS_MAX: "memory kept for reuse",
    SPARE_BUFFER_BYTES_MAX: "memory kept for reuse",
    BUFFER_BYTES_INITIAL: "how a buffer begins",
    FRAME_BUFFER_INITIAL_BYTES: "how a buffer begins",
    HELD_SHARE_AFTER: "how much is freed at once",
    PROGRESS_GRAIN_MS: "who goes first",
    WALL_TIME_AGE_MS_MAX: "what statistics tell",
  },
  "adapters/clients/limits.ts": {
    TLS_HANDSHAKE_MS_MAX: "as long as a connection may be there without a handshake",
    CLOSING_MS_MAX: "how a member ends",
  },
  "adapters/peers/limits.ts": {},
  "state/tree/limits.ts": {},
};

test("each row has a limit, a default and what happens beyond it, and is compared with the code here", () => {
  assert.ok(rows.length > 35, `${rows.length} rows`);
  for (const { limit, value, setting, beyond } of rows) {
    assert.ok(limit !== "" && value !== "" && setting !== "" && beyond !== "", limit);
    const keys = Object.keys(expected).filter((key) => limit.startsWith(key));
    assert.equal(keys.length, 1, `"${limit}" is to stand once in the list of this test: ${keys}`);
  }
});

for (const [key, constants] of Object.entries(expected)) {
  test(`the limits tell the truth of ${key}`, () => {
    const row = rows.find(({ limit }) => limit.startsWith(key));
    assert.ok(row !== undefined, `docs/operations.md has no row for "${key}"`);
    for (const [place, name, style] of constants) {
      const written = style(numberOf(place, name));
      assert.ok(
        says(row.text, written),
        `${name} in src/${place} is ${written}, and the row does not say so: ${row.text}`,
      );
    }
  });
}

for (const [file, reasons] of Object.entries(complete)) {
  test(`every limit of ${file} is in the table, or concerns nobody outside`, () => {
    const listed = Object.values(expected).flatMap((constants) => {
      return constants.filter(([place]) => place === file).map(([, name]) => name);
    });
    const all = [...sourcesAt(file).matchAll(/^export const ([A-Z][A-Z0-9_]+) =/gm)].map(([, name]) => name!);
    assert.ok(all.length > 0);
    const missing = all.filter((name) => !listed.includes(name) && reasons[name] === undefined);
    assert.deepEqual(missing, [], "docs/operations.md says nothing of them");
    const gone = Object.keys(reasons).filter((name) => !all.includes(name) || listed.includes(name));
    assert.deepEqual(gone, [], "they are no limits any more, or have a row");
  });
}

test("the numbers in SECURITY.md are those of the code", () => {
  const security = readFileSync(join(ROOT, "SECURITY.md"), "utf8").replaceAll(/\s+/g, " ");
  const guests = numberOf("consensus/raft", "GUESTS_MAX");
  assert.ok(
    says(security, `${guests} such members at most`),
    `${guests} members that no configuration names are sent the log`,
  );
  const least = numberOf("server/configuration/secret.ts", "SECRET_CHARACTERS_MIN");
  assert.ok(says(security, `secret accepted has ${least} characters`), `a secret has ${least} characters at least`);
});

test("a number is found in a row only as a whole", () => {
  assert.ok(says(" 60 | `maxClientCnxns` ", "60"));
  assert.ok(!says(" 160 MiB ", "60 MiB"));
  assert.ok(!says(" 1,000 ", "1"));
  assert.ok(!says(" 40 MiB ", "40 M"));
});

/** Whether a text says it, not as a part of another number or word. */
function says(text: string, written: string): boolean {
  const literal = written.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\d.,])${literal}(?![\\w,.]*\\w)`).test(text);
}

/** The one constant of this name in a file, or in the files whose paths begin so. */
function numberOf(place: string, name: string): number {
  const found = [...sourcesAt(place).matchAll(new RegExp(`^(?:export )?const ${name} = (.+);$`, "gm"))];
  assert.equal(found.length, 1, `src/${place} has ${found.length} constants ${name}: tell this test where it stands`);
  return evaluate(found[0]![1]!, place);
}

function sourcesAt(place: string): string {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
  const there = files.filter(
    (file) => file.endsWith(".ts") && (file.startsWith(`${place}/`) || file.startsWith(place)),
  );
  assert.ok(there.length > 0, `nothing stands at src/${place}: tell this test where it went`);
  return there.map((file) => readFileSync(join(ROOT, "src", file), "utf8")).join("\n");
}

/** Constants that others are made of, where they stand in another file. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  COMMAND_BYTES_MAX: "replica",
  UNSENT_BYTES_HIGH: "transport/limits.ts",
};

/** A number, or products, sums and shifts of numbers and of other constants. */
function evaluate(expression: string, place: string): number {
  const numeric = expression.replaceAll(/\b0x[0-9a-f]+|\b[A-Za-z]\w*/gi, (word) => {
    if (word.startsWith("0x")) return String(Number(word));
    if (/^(MEBIBYTE|MiB)$/.test(word)) return String(1 << 20);
    return String(numberOf(ELSEWHERE[word] ?? place, word));
  });
  assert.match(numeric, /^[\d\s_+*<>()/.-]+$/, `${expression} is no number`);
  return Number(new Function(`return ${numeric}`)());
}
