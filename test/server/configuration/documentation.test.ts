import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Kind } from "../../../src/protocols/setting-kinds.ts";
import { SETTINGS, type SettingKey, yamlNameOf } from "../../../src/server/configuration/settings.ts";

const page = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| `([^`]+)` \| `([^`]+)` \| ([^|]+) \| [^|]+ \|$/gm)].map(
  ([, key, yaml, byDefault]) => {
    return { key: key!, yaml: yaml!, byDefault: byDefault! };
  },
);

test("every setting stands in docs/configuration.md under both of its names, and nothing else does", () => {
  const expected = (Object.keys(SETTINGS) as SettingKey[]).map((key) => [key, yamlNameOf(key)]);
  assert.deepEqual(rows.map(({ key, yaml }) => [key, yaml]).sort(), expected.sort());
});

test("the defaults on the page are those of the settings", () => {
  for (const { key, byDefault } of rows) {
    const setting = SETTINGS[key as SettingKey] as { readonly kind: Kind<unknown>; readonly default: unknown };
    const isUnset = setting.default === null || setting.default === -1 || String(setting.default) === "";
    if (isUnset) continue; // the page says in words what counts instead
    assert.deepEqual(setting.kind.parse(byDefault, false), setting.default, `${key}: ${byDefault}`);
  }
});
