// The port between the recipes and their engines: what recipes need of a coordination service, and nothing of how it is kept.
//
// The port speaks of what recipes speak of: a session, a queue of contenders, a value, a directory. It does not speak of
// znodes, keys or leases, because each engine uses the layout of its own system's recipes, so that programs in other languages
// exclude ours: on ZooKeeper Curator's nodes, on etcd keys under a prefix ordered by create revision, on Consul one key and its
// session. Each ability is an interface of its own (`HasMutexes`); a recipe asks for those it needs, and where an engine lacks
// one the program does not compile.
//
// Two rules run through it. *Polling*: an engine does not call back with news. It returns the state now, and a promise that
// resolves when polling again is worthwhile. So a wake-up that is early, doubled or meant for another does no harm, and none is
// missed. *Release at any time*: what was begun for a session can be undone at any moment, also before the engine knows whether
// it was done.

export type * from "./port/contention.ts";
export type * from "./port/directories.ts";
export type * from "./port/double-barriers.ts";
export type * from "./port/elections.ts";
export type * from "./port/engine.ts";
export type * from "./port/full-engine.ts";
export type * from "./port/nodes.ts";
export type * from "./port/queues.ts";
export type * from "./port/transactions.ts";
export type * from "./port/trees.ts";
export type * from "./port/values.ts";
