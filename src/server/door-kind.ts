// A kind of door: what the table of doors knows of each protocol.

import type { DoorHost } from "../protocols/door-host.ts";
import type { OpenedStorage } from "../replica/ports.ts";
import type { Replica } from "../replica/replica.ts";
import type { Door } from "../transport/door.ts";
import type { ConfiguredDoor, ServerConfiguration } from "./configuration/configuration.ts";

/** What a door may tell operators of the member that it belongs to. */
export interface MemberParts {
  readonly configuration: ServerConfiguration;
  readonly replica: Replica;
  readonly storage: OpenedStorage;
}

export interface DoorKind {
  /** The name of its section in cabildo.yaml. */
  readonly name: string;
  /** `configured` is of this kind, with the settings that its section was read to. */
  open(host: DoorHost, configured: ConfiguredDoor, member: MemberParts): Door;
}
