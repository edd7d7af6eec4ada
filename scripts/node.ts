// Runs the tests on another release of Node: `npm run test:node -- 22 [what npm test takes]`. It comes from the registry, for Linux on x64.

import { spawn } from "node:child_process";
import { installedNode, NODE_LINES } from "../test/support/nodes.ts";
import { TREE } from "./lanes.ts";

const [asked, ...rest] = process.argv.slice(2);
const line = NODE_LINES.find((each) => String(each) === asked);
if (line === undefined) {
  console.error(`npm run test:node -- ${NODE_LINES.join("|")} [what npm test takes], not "${asked ?? ""}"`);
  process.exit(2);
}

const child = spawn(await installedNode(line), ["--import", "tsx", "scripts/test.ts", ...rest], {
  cwd: TREE,
  stdio: "inherit",
});
child.once("exit", (status) => process.exit(status ?? 1));
