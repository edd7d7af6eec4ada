// The list of all models. Adding one: its folder, its line here, and nothing else in this room. All members of one version
// have the same models.
//
// Numbers are never given twice: 0 leases, 1 tree, 2 feature level, 3 membership; 100 and above are for tests.

import { FeatureLevel } from "./feature-level.ts";
import { Leases } from "./leases/leases.ts";
import { MembershipModel } from "./membership/model.ts";
import type { Model } from "./model.ts";
import { TreeModel } from "./tree/model.ts";

/** What a model may be made with. */
interface ModelParts {
  readonly leases: Leases;
  readonly membership: MembershipModel;
  /** Any 32-bit number, of chance where clients are not trusted; members need not have the same. */
  readonly hashSeed: number;
}

export type ModelFactory = (parts: ModelParts) => Model;

/** In the order in which they hear of leases and memberships, and stand in snapshots. */
const COORDINATION_MODELS: readonly ModelFactory[] = [
  ({ leases }) => leases,
  () => new FeatureLevel(),
  ({ membership }) => membership,
  ({ leases, membership, hashSeed }) => new TreeModel(leases, membership, hashSeed),
];

export interface ModelOptions {
  readonly hashSeed?: number;
  /** Models of other rooms, and of tests. */
  readonly more?: readonly ModelFactory[] | undefined;
}

/** Models for one machine. */
export function coordinationModels({ hashSeed = 0, more = [] }: ModelOptions = {}): readonly Model[] {
  const parts = { leases: new Leases(), membership: new MembershipModel(), hashSeed };
  return [...COORDINATION_MODELS, ...more].map((create) => create(parts));
}
