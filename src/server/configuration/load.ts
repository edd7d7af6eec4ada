// A member's configuration from a file, the environment and the command line: flags beat environment beat file beat
// default.

import { basename } from "node:path";
import type { DoorSection } from "../../protocols/door-section.ts";
import { type Assembled, assemble } from "./assemble.ts";
import { parseCabildoYaml } from "./cabildo-yaml.ts";
import { ConfigurationError } from "./configuration.ts";
import { DOOR_SECTIONS } from "./door-sections.ts";
import { readEnvironment, readFlags } from "./environment.ts";
import { disk, type FileReader } from "./files.ts";
import { readSettingsObject } from "./settings-object.ts";
import type { Layer } from "./values.ts";
import { parseZooCfg } from "./zoo-cfg.ts";

export interface LoadOptions {
  /** zoo.cfg or cabildo.yaml, told apart by the ending; null: everything comes from environment and flags. */
  readonly file: string | null;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: readonly { readonly flag: string; readonly key: string; readonly value: string }[];
  readonly files?: FileReader;
  /** The sections that the file may have beside `zookeeper`; those of the doors that come with Cabildo, unless given. */
  readonly doorSections?: readonly DoorSection[];
}

/** Throws a `ConfigurationError` that names every problem. */
export function loadConfiguration(options: LoadOptions): Assembled {
  const { file, environment = {}, flags = [], files = disk, doorSections = DOOR_SECTIONS } = options;
  const layers = [fileLayer(file, files, doorSections), ...readEnvironment(environment), readFlags(flags)];
  return assemble({ layers, file, files, isEmbedded: false });
}

export interface EmbeddedLoadOptions {
  /** As `startMember` is given them. */
  readonly settings: object;
  /** A file that counts where the settings say nothing; null: none. */
  readonly file: string | null;
  readonly doorSections?: readonly DoorSection[] | undefined;
}

/** A member's configuration from an object in a program, and a file below it; no environment. Throws as `loadConfiguration` does. */
export function loadEmbedded({ settings, file, doorSections = DOOR_SECTIONS }: EmbeddedLoadOptions): Assembled {
  const given = readSettingsObject(settings, "startMember", doorSections);
  const layers = [fileLayer(file, disk, doorSections), given];
  return assemble({ layers, file, files: disk, isEmbedded: true });
}

function fileLayer(file: string | null, files: FileReader, sections: readonly DoorSection[]): Layer {
  if (file === null) return { given: [], warnings: [], problems: [] };
  let text: string | null;
  try {
    text = files.read(file);
  } catch (error) {
    throw new ConfigurationError([`${file} cannot be read: ${(error as Error).message}`]);
  }
  if (text === null) throw new ConfigurationError([`there is no file ${file}: name a zoo.cfg or a cabildo.yaml`]);
  return /\.ya?ml$/i.test(file) ? parseCabildoYaml(text, basename(file), sections) : parseZooCfg(text, basename(file));
}
