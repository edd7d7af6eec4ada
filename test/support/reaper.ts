// No server that a test starts outlives the test. A small shell, in a session of its own, reads from a pipe which
// processes are alive; when the pipe closes, however the test ended (SIGKILL too), it kills those still on its list.
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";

const script = `
alive=" "
while read -r sign pid; do
  case "$sign" in
    +) alive="$alive$pid " ;;
    -) before="\${alive%% $pid *}"; after="\${alive#* $pid }"
       [ "$before" = "$alive" ] || alive="$before $after" ;;
  esac
done
for pid in $alive; do kill -9 "$pid" 2>/dev/null; done
`;

let shell: ChildProcess | undefined;
const alive = new Set<number>();

/** From now on the process ends at the latest when this one does. */
export function reap(child: ChildProcess): void {
  const pid = child.pid;
  if (pid === undefined) return; // it never started
  alive.add(pid);
  tell(`+ ${pid}\n`);
  child.once("exit", () => {
    alive.delete(pid);
    tell(`- ${pid}\n`);
  });
}

function tell(line: string): void {
  if (shell === undefined) {
    shell = spawn("sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    shell.stdin!.on("error", () => {}); // the list is an extra: the exit handler below still stands
    (shell.stdin as Socket).unref();
    shell.unref();
  }
  shell.stdin!.write(line);
}

process.on("exit", () => {
  for (const pid of alive) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it ended by itself
    }
  }
});
