// The exit statuses of the commands. Commands that run another program use statuses that programs seldom use themselves: those of
// sysexits.h and of the shells.

import type { ErrorExplanation } from "../base/error-explanations.ts";

/** The command was well formed, and failed. */
export const EXIT_FAILED = 1;
/** The command line is wrong. */
export const EXIT_USAGE = 2;
/** The search gave up without a verdict (`cabildo check`). */
export const EXIT_UNDECIDED = 3;

/** No server was reached, or the servers refused. */
export const EXIT_UNAVAILABLE = 69;
/** Another program held it for as long as this one would wait. */
export const EXIT_NOT_ACQUIRED = 75;
/** The lock or the leadership was lost, and the command was ended. */
export const EXIT_LOST = 76;
/** As shells say it: the command cannot be run, or there is no such command. */
export const EXIT_NOT_RUNNABLE = 126;
export const EXIT_NOT_FOUND = 127;
/** Plus the number of the signal that ended the command. */
export const EXIT_SIGNALLED = 128;

/** For `docs/errors.md`. `128+N` stands for all signals. */
export const EXIT_STATUSES: Readonly<Record<string, ErrorExplanation>> = {
  [EXIT_FAILED]: {
    meaning: "The command failed.",
    cause:
      "The servers refused or were not reached, or there is no quorum (`status`), or the history is not linearizable (`check`).",
    remedy: "Read the message on stderr.",
  },
  [EXIT_USAGE]: {
    meaning: "The command line is wrong.",
    cause: "An unknown option, a missing argument, an impossible name or URL, a file that cannot be read.",
    remedy: "Correct what the message names; `cabildo help COMMAND` lists the options.",
  },
  [EXIT_UNDECIDED]: {
    meaning: "`check` gave up without a verdict.",
    cause: "The search reached its time limit (`--seconds`) or its memory limit.",
    remedy: "Allow it more seconds, or record shorter histories.",
  },
  [EXIT_UNAVAILABLE]: {
    meaning: "`lock` or `elect` did not reach the servers, or was refused. Nothing was run.",
    cause: "No server answers at the address, or there is no quorum.",
    remedy: "Check the servers with `cabildo status`, and the address (`--connect`, `CABILDO_CONNECT`).",
  },
  [EXIT_NOT_ACQUIRED]: {
    meaning: "`lock` waited for as long as `--wait` allows. Nothing was run.",
    cause: "Another program holds the lock.",
    remedy: "Wait longer, or try again later.",
  },
  [EXIT_LOST]: {
    meaning: "The lock or the leadership was lost while the command ran, so the command was ended.",
    cause: "No server was reached until the deadline, the session ended, or somebody removed the node.",
    remedy: "Run it again. Where the command writes, let the store check the token.",
  },
  [EXIT_NOT_RUNNABLE]: {
    meaning: "The command cannot be run.",
    cause: "The file is not executable.",
    remedy: "Correct the command or its permissions.",
  },
  [EXIT_NOT_FOUND]: {
    meaning: "There is no such command.",
    cause: "A wrong name, or a `PATH` without its folder.",
    remedy: "Correct the name.",
  },
  [`${EXIT_SIGNALLED}+N`]: {
    meaning: "The signal N ended the command.",
    cause: "For example 143: SIGTERM (15), 137: SIGKILL (9), 130: SIGINT (2).",
    remedy: "Look who sent the signal. 137 is often the kernel, when memory runs out.",
  },
};
