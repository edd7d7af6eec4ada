// The recipes on real members of a Cabildo cluster.

import { playOnServers } from "./support/real-stage.ts";

playOnServers("cabildo", 3);
