// The parameters of one seed for the recipes: the servers' faults, as the simulator draws them; the faults of programs; and
// what an operator does to their nodes. Each seed leaves most kinds out.

import type { Random } from "../../base/random.ts";
import { drawNetwork, drawParameters, type SimulationParameters } from "../../sim/kernel/parameters.ts";
import type { RecipeName } from "./recipes.ts";

export type ProgramFault =
  | "pause-program"
  | "cut-program"
  | "silence-program"
  | "lose-answer"
  | "refuse-writes"
  | "lose-route"
  | "crash-program"
  | "close-program"
  | "end-session"
  | "remove-node";

export interface RecipeParameters {
  readonly servers: SimulationParameters;
  readonly sessionTimeoutMs: number;
  /** How much a program may leave unread before it is not served on. */
  readonly unsentBytesHigh: number;
  readonly programs: number;
  readonly recipes: readonly RecipeName[];
  /** Clocks of programs run between 1 / rate and rate; so do the members'. */
  readonly clockRateMax: number;
  /** The probability that an operator removes a contender's node as soon as it is there. */
  readonly removesAtOnce: number;
  readonly faultEveryMs: number;
  readonly weights: Readonly<Record<ProgramFault, number>>;
}

export function drawRecipeParameters(random: Random, all: readonly RecipeName[]): RecipeParameters {
  const drawn = drawParameters(random);
  // What TCP does not do, sessions cannot stand on.
  const network = drawNetwork(random, drawn.tickMs / 40, false);
  const servers: SimulationParameters = {
    ...drawn,
    spares: 0,
    growsTo: [],
    isStandalone: false,
    isUnruly: false,
    network,
    faultPhaseMs: drawn.tickTimeMs * FAULT_PHASE_TICKS,
  };
  const sometimes = (probability: number, upTo: number) => (random.chance(probability) ? 1 + random.below(upTo) : 0);
  const isRemoving = random.chance(0.4);
  return {
    servers: random.chance(QUIET_SERVERS) ? { ...servers, weights: quiet(servers) } : servers,
    sessionTimeoutMs: drawn.tickTimeMs * (2 + random.below(3)),
    unsentBytesHigh: [100, 1000, 10_000, 1 << 20][random.below(4)]!,
    programs: 2 + random.below(3),
    recipes: pick(random, all, 2 + random.below(3)),
    clockRateMax: drawn.clockRateMax,
    removesAtOnce: isRemoving ? random.below(20) / 100 : 0,
    faultEveryMs: drawn.tickTimeMs * (0.1 + random.below(10) / 10),
    weights: {
      "pause-program": sometimes(0.4, 4),
      "cut-program": sometimes(0.5, 6),
      "silence-program": sometimes(0.4, 3),
      "lose-answer": sometimes(0.5, 6),
      "refuse-writes": sometimes(0.5, 6),
      "lose-route": sometimes(0.3, 3),
      "crash-program": sometimes(0.3, 2),
      "close-program": sometimes(0.2, 2),
      "end-session": sometimes(0.4, 3),
      "remove-node": isRemoving ? 2 + random.below(8) : 0,
    },
  };
}

/** Ticks of the protocol; a session lasts for two to four of them. */
const FAULT_PHASE_TICKS = 15;
/** So often the members are left alone: then programs get further, and meet each other more. */
const QUIET_SERVERS = 0.4;

function quiet({ weights }: SimulationParameters): SimulationParameters["weights"] {
  return {
    ...(Object.fromEntries(Object.keys(weights).map((fault) => [fault, 0])) as SimulationParameters["weights"]),
    heal: 1,
  };
}

function pick<T>(random: Random, all: readonly T[], count: number): T[] {
  const rest = [...all];
  return Array.from({ length: count }, () => rest.splice(random.below(rest.length), 1)).flat();
}
