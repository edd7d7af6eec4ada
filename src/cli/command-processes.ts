// What a command started, as the system lists it: who of them still runs, and signals to all of them.
//
// Theirs is the command's own session where it has one: its process group, and the groups that a shell with job control makes
// in it. Where the command shares a terminal, theirs is the terminal's session, and they are known by a mark in their
// environment. Whoever begins a session of its own (`setsid`, daemons) has left: it is nobody's here. Only Linux lists
// sessions and environments; elsewhere it is the group, or the command alone.

import { readdirSync, readFileSync } from "node:fs";

/** A variable in the environment of a command, and of all that it starts. */
export const MARK_VARIABLE = "CABILDO_RUN";

interface Listed {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
}

export class CommandProcesses {
  /** The command's. */
  readonly #pid: number;
  readonly #hasGroup: boolean;
  readonly #mark: string;

  constructor(pid: number, hasGroup: boolean, mark: string) {
    this.#pid = pid;
    this.#hasGroup = hasGroup;
    this.#mark = `${MARK_VARIABLE}=${mark}\0`;
  }

  /** The command itself, or those of them that still run. One that has ended and waits for its parent does not. */
  running(): readonly number[] {
    if (process.platform === "linux") return this.#listed().map(({ pid }) => pid);
    return canBeSignalled(this.#hasGroup ? -this.#pid : this.#pid) ? [this.#pid] : [];
  }

  /** Says which could not be sent it: processes of another user. */
  signal(signal: NodeJS.Signals): readonly number[] {
    const refused: number[] = [];
    const send = (target: number) => {
      if (!sends(target, signal)) refused.push(Math.abs(target));
    };
    // The whole group at one instant: whoever is being started meanwhile is in it.
    if (this.#hasGroup) send(-this.#pid);
    if (process.platform === "linux") {
      for (const { pid, group } of this.#listed()) if (!this.#hasGroup || group !== this.#pid) send(pid);
    } else if (!this.#hasGroup) {
      send(this.#pid);
    }
    return refused;
  }

  #listed(): readonly Listed[] {
    const session = this.#hasGroup ? this.#pid : ownSession();
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((name) => listed(Number(name)))
      .filter((one) => one !== null && one.session === session)
      .filter((one) => one !== null)
      .filter(({ pid }) => this.#hasGroup || pid === this.#pid || environmentOf(pid).includes(this.#mark));
  }
}

/** The session in which a command's processes are, where it can be told: for who looks for them without us. */
export function sessionOf(pid: number, hasGroup: boolean): number | null {
  if (process.platform !== "linux") return null;
  return hasGroup ? pid : ownSession();
}

function ownSession(): number {
  return listed(process.pid)?.session ?? -1;
}

/** Null: it is gone, or has ended. */
function listed(pid: number): Listed | null {
  const text = contentsOf(`/proc/${pid}/stat`);
  // The command's name is in parentheses, and may hold any character.
  const [state, , group, session] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (text === "" || state === "Z" || state === "X") return null;
  return { pid, group: Number(group), session: Number(session) };
}

function environmentOf(pid: number): string {
  return contentsOf(`/proc/${pid}/environ`);
}

/** "": it is gone meanwhile, or another user's. */
function contentsOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function canBeSignalled(target: number): boolean {
  try {
    process.kill(target, 0);
    return true;
  } catch {
    return false;
  }
}

function sends(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return true; // it has just ended
    if (code === "EPERM") return false;
    throw error;
  }
}
