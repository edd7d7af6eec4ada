// strace, between a real process and the kernel: it writes down every call, or makes some of them fail or wait. Linux only,
// and only where one process may trace another: elsewhere the suites that need it say why and skip; where CI is set they fail.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { locate, MissingRuntime } from "../../support/commands.ts";
import { reap } from "../../support/reaper.ts";

/** CI on Linux runs the whole lab, or fails. */
const isPromised = process.platform === "linux" && Boolean(process.env["CI"]);

/** Null, or why nothing can be traced here. */
export function whyNoTracing(): string | null {
  const reason = trouble();
  if (reason !== null && isPromised) throw new Error(`${reason}, and CI promises that it can be used`);
  return reason;
}

function trouble(): string | null {
  if (process.platform !== "linux") return "there is no strace on this system";
  try {
    const { status, stderr } = spawnSync(locate("strace"), [...quietly, "-o", "/dev/null", "true"]);
    return status === 0 ? null : `strace may not be used here: ${stderr.toString().trim().split("\n").at(-1)}`;
  } catch (error) {
    if (error instanceof MissingRuntime) return `${error.message} (Debian and Ubuntu: apt-get install strace)`;
    throw error;
  }
}

// The traced process stays what was started: the tracer is its grandchild (-D), so its number, signals and status are its
// own. Only the calls asked for stop it (--seccomp-bpf), all its threads included (-f).
// Times are written down, and how long calls took, so that the calls of several processes can be put in one order.
const quietly = ["-f", "--seccomp-bpf", "-ttt", "-T"];

/** Longer than any single write of a member that the lab records. */
const payloadBytesMax = 32 * 1024 * 1024;

/** Calls that change files, make them durable, or tell a client something. Those not understood are there to be refused. */
const recorded = [
  ["open", "openat", "openat2", "creat", "close", "dup", "dup2", "dup3"],
  ["write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "accept4", "accept"],
  ["ftruncate", "truncate", "fallocate", "copy_file_range", "sendfile", "splice", "io_uring_setup"],
  ["fdatasync", "fsync", "sync", "syncfs", "sync_file_range"],
  ["rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat", "symlink"],
].flat();

/** What stands before a command whose calls are to be written down, with all that is written, to `file`. */
export function recording(file: string, ...injections: readonly string[]): string[] {
  const calls = ["-e", `trace=${recorded.join(",")}`];
  return [
    "strace",
    "-D",
    ...quietly,
    "-xx",
    "-s",
    String(payloadBytesMax),
    ...calls,
    ...faults(injections),
    "-o",
    file,
  ];
}

/** What stands before a command some of whose calls fail or wait, without what it writes; `file` tells which did. */
export function injecting(file: string, ...injections: readonly string[]): string[] {
  const calls = ["-e", "trace=openat,close,pwrite64,ftruncate,fdatasync,fsync,rename,unlink"];
  return ["strace", "-D", ...quietly, "-xx", "-s", "256", ...calls, ...faults(injections), "-o", file];
}

/** Makes calls of a running process fail or wait, until `detach` has completed; that gives how many of them ended so. */
export async function attach(pid: number, injection: string): Promise<{ detach(): Promise<number> }> {
  const call = injection.slice(0, injection.indexOf(":"));
  const child = spawn("strace", ["-f", "-p", String(pid), "-e", `trace=${call}`, "-e", `inject=${injection}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  reap(child);
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let said = "";
  let count = 0;
  let onAttached: () => void = () => {};
  const attached = new Promise<void>((resolve) => {
    onAttached = resolve;
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    said = line;
    if (/attached/.test(line)) onAttached();
    if (/\((DELAYED|INJECTED)\)$/.test(line)) count++;
  });
  const ended = gone.then(() => {
    throw new Error(`strace did not attach to process ${pid}: ${said}`);
  });
  await Promise.race([attached, ended]);
  ended.catch(() => {});
  return {
    async detach() {
      child.kill("SIGINT");
      await gone;
      return count;
    },
  };
}

/** Null, or why no running process can be traced here. */
export function whyNoAttaching(): string | null {
  const reason = whyNoTracing() ?? attachingTrouble();
  if (reason !== null && isPromised) throw new Error(`${reason}, and CI promises that it can be used`);
  return reason;
}

function attachingTrouble(): string | null {
  const child = spawn("sleep", ["5"], { stdio: "ignore" });
  try {
    const { stderr } = spawnSync("timeout", ["-s", "INT", "1", "strace", "-p", String(child.pid)]);
    const said = stderr.toString();
    return /attached/.test(said) ? null : `strace may not attach here: ${said.trim().split("\n").at(-1)}`;
  } finally {
    child.kill("SIGKILL");
  }
}

function faults(injections: readonly string[]): string[] {
  return injections.flatMap((injection) => ["-e", `inject=${injection}`]);
}
