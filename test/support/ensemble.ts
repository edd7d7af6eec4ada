// An ensemble of real server processes on loopback, ours or the reference ZooKeeper, behind one set of verbs. Each
// member has its own directory and log file; the processes end with the ensemble, and at the latest with the test.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { builtServer } from "./built-server.ts";
import { fourLetterWord, type Mode, modeOf } from "./four-letter-words.ts";
import { freePort } from "./ports.ts";
import { reap } from "./reaper.ts";
import { referenceZooKeeper } from "./reference-zookeeper.ts";

export type Flavour = "cabildo" | "zookeeper";

export interface EnsembleOptions {
  readonly flavour: Flavour;
  /** The compiled command of another build of ours, such as `…/dist/cli/main.js`; this tree's unless given. */
  readonly program?: string | undefined;
  /** The same for one member; `program` where it gives none. */
  readonly programOf?: (id: number) => string | undefined;
  /** Of ZooKeeper: the reference's unless given. */
  readonly version?: string | undefined;
  /** ZooKeeper with its exporter for Prometheus, which zoo.cfg then names; ours has it always. */
  readonly withPrometheus?: boolean;
  /** Voting members; one stands alone, without `server.N=` lines. */
  readonly members: number;
  /** Their numbers; from 1 unless given. */
  readonly ids?: readonly number[];
  /** Further lines for every zoo.cfg; a key given here replaces the one that stands there by default. */
  readonly config?: readonly string[];
  /** The same for one member. */
  readonly configOf?: (id: number) => readonly string[];
  /** The folder that holds each member's directory. A temporary one, removed at the end, unless it is given. */
  readonly dataRoot?: string;
  /** Options of the runtime: Node's for ours (`--max-old-space-size=…`), Java's for ZooKeeper (`-Xmx1g`, `-Dname=value`). */
  readonly runtimeOptions?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Put before a member's command at each start, such as a tracer; its process must be the member's own in the end. */
  readonly wrapperOf?: (id: number) => readonly string[];
  readonly readyWithinMs?: number;
}

export interface Member {
  readonly id: number;
  readonly clientPort: number;
  /** What stands behind `server.ID=`, without a client port. */
  readonly peerAddress: string;
  /** 127.0.0.1:clientPort */
  readonly address: string;
  readonly dataDirectory: string;
  readonly configFile: string;
  /** Undefined while the member is not running. */
  readonly pid: number | undefined;
  /** Ends the process by this signal and waits until it is gone (SIGSTOP and SIGCONT: only sends it). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Starts the process again on the same directory and ports; it may not be ready yet. A program, if one is given, is another
   * build's command, and this member's from here on.
   */
  restart(program?: string): Promise<void>;
  mode(): Promise<Mode | undefined>;
  ask(word: string): Promise<string>;
  /** Everything the member has printed, over all its lives. */
  log(): string;
}

