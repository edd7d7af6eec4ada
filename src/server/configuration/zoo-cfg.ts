// Reads zoo.cfg and its dynamic part as text. Each key is one of our settings, or one that has no meaning here (a warning says
// why), or an error that suggests the nearest name.

import { describeSource, type Source } from "./configuration.ts";
import { editDistance, nearestName, suggestion } from "./nearest.ts";
import { parseProperties } from "./properties.ts";
import { NUMBERED, SETTINGS, settingNamed, whyNotApplicable, withoutPrefix } from "./settings.ts";
import type { Given, Layer } from "./values.ts";

/** `file` is the name to use in errors. */
export function parseZooCfg(text: string, file: string): Layer {
  const given: Given[] = [];
  const warnings: string[] = [];
  const problems: string[] = [];
  const lineOf = new Map<string, number>();
  for (const { key, value, line } of parseProperties(text)) {
    const source: Source = { kind: "file", file, line };
    const bare = withoutPrefix(key.trim());
    const where = describeSource(source);
    const verdict = judgeKey(bare);
    if (verdict.kind === "known") {
      const canonical = settingNamed(bare) ?? bare;
      const earlier = lineOf.get(canonical);
      if (earlier !== undefined)
        warnings.push(`${where}: ${key} was already given in line ${earlier}; this one counts`);
      lineOf.set(canonical, line);
      given.push({ key: canonical, written: key.trim(), value: value.trim(), source, unitRequired: false });
    } else if (verdict.kind === "ignored") {
      warnings.push(`${where}: ${key} has no effect: ${verdict.reason}`);
    } else {
      problems.push(`${where}: ${key} is not a setting.${suggestion(bare, Object.keys(SETTINGS))}`);
    }
  }
  return { given, warnings, problems };
}

/** The file that `dynamicConfigFile` names: members and nothing else. */
export function parseDynamicConfig(text: string, file: string): Layer {
  const given: Given[] = [];
  const warnings: string[] = [];
  const problems: string[] = [];
  for (const { key, value, line } of parseProperties(text)) {
    const source: Source = { kind: "file", file, line };
    const where = describeSource(source);
    if (key.startsWith("server.")) {
      given.push({ key, written: key, value: value.trim(), source, unitRequired: false });
    } else if (/^(group|weight)\./.test(key)) {
      warnings.push(`${where}: ${key} has no effect: ${whyNotApplicable(key)}`);
    } else if (key !== "version") {
      problems.push(`${where}: ${key} may not stand here: this file holds server.N lines only`);
    }
  }
  return { given, warnings, problems };
}

type Verdict =
  | { readonly kind: "known" }
  | { readonly kind: "ignored"; readonly reason: string }
  | { readonly kind: "mistyped" };

/**
 * ZooKeeper takes any key at all and hands it on as a Java property. So a key that resembles nothing is let pass with a
 * warning; one that is a letter or two from a setting is a slip of the hand, and must not be passed over.
 */
export function judgeKey(bare: string): Verdict {
  if (settingNamed(bare) !== null || isNumbered(bare)) return { kind: "known" };
  const reason = whyNotApplicable(bare);
  if (reason !== null) return { kind: "ignored", reason };
  const nearest = nearestName(bare, Object.keys(SETTINGS));
  if (nearest !== null && editDistance(bare.toLowerCase(), nearest.toLowerCase()) <= 2) return { kind: "mistyped" };
  return { kind: "ignored", reason: "no setting of this name is known" };
}

export function isNumbered(key: string): boolean {
  const family = key.slice(0, key.indexOf("."));
  if (family === "group" || family === "weight") return false; // not applicable, and said so
  return key.indexOf(".") > 0 && key.length > family.length + 1 && (NUMBERED as readonly string[]).includes(family);
}
