// Plain CommonJS: `require` of an ES module, and `import()`.
const cabildo = require("cabildo");
const client = require("cabildo/zookeeper-client");

(async () => {
  const { play } = await import("./play.mjs");
  const { entries } = await import("./all-entries.mjs");
  for (const entry of entries)
    if (require(`cabildo${entry}`) !== (await import(`cabildo${entry}`))) throw new Error(entry);
  console.log((await play(cabildo, client, process.env.CABILDO_URL, process.env.RUN_NAME)).at(-1));
})();