export interface Ensemble {
  readonly flavour: Flavour;
  readonly connectString: string;
  readonly members: readonly Member[];
  readonly dataRoot: string;
  /** The member that leads, or the one that stands alone; waits for one. */
  leader(): Promise<Member>;
  /**
   * Starts one more member, of the next number, that knows the others by its `server.N=` lines; it may not be ready. It
   * ends with the ensemble, but is none of its `members`. Its program is the ensemble's unless one is given.
   */
  add(configOf?: (member: Pick<Member, "id" | "peerAddress">) => readonly string[], program?: string): Promise<Member>;
  /** Until every member serves, one leads, and all that vote have joined it. */
  waitReady(timeoutMs?: number): Promise<void>;
  /** The end of every member's log, for the message of a failed test. */
  lastWords(): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const readyWithinMsDefault = 60_000; // three JVMs on two busy cores
const leaderWithinMs = 30_000;
const pollMs = 50;
const goneWithinMs = 20_000;
const lastWordsMax = 4000;

/** The command that starts a member of ours by a program, or the reference, whatever the program. */
type Launch = (program: string | undefined) => { readonly command: string; readonly args: readonly string[] };

/** Starts the members and waits until they serve. */
export async function startEnsemble(options: EnsembleOptions): Promise<Ensemble> {
  const launch = options.flavour === "cabildo" ? await ours(options) : await reference(options);
  const temporary = options.dataRoot === undefined;
  const dataRoot = options.dataRoot ?? mkdtempSync(join(tmpdir(), `cabildo-${options.flavour}-`));
  const create = async (id: number): Promise<RealMember> => {
    const [clientPort, peerPort, electionPort] = [await freePort(), await freePort(), await freePort()];
    const peerAddress = `127.0.0.1:${peerPort}:${electionPort}`;
    const directory = join(dataRoot, `member-${id}`);
    return new RealMember(id, clientPort, peerAddress, directory, launch, options);
  };
  const members: RealMember[] = [];
  for (let i = 0; i < options.members; i++) members.push(await create(options.ids?.[i] ?? i + 1));
  const servers = options.members > 1 ? members.map(serverLine) : [];
  for (const member of members) {
    member.writeConfig([...servers, ...(options.config ?? []), ...(options.configOf?.(member.id) ?? [])]);
  }

  const add: Ensemble["add"] = async (configOf = () => [], program) => {
    const member = await create(members.length + added.length + 1);
    added.push(member);
    member.writeConfig([
      ...members.map(serverLine),
      serverLine(member),
      ...(options.config ?? []),
      ...configOf(member),
    ]);
    await member.restart(program);
    return member;
  };
  const added: RealMember[] = [];
  const ensemble = new RealEnsemble(options.flavour, members, added, add, dataRoot, temporary);
  try {
    for (const member of members) await member.restart();
    await ensemble.waitReady(options.readyWithinMs);
  } catch (error) {
    await ensemble.stop();
    throw error;
  }
  return ensemble;
}

function serverLine({ id, peerAddress }: RealMember): string {
  return `server.${id}=${peerAddress}`;
}

async function ours(options: EnsembleOptions): Promise<Launch> {
  const usual = options.program ?? (await builtServer());
  return (program = usual) => {
    return { command: process.execPath, args: [...(options.runtimeOptions ?? []), program, "server"] };
  };
}

async function reference(options: EnsembleOptions): Promise<Launch> {
  const { java, classpath, mainClass } = await referenceZooKeeper(options.version, options.withPrometheus === true);
  const runtime = ["-Xmx512m", "-Dzookeeper.admin.enableServer=false", ...(options.runtimeOptions ?? [])];
  return () => ({ command: java, args: [...runtime, "-cp", classpath, mainClass] });
}

class RealMember implements Member {
  readonly id: number;
  readonly clientPort: number;
  readonly peerAddress: string;
  readonly address: string;
  readonly dataDirectory: string;
  readonly configFile: string;
  readonly #directory: string;
  readonly #launch: Launch;
  readonly #options: EnsembleOptions;
  readonly #logFile: string;
  #program: string | undefined;
  #process: ChildProcess | undefined;

  constructor(
    id: number,
    clientPort: number,
    peerAddress: string,
    directory: string,
    launch: Launch,
    options: EnsembleOptions,
  ) {
    this.id = id;
    this.clientPort = clientPort;
    this.peerAddress = peerAddress;
    this.address = `127.0.0.1:${clientPort}`;
    this.#directory = directory;
    this.dataDirectory = join(directory, "data");
    this.configFile = join(directory, "zoo.cfg");
    this.#logFile = join(directory, "log.txt");
    this.#launch = launch;
    this.#options = options;
    this.#program = options.programOf?.(id);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  writeConfig(lines: readonly string[]): void {
    mkdirSync(this.dataDirectory, { recursive: true });
    writeFileSync(join(this.dataDirectory, "myid"), `${this.id}\n`);
    const usual = [
      "tickTime=2000",
      "initLimit=10",
      "syncLimit=5",
      `dataDir=${this.dataDirectory}`,
      `clientPort=${this.clientPort}`,
      "clientPortAddress=127.0.0.1",
      "4lw.commands.whitelist=*",
      "admin.enableServer=false",
    ];
    const keyOf = (line: string) => line.slice(0, line.indexOf("=")).trim();
    // The last line of a key counts.
    const all = new Map([...usual, ...lines].map((line) => [keyOf(line), line]));
    const config = [...all.values()];
    writeFileSync(this.configFile, `${config.join("\n")}\n`);
  }

