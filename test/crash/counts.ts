// How long each attack goes on: short where tests run, long for `npm run crash`, whose figures stand in
// docs/reliability.md.
//
//   CABILDO_CRASH=long                the long version
//   CABILDO_CRASH_SEED=…              the choices of an earlier run, as its line of figures names them
//   CABILDO_CRASH_CYCLE=…             only this cycle of them

const isLong = process.env["CABILDO_CRASH"] === "long";

function count(short: number, long: number): number {
  return isLong ? long : short;
}

export const counts = {
  /** Times that a member alone is killed, and that members of an ensemble of three are. */
  killsAlone: count(20, 500),
  killsOfThree: count(15, 500),
  /** Times that a member is stopped for longer than a session lives, and goes on. */
  stops: count(2, 40),
  /** Times that a path of the network swallows what is sent on it. */
  blackHoles: count(3, 60),
  /** Times that a file of one member is damaged while the member is down. */
  damages: count(10, 500),
  /** Recordings of a member alone under load, states that its disk is in after a loss of power, for each, and real starts. */
  recordings: count(1, 5),
  losses: count(150, 600),
  startsAfterLoss: count(2, 30),
  recordingsOfThree: count(1, 5),
  lossesOfThree: count(30, 300),
  /** Times that a call to the disk fails, or finds it full. */
  diskFailuresAlone: count(3, 80),
  diskFullAlone: count(2, 30),
  diskFailuresOfThree: count(2, 30),
  /** Times that one member's disk answers slower than a session lives. */
  slowDisks: count(2, 20),
} as const;
