// The package as it is published, under what it is used with: test runners that run tests in VM contexts, CommonJS, a bundler,
// compilers of several years, on each line of Node that it names. The Nodes come from the registry, for Linux on x64.
//
//   npm run test:package

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { after, test } from "node:test";
import { builtServer } from "../support/built-server.ts";
import { repository } from "../support/cache.ts";
import { run } from "../support/commands.ts";
import { startEnsemble } from "../support/ensemble.ts";
import { NODE_LINES, type NodeLine } from "../support/nodes.ts";
import { COMPILERS, project } from "./consumers.ts";

const { folder, withJestBefore, command, node } = await project();
const ensemble = await startEnsemble({ flavour: "cabildo", members: 1, config: ["tickTime=500"] });
after(() => ensemble.stop());
const url = `zookeeper://${ensemble.members[0]!.address}`;

function play(line: NodeLine, args: readonly string[], title: string, cwd = folder): Promise<string> {
  const environment = { CABILDO_URL: url, RUN_NAME: `${title}-node${line}`, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" };
  return run(node(line), args, { cwd, environment, timeoutMs: 120_000 });
}

const bundles = ["esm", "cjs"] as const;
for (const format of bundles) {
  const out = `bundle.${format === "esm" ? "mjs" : "cjs"}`;
  const args = ["bundled.mjs", "--bundle", "--platform=node", `--format=${format}`, `--outfile=${out}`];
  await run(process.execPath, [command("esbuild", "bin/esbuild"), ...args], { cwd: folder });
}

test("every compiled file has a map to a source that is in the tarball, and llms.txt is there", async () => {
  const root = join(folder, "node_modules", "cabildo");
  const built = dirname(dirname(await builtServer())); // elsewhere than dist/, beside which src/ stands in a release
  const compiled = readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" });
  const maps = compiled.filter((name) => name.endsWith(".map"));
  assert.equal(maps.length, compiled.filter((name) => /\.(js|d\.ts)$/.test(name)).length);
  const missing = maps.filter((name) => {
    const { sources } = JSON.parse(readFileSync(join(root, "dist", name), "utf8")) as {
      readonly sources: readonly string[];
    };
    const places = sources.map((source) =>
      relative(join(repository, "src"), resolve(dirname(join(built, name)), source)),
    );
    const own = name.replace(/(\.d\.ts|\.js)\.map$/, ".ts");
    return places.join() !== own || !existsSync(join(root, "src", own));
  });
  assert.deepEqual(missing, []);
  assert.match(readFileSync(join(root, "llms.txt"), "utf8"), /^# Cabildo\n/);
});

test("a bundle that uses one checker holds nothing of the server, and all bundles make `using` work", async () => {
  writeFileSync(
    join(folder, "little.mjs"),
    'import { majorityOf } from "cabildo/consensus"; console.log(majorityOf(5));\n',
  );
  const bundler = command("esbuild", "bin/esbuild");
  const args = ["little.mjs", "--bundle", "--platform=node", "--format=esm", "--outfile=little-bundle.mjs"];
  await run(process.execPath, [bundler, ...args], { cwd: folder });
  const little = readFileSync(join(folder, "little-bundle.mjs"), "utf8");
  assert.ok(little.length < 5000, `${little.length} characters`);
  assert.equal((await run(process.execPath, ["little-bundle.mjs"], { cwd: folder })).trim(), "3");
  for (const file of ["bundle.mjs", "bundle.cjs"]) {
    assert.match(
      readFileSync(join(folder, file), "utf8"),
      /dist\/base\/disposal\.js/,
      "what is done at loading is kept",
    );
  }
});

for (const line of NODE_LINES) {
  test(`Node ${line}: Jest, in its VM contexts`, async () => {
    const args = ["--experimental-vm-modules", command("jest", "bin/jest.js"), "--config", "jest.config.mjs"];
    await play(line, args, "jest");
    const { jest, folder: besideIt } = withJestBefore;
    await play(line, ["--experimental-vm-modules", jest, "--config", "jest.config.mjs"], "jest-before", besideIt);
  });

  test(`Node ${line}: vitest, in processes, threads and VM contexts`, async () => {
    const said = await play(line, [command("vitest", "vitest.mjs"), "run", "--reporter=verbose"], "vitest");
    for (const pool of ["forks", "threads", "vmThreads"]) {
      assert.match(said, new RegExp(`${pool}.*the recipes work`));
      assert.match(said, new RegExp(`${pool}.*one bills at a time`));
      assert.match(said, new RegExp(`${pool}.*a counter goes on`));
    }
  });

  test(`Node ${line}: CommonJS, by require and by import()`, async () => {
    assert.match(await play(line, ["require.cjs"], "require"), /the client reads/);
  });

  test(`Node ${line}: bundled by esbuild, as a module and as CommonJS`, async () => {
    for (const file of ["bundle.mjs", "bundle.cjs"]) assert.match(await play(line, [file], file), /the client reads/);
  });
}

const resolutions = [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
] as const;
for (const compiler of COMPILERS) {
  const { version } = JSON.parse(readFileSync(command(compiler, "package.json"), "utf8"));
  for (const [module, moduleResolution] of resolutions) {
    test(`TypeScript ${version} understands its types, with ${moduleResolution}`, async () => {
      const config = `tsconfig.${compiler}.${module}.json`;
      const compilerOptions = {
        module,
        moduleResolution,
        target: "es2022",
        lib: ["es2023", "esnext.disposable"],
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
      };
      writeFileSync(join(folder, config), JSON.stringify({ compilerOptions, files: ["consumer.mts"] }));
      await run(process.execPath, [command(compiler, "lib/tsc.js"), "-p", config], { cwd: folder });
    });
  }
}