  async restart(program?: string): Promise<void> {
    if (this.#process !== undefined) throw new Error(`member ${this.id} is running already`);
    if (program !== undefined) this.#program = program;
    const log = openSync(this.#logFile, "a");
    const launch = this.#launch(this.#program);
    const wrapper = this.#options.wrapperOf?.(this.id) ?? [];
    const [command, ...args] = [...wrapper, launch.command, ...launch.args, this.configFile];
    const child = spawn(command!, args, {
      cwd: this.#directory,
      env: { ...process.env, ...this.#options.environment },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    child.once("exit", (code, signal) => {
      this.#process = undefined;
      this.#note(`ended with ${signal ?? code}`);
    });
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    this.#process = child;
    reap(child);
    child.unref();
    this.#note(`started as process ${child.pid}`);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#note(`is sent ${signal}`);
    if (signal === "SIGSTOP" || signal === "SIGCONT") {
      child.kill(signal);
      return;
    }
    child.ref();
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    const patience = setTimeout(() => {
      this.#note("did not end in time and is killed");
      child.kill("SIGKILL");
    }, goneWithinMs);
    await gone;
    clearTimeout(patience);
  }

  mode(): Promise<Mode | undefined> {
    return modeOf(this.clientPort);
  }

  ask(word: string): Promise<string> {
    return fourLetterWord(this.clientPort, word);
  }

  log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, "utf8") : "";
  }

  #note(what: string): void {
    try {
      writeFileSync(this.#logFile, `--- member ${this.id} ${what} at ${new Date().toISOString()}\n`, { flag: "a" });
    } catch {
      // the ensemble has ended and its folder is gone
    }
  }
}

class RealEnsemble implements Ensemble {
  readonly flavour: Flavour;
  readonly members: readonly RealMember[];
  readonly connectString: string;
  readonly dataRoot: string;
  readonly add: Ensemble["add"];
  readonly #added: readonly RealMember[];
  readonly #temporary: boolean;

  constructor(
    flavour: Flavour,
    members: readonly RealMember[],
    added: readonly RealMember[],
    add: Ensemble["add"],
    dataRoot: string,
    temporary: boolean,
  ) {
    this.flavour = flavour;
    this.members = members;
    this.#added = added;
    this.add = add;
    this.connectString = members.map((member) => member.address).join(",");
    this.dataRoot = dataRoot;
    this.#temporary = temporary;
  }

  async leader(): Promise<Member> {
    const deadline = performance.now() + leaderWithinMs;
    while (performance.now() < deadline) {
      const leaders = await this.#leaders();
      if (leaders.length === 1) return leaders[0]!;
      await sleep(pollMs);
    }
    throw new Error(`no leader within ${leaderWithinMs} ms\n${this.lastWords()}`);
  }

  async waitReady(timeoutMs: number = readyWithinMsDefault): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      const members = [...this.members, ...this.#added]; // one that was added may lead
      const dead = members.filter((member) => member.pid === undefined);
      if (dead.length > 0) throw new Error(`member ${dead[0]!.id} ended\n${this.lastWords()}`);
      const modes = await Promise.all(members.map((member) => member.mode()));
      const leads = modes.filter((mode) => mode === "leader" || mode === "standalone").length;
      const all = modes.every((mode) => mode !== undefined && mode !== "read-only");
      if (leads === 1 && all && (await this.#countsAll(members[modes.indexOf("leader")]))) return;
      await sleep(pollMs);
    }
    throw new Error(`not ready within ${timeoutMs} ms\n${this.lastWords()}`);
  }

  lastWords(): string {
    const all = [...this.members, ...this.#added];
    return all.map((m) => `member ${m.id} (${m.address}):\n${m.log().slice(-lastWordsMax)}`).join("\n");
  }

  async stop(): Promise<void> {
    // SIGKILL: how a member ends politely is another test's matter, and a member stopped by SIGSTOP must end too.
    await Promise.all([...this.members, ...this.#added].map((member) => member.kill("SIGKILL")));
    if (this.#temporary) rmSync(this.dataRoot, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Ours serves as soon as a majority has met; one who is lost then is missed until all others have joined. */
  async #countsAll(leader: Member | undefined): Promise<boolean> {
    if (this.flavour !== "cabildo" || leader === undefined) return true;
    const answer = await leader.ask("memb").catch(() => "");
    if (!answer.startsWith("{")) return false;
    const { members } = JSON.parse(answer) as { members: readonly { role: string; counts: boolean }[] };
    return members.every(({ role, counts }) => role !== "voter" || counts);
  }

  async #leaders(): Promise<RealMember[]> {
    const modes = await Promise.all(this.members.map((member) => member.mode()));
    return this.members.filter((_, i) => modes[i] === "leader" || modes[i] === "standalone");
  }
}
