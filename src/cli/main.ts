#!/usr/bin/env node
// The command `cabildo`.

import { whyTooOld } from "./node-version.ts";

const why = whyTooOld(process.versions.node);
if (why === null) {
  const { program } = await import("./program.ts");
  await program().parseAsync();
} else {
  process.stderr.write(`cabildo: ${why}\n`);
  process.exitCode = 1;
}
