// The programs of docs/embedding.md as users have them, with the packed tarball and the frameworks from the registry: three real
// processes, restarted one by one and with a disk wiped, while requests come in.
//
//   npm test -- test/package/apps.test.ts

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cached, repository } from "../support/cache.ts";
import { freePort } from "../support/ports.ts";
import { reap } from "../support/reaper.ts";
import { install, unpack } from "./consumers.ts";

const INSTALLED = { express: "5.3.0", fastify: "5.12.8" };
const READY_MS = 60_000;
const END_MS = 20_000;
/** Of a request to one process: it waits up to 5 s for its number. */
const REQUEST_MS = 8000;

const { dependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const all = { ...INSTALLED, ...dependencies };
const hash = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
const folder = await cached(`package-apps-${hash}`, (place) => install(place, all));
rmSync(join(folder, "node_modules", "cabildo"), { recursive: true, force: true });
await unpack(join(folder, "node_modules"), folder);
cpSync(join(repository, "examples", "apps"), folder, { recursive: true });

class Process {
  readonly id: number;
  readonly url: string;
  readonly data: string;
  readonly #file: string;
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;

  constructor(file: string, id: number, port: number, place: string, environment: Readonly<Record<string, string>>) {
    this.id = id;
    this.url = `http://127.0.0.1:${port}`;
    this.data = join(place, String(id));
    this.#file = file;
    this.#environment = { ...environment, ID: String(id), DATA: this.data, PORT: String(port) };
  }

  start(): void {
    const child = spawn(process.execPath, [this.#file], {
      cwd: folder,
      env: { ...process.env, ...this.#environment },
      stdio: ["ignore", "ignore", "inherit"],
    });
    reap(child);
    this.#child = child;
  }

  async ready(): Promise<void> {
    const deadline = performance.now() + READY_MS;
    while (performance.now() < deadline) {
      assert.equal(this.#child?.exitCode, null, `process ${this.id} ended`);
      const answer = await fetch(`${this.url}/ready`).catch(() => null);
      if (answer?.status === 200) return;
      await sleep(50);
    }
    assert.fail(`process ${this.id} was not ready within ${READY_MS} ms`);
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, "exit", { signal: AbortSignal.timeout(END_MS) });
    child.kill(signal);
    const [code] = await exit;
    return code;
  }
}

/** Orders one thing after another, as a client behind a balancer does: a process that does not answer is left for the next. */
class Load {
  readonly numbers: number[] = [];
  readonly #processes: readonly Process[];
  readonly #done: Promise<void>;
  #isOver = false;
  #slowestMs = 0;

  constructor(processes: readonly Process[]) {
    this.#processes = processes;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const begun = performance.now();
      const numbers = await Promise.all(this.#processes.map((_, offset) => this.#order(i + offset)));
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - begun);
      this.numbers.push(...numbers);
    }
  }

  async #order(first: number): Promise<number> {
    for (let i = first; !this.#isOver; i++) {
      const { url } = this.#processes[i % this.#processes.length]!;
      const answer = await fetch(`${url}/orders`, { method: "POST", signal: AbortSignal.timeout(REQUEST_MS) }).catch(
        () => null,
      );
      if (answer?.status === 200) return Number(((await answer.json()) as { number: string }).number);
      await answer?.text();
      await sleep(10);
    }
    return Number.NaN;
  }

  async end(): Promise<{ readonly numbers: readonly number[]; readonly slowestMs: number }> {
    this.#isOver = true;
    await this.#done;
    return { numbers: this.numbers.filter((number) => !Number.isNaN(number)), slowestMs: this.#slowestMs };
  }
}

for (const app of ["express", "fastify"]) {
  test(`${app}: three processes coordinate themselves through a rolling restart and the loss of a disk`, async () => {
    const place = mkdtempSync(join(tmpdir(), `cabildo-${app}-`));
    after(() => rmSync(place, { recursive: true, force: true }));
    const secret = join(place, "peer-secret");
    writeFileSync(secret, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
    const members: Record<number, object> = {};
    for (const id of [1, 2, 3]) members[id] = { host: "127.0.0.1", peerPort: await freePort() };
    const environment = { MEMBERS: JSON.stringify(members), SECRET_FILE: secret };
    const processes: Process[] = [];
    for (const id of [1, 2, 3]) {
      processes.push(new Process(`${app}.mjs`, id, await freePort(), place, environment));
    }
    for (const each of processes) each.start();
    await Promise.all(processes.map((each) => each.ready()));
    const load = new Load(processes);
    try {
      for (const each of processes) {
        assert.equal(await each.end("SIGTERM"), 0, "it ends in order");
        each.start();
        await each.ready();
      }
      const [first, second] = processes;
      await first!.end("SIGKILL");
      rmSync(first!.data, { recursive: true });
      first!.start();
      await first!.ready();
      // The one with the new disk counts: with it alone there is a quorum.
      await second!.end("SIGKILL");
      const before = load.numbers.length;
      while (load.numbers.length < before + 10) await sleep(10);
    } finally {
      const { numbers, slowestMs } = await load.end();
      for (const each of processes) await each.end("SIGKILL").catch(() => {});
      assert.ok(numbers.length > 50, `only ${numbers.length} orders`);
      assert.equal(new Set(numbers).size, numbers.length, "no number is given twice");
      assert.ok(slowestMs < 15_000, `an order took ${slowestMs} ms`);
      console.log(`${app}: ${numbers.length} orders, the slowest round took ${Math.round(slowestMs)} ms`);
    }
  });
}
