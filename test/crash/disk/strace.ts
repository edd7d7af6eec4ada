// strace, between a real process and the kernel: it writes down every call, or makes some of them fail or wait. Linux only,
// and only where one process may trace another: elsewhere the suites that need it say so and skip, unless CI is set.
import { spawnSync } from "node:child_process";
import { locate, MissingRuntime } from "../../support/commands.ts";

/** Null, or why nothing can be traced here. */
export function whyNoTracing(): string | null {
  const reason = trouble();
  if (reason !== null && process.env["CI"]) throw new Error(`${reason}, and CI promises that it can be used`);
  return reason;
}

function trouble(): string | null {
  try {
    const { status, stderr } = spawnSync(locate("strace"), [...quietly, "-D", "-o", "/dev/null", "true"]);
    return status === 0 ? null : `strace may not be used here: ${stderr.toString().trim().split("\n").at(-1)}`;
  } catch (error) {
    if (error instanceof MissingRuntime) return `${error.message} (Debian and Ubuntu: apt-get install strace)`;
    throw error;
  }
}

// The traced process stays what was started: the tracer is its grandchild (-D), so its number, signals and status are its
// own. Only the calls asked for stop it (--seccomp-bpf), all its threads included (-f).
const quietly = ["-f", "--seccomp-bpf"];

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

function faults(injections: readonly string[]): string[] {
  return injections.flatMap((injection) => ["-e", `inject=${injection}`]);
}
