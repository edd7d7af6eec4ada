// Which instance is called next. A strategy gets the instances that may be called now, sorted by id. It keeps its state by id, so
// that it goes on evenly while instances come and go.

import type { Random } from "../base/random.ts";
import type { ServiceInstance } from "./service-instance.ts";

export interface Strategy {
  /** One of the instances, of which there is at least one; null where none should be called. */
  pick(instances: readonly ServiceInstance[]): ServiceInstance | null;
}

/**
 * `round-robin`: one after the other. `random`. `sticky`: the same one as long as it may be called, then the next. `weighted`: in
 * proportion to the weights, spread evenly; an instance of weight 0 never.
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

/** The first is random, so that many callers do not all stick to one instance. */
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

/** Smooth weighted round-robin, as in nginx: the instance furthest behind its share is next, and pays the sum of all weights. */
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
