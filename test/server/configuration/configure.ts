// For the tests: a configuration from texts, as if they were files.

import assert from "node:assert/strict";
import type { ConfiguredDoor, ListenSettings } from "../../../src/protocols/configured-door.ts";
import type { ZooKeeperSettings } from "../../../src/protocols/zookeeper/settings.ts";
import { ConfigurationError, type ServerConfiguration } from "../../../src/server/configuration/configuration.ts";
import { type LoadOptions, loadConfiguration } from "../../../src/server/configuration/load.ts";

type Options = Omit<LoadOptions, "file" | "files"> & {
  readonly files?: Readonly<Record<string, string>>;
  /** The permissions of every file. */
  readonly permissions?: number;
};

/** A member's settings, and beside them those of its first door, ZooKeeper's: `client` is where that listens. */
export type Settings = ServerConfiguration & ZooKeeperSettings & { readonly client: ListenSettings };

function withFirstDoor(configuration: ServerConfiguration): Settings {
  const [door] = configuration.doors as readonly ConfiguredDoor<ZooKeeperSettings>[];
  assert.equal(door?.kind, "zookeeper");
  return { ...configuration, ...door.settings, client: door.listen };
}

/** A file `zoo.cfg` (or another name), beside it whatever `files` holds. */
export function configure(text: string, options: Options = {}, name = "/conf/zoo.cfg") {
  const texts: Readonly<Record<string, string>> = { [name]: text, ...options.files };
  const files = {
    read: (path: string) => texts[path] ?? null,
    permissions: () => options.permissions ?? 0o600,
    isDirectory: (path: string) => Object.keys(texts).some((file) => file.startsWith(`${path}/`)),
  };
  const { configuration, warnings } = loadConfiguration({ ...options, file: name, files });
  return { configuration: withFirstDoor(configuration), warnings };
}

export function settingsOf(text: string, options: Options = {}): Settings {
  return configure(text, options).configuration;
}

/** The problems that such a file has. */
export function problemsOf(text: string, options: Options = {}, name?: string): readonly string[] {
  try {
    configure(text, options, name);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

export const ALONE = "dataDir=/data\nclientPort=2181\n";
