// A kind of door: what the table of doors knows of each protocol.

import type { Door } from "../transport/door.ts";
import type { AboutMember } from "./about-member.ts";
import type { ConfiguredDoor } from "./configured-door.ts";
import type { DoorHost } from "./door-host.ts";

export interface DoorKind {
  /** The name of its section in cabildo.yaml. */
  readonly name: string;
  /** `configured` is of this kind, with the settings that its section was read to. `about`: what its tools may be told. */
  open(host: DoorHost, configured: ConfiguredDoor, about: AboutMember): Door;
}
