// Exit statuses. Those of commands that run another program are far from the ones programs use themselves: sysexits.h and
// the shells' own.

/** Asked for well, and it did not come to be. */
export const EXIT_FAILED = 1;
/** Asked for in a way that cannot be. */
export const EXIT_USAGE = 2;
/** Not to be told (check). */
export const EXIT_UNDECIDED = 3;

/** The servers were not reached, or refused. */
export const EXIT_UNAVAILABLE = 69;
/** Another had it for as long as was waited. */
export const EXIT_NOT_ACQUIRED = 75;
/** What the command ran under was lost, and the command made to end. */
export const EXIT_LOST = 76;
/** As shells say it: there is no such command, or it cannot be run. */
export const EXIT_NOT_RUNNABLE = 126;
export const EXIT_NOT_FOUND = 127;
/** Plus the number of the signal that ended it. */
export const EXIT_SIGNALLED = 128;
