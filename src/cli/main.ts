#!/usr/bin/env node
// The command `cabildo`.

import { program } from "./program.ts";

await program().parseAsync();
