// Which instance is called next. Each strategy sees those that may be called now, in the order of their ids, and remembers
// what it needs by their ids, so that it goes on evenly while they come and go.

import type { Random } from "../base/random.ts";
import type { ServiceInstance } from "./service-instance.ts";

export interface Strategy {
  /** One of them; null where none should be called. There is at least one. */
  pick(instances: readonly ServiceInstance[]): ServiceInstance | null;
}

/**
 * `round-robin`: one after the other. `random`. `sticky`: the same one, for as long as it may be called, then the next.
 * `weighted`: each as often as its weight says, spread evenly; one of weight 0 never.
 */
export type StrategyName = "round-robin" | "random" | "sticky" | "weighted";

export const STRATEGIES: Readonly<Record<StrategyName, (random: Random) => Strategy>> = {
  "round-robin": () => roundRobin(),
  random: (random) => ({ pick: (instances) => instances[random.below(instances.length)] ?? null }),
  sticky: (random) => sticky(random),
  weighted: () => weighted(),
};

function roundRobin(last: string | null = null): Strategy {
  return {
    pick(instances) {
      const next = instances.find(({ id }) => last === null || id > last) ?? instances[0]!;
      last = next.id;
      return next;
    },
  };
}

/** The first is one of chance, so that many who call do not all stick to one. */
function sticky(random: Random): Strategy {
  let last: string | null = null;
  return {
    pick(instances) {
      const same = instances.find(({ id }) => id === last);
      const one = same ?? instances[random.below(instances.length)]!;
      last = one.id;
      return one;
    },
  };
}

/** As nginx does: who is behind its share the most is next, and pays the sum of all weights for it. */
function weighted(): Strategy {
  let credits = new Map<string, number>();
  return {
    pick(instances) {
      const total = instances.reduce((sum, { weight }) => sum + weight, 0);
      if (total === 0) return null;
      credits = new Map(instances.map(({ id, weight }) => [id, (credits.get(id) ?? 0) + weight]));
      const richest = instances.reduce((best, each) => (credits.get(each.id)! > credits.get(best.id)! ? each : best));
      credits.set(richest.id, credits.get(richest.id)! - total);
      return richest;
    },
  };
}
