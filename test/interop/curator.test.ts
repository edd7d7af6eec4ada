// Curator's recipes against the ensemble, each among three sessions and while the leader is killed.
import { java } from "./java.ts";
import { prepareStage } from "./stage.ts";

const stage = await prepareStage({ runtime: java });

for (const recipe of ["mutex", "latch", "selector", "cache", "barrier"]) {
  stage.laws(`Curator: ${recipe}`, (runtime, servers) => runtime.program("CuratorRecipes", servers, recipe));
}
