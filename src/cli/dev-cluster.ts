// The files of a development cluster: a directory for each member with its zoo.cfg and myid, and which ports it takes.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseProperties } from "../server/configuration/properties.ts";

export const HOST = "127.0.0.1";

/** From a member's client port to its others: 2181 gives 2888, 3888 and 8080, ZooKeeper's own. */
const PEER_OFFSET = 707;
const ELECTION_OFFSET = 1707;
const ADMIN_OFFSET = 5899;

export interface DevOptions {
  /** Null: three, or as many as the data directory holds. */
  readonly members: number | null;
  /** Null: 2181, or what the data directory was begun with. */
  readonly port: number | null;
  /** Null: a temporary directory. */
  readonly data: string | null;
}

export interface DevMember {
  readonly id: number;
  readonly clientPort: number;
  /** Of its management: that which follows from the client port, or another where that one is taken. */
  readonly adminPort: number;
  readonly directory: string;
  readonly configurationFile: string;
  readonly logFile: string;
}

export interface DevCluster {
  readonly members: readonly DevMember[];
  readonly directory: string;
  readonly isTemporary: boolean;
}

/** What cannot be, in words for whoever asked. */
export class DevProblem extends Error {
  override readonly name = "DevProblem";
}

/** Decides on ports, makes sure that they are free, and only then writes the files. Fails with a DevProblem. */
export async function prepareCluster(options: DevOptions): Promise<DevCluster> {
  try {
    return await prepare(options);
  } catch (error) {
    throw problemOfDirectory(error, options.data ?? tmpdir()) ?? error;
  }
}

async function prepare(options: DevOptions): Promise<DevCluster> {
  const earlier = options.data === null ? null : earlierCluster(resolve(options.data));
  const count = agreed("--members", options.members, earlier?.members ?? null, options.data) ?? 3;
  const port = agreed("--port", options.port, earlier?.port ?? null, options.data) ?? 2181;
  const ids = Array.from({ length: count }, (_, position) => position + 1);
  if (port + count - 1 + ADMIN_OFFSET > 65_535) {
    throw new DevProblem(
      `--port ${port} leaves no room for the other ports: take one below ${65_536 - ADMIN_OFFSET - count}`,
    );
  }
  for (const id of ids) await mustBeFree(port + id - 1, `the client port of member ${id}`);
  for (const id of ids) await mustBeFree(port + id - 1 + PEER_OFFSET, `the port of member ${id} for the other members`);
  const directory = options.data === null ? mkdtempSync(join(tmpdir(), "cabildo-dev-")) : resolve(options.data);
  const members: DevMember[] = [];
  for (const id of ids) {
    const clientPort = port + id - 1;
    const own = join(directory, String(id));
    members.push({
      id,
      clientPort,
      adminPort: (await isFree(clientPort + ADMIN_OFFSET)) ? clientPort + ADMIN_OFFSET : await anyFreePort(),
      directory: own,
      configurationFile: join(own, "zoo.cfg"),
      logFile: join(own, "member.log"),
    });
  }
  const secretFile = writeSecret(directory);
  for (const member of members) writeMember(member, members, secretFile);
  return { members, directory, isTemporary: options.data === null };
}

const DIRECTORY_PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EROFS: "it is on a read-only file system",
  ENOTDIR: "a part of its path is a file",
  EEXIST: "it is a file",
  ENAMETOOLONG: "its name is too long",
  ENOSPC: "the disk is full",
};

/** Null: it is no trouble with the directory. */
function problemOfDirectory(error: unknown, directory: string): DevProblem | null {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why = DIRECTORY_PROBLEMS[code];
  if (why === undefined) return null;
  return new DevProblem(`the data cannot be kept in ${directory}: ${why} (${code}). Name another place with --data`);
}

export function removeCluster({ directory, isTemporary }: DevCluster): void {
  if (isTemporary) rmSync(directory, { recursive: true, force: true });
}

/** The secret that the members know each other by, drawn once for a directory. */
function writeSecret(directory: string): string {
  const file = join(directory, "peer-secret");
  mkdirSync(directory, { recursive: true });
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  return file;
}

function writeMember(member: DevMember, all: readonly DevMember[], secretFile: string): void {
  mkdirSync(join(member.directory, "data"), { recursive: true });
  writeFileSync(join(member.directory, "data", "myid"), `${member.id}\n`);
  writeFileSync(member.configurationFile, memberConfiguration(member, all, secretFile));
}

function memberConfiguration(member: DevMember, all: readonly DevMember[], secretFile: string): string {
  const servers = all.map(({ id, clientPort }) => {
    const peers = `${HOST}:${clientPort + PEER_OFFSET}:${clientPort + ELECTION_OFFSET}`;
    return `server.${id}=${peers}:participant;${HOST}:${clientPort}`;
  });
  return `${[
    "# Written by `cabildo dev`, at each of its starts.",
    "tickTime=2000",
    "initLimit=10",
    "syncLimit=5",
    `dataDir=${propertyText(join(member.directory, "data"))}`,
    `clientPortAddress=${HOST}`,
    `clientPort=${member.clientPort}`,
    "maxClientCnxns=0",
    "4lw.commands.whitelist=*",
    "standaloneEnabled=false",
    `peer.secretFile=${propertyText(secretFile)}`,
    `admin.serverPort=${member.adminPort}`,
    ...servers,
  ].join("\n")}\n`;
}

/** Backslashes are escapes in a properties file. */
function propertyText(text: string): string {
  return text.replaceAll("\\", "\\\\");
}

interface EarlierCluster {
  readonly members: number;
  readonly port: number;
}

/** The cluster that a data directory was begun with; null for a new one. Anything else in it must not be touched. */
function earlierCluster(directory: string): EarlierCluster | null {
  if (!existsSync(directory)) return null;
  const ids = readdirSync(directory).filter((name) => existsSync(join(directory, name, "zoo.cfg")));
  if (ids.length === 0) {
    if (readdirSync(directory).length === 0) return null;
    throw new DevProblem(`${directory} holds other things than a development cluster: name another directory`);
  }
  const first = parseProperties(readFileSync(join(directory, ids.sort()[0]!, "zoo.cfg"), "utf8"));
  const port = Number(first.find(({ key }) => key === "clientPort")?.value);
  if (!ids.includes("1") || !Number.isInteger(port))
    throw new DevProblem(`${directory} holds no cluster of \`cabildo dev\``);
  return { members: ids.length, port };
}

/** Members know each other by the ports they began with: a cluster that is kept stays as it is. */
function agreed(flag: string, asked: number | null, kept: number | null, directory: string | null): number | null {
  if (asked !== null && kept !== null && asked !== kept) {
    throw new DevProblem(
      `the cluster in ${directory} was begun with ${flag} ${kept}: leave ${flag} out, or name another directory`,
    );
  }
  return kept ?? asked;
}

async function mustBeFree(port: number, what: string): Promise<void> {
  const code = await whyTaken(port);
  if (code === null) return;
  const why = code === "EACCES" ? "needs an administrator's rights" : "is in use: end the program that has it";
  throw new DevProblem(`port ${port}, ${what}, ${why}, or choose others with --port`);
}

function anyFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, HOST, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function isFree(port: number): Promise<boolean> {
  return (await whyTaken(port)) === null;
}

/** The system's code for why it cannot be listened to; null: it can. */
function whyTaken(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, HOST, () => server.close(() => resolve(null)));
  });
}
