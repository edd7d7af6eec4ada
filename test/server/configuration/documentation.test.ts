import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SETTINGS, type SettingKey, yamlNameOf } from "../../../src/server/configuration/settings.ts";

const page = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| `([^`]+)` \| `([^`]+)` \| [^|]+ \| [^|]+ \|$/gm)].map(([, key, yaml]) => [
  key,
  yaml,
]);

test("every setting stands in docs/configuration.md under both of its names, and nothing else does", () => {
  const expected = (Object.keys(SETTINGS) as SettingKey[]).map((key) => [key, yamlNameOf(key)]);
  assert.deepEqual(rows.sort(), expected.sort());
});
