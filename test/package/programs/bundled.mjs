// What esbuild makes one file of.
import * as cabildo from "cabildo";
import * as client from "cabildo/zookeeper-client";
import { play } from "./play.mjs";

play(cabildo, client, process.env.CABILDO_URL, process.env.RUN_NAME).then((seen) => console.log(seen.at(-1)));
