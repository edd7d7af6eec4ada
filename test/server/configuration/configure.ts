// For the tests: a configuration from texts, as if they were files.

import { ConfigurationError, type ServerConfiguration } from "../../../src/server/configuration/configuration.ts";
import { type LoadOptions, loadConfiguration } from "../../../src/server/configuration/load.ts";

type Options = Omit<LoadOptions, "file" | "files"> & {
  readonly files?: Readonly<Record<string, string>>;
  /** The permissions of every file. */
  readonly permissions?: number;
};

/** A file `zoo.cfg` (or another name), beside it whatever `files` holds. */
export function configure(text: string, options: Options = {}, name = "/conf/zoo.cfg") {
  const texts: Readonly<Record<string, string>> = { [name]: text, ...options.files };
  const files = {
    read: (path: string) => texts[path] ?? null,
    permissions: () => options.permissions ?? 0o600,
    isDirectory: (path: string) => Object.keys(texts).some((file) => file.startsWith(`${path}/`)),
  };
  return loadConfiguration({ ...options, file: name, files });
}

export function settingsOf(text: string, options: Options = {}): ServerConfiguration {
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
