// The seam between the kernel and a protocol: the door of a simulated process. The kernel knows no protocol; the doors are a
// list that an ensemble is made with.

import type { Random } from "../../base/random.ts";
import type { Replica } from "../../replica/replica.ts";
import type { ClientCapacity } from "../../transport/client-capacity.ts";
import type { Acceptor, ConnectionHandler } from "../../transport/connection.ts";
import type { VirtualClock } from "./time.ts";

/** The server side of a connection. */
export interface ServerConnection extends ConnectionHandler {
  /** Whether a reply is due and could be sent now. */
  readonly owesReply: boolean;
  /** How many replies and notifications were sent. */
  readonly traffic: { readonly packetsSent: number };
}

/** It listens to the state's events by itself. */
export type DoorServer = Acceptor<ServerConnection>;

/** The process that a door is opened in. */
export interface DoorHost {
  readonly replica: Replica;
  readonly clock: VirtualClock;
  readonly random: Random;
  /** What all doors of the process share. */
  readonly capacity: ClientCapacity;
  /** The protocol's tick: session timeouts are between twice and twenty times as long. */
  readonly tickTimeMs: number;
}

export interface SimulatedDoor {
  /** The name by which clients choose it. */
  readonly name: string;
  /** Opens the door in a process that has just started. */
  open(host: DoorHost): DoorServer;
}
