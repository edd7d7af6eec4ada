// A door: the server side of one protocol, as its listeners and the management see it. It owns no socket, and what it needs
// of the member comes to it as a `DoorHost`.

import type { Metric } from "../base/metrics.ts";
import type { Acceptor, ConnectionHandler } from "./connection.ts";

/** Why a connection was turned away before the door heard of it. */
export type TurnedAway = "limit" | "handshake" | "certificate";

export interface Door<C extends ConnectionHandler = ConnectionHandler> extends Acceptor<C> {
  /** A listener turned a connection away. */
  noteTurnedAway(why: TurnedAway): void;
  /** Lets all clients go and accepts no more. What outlives connections, such as sessions, lives on. */
  stop(): void;
  /** What it counts and measures now. */
  metrics(): readonly Metric[];
  /** What operators are shown of it. */
  report(): DoorReport;
  /** Its own pages on the management's HTTP server; left out: none. */
  readonly pages?: DoorPages | undefined;
}

/** Pages for a protocol's own tools, at one path of the management's HTTP server and below. */
export interface DoorPages {
  /** As `/commands`. Where another door has the same, what stands before it is this door's name: `/zookeeper-2/commands`. */
  readonly path: string;
  answer(request: PageRequest): Promise<PageAnswer>;
}

export interface PageRequest {
  readonly method: "GET" | "POST";
  /** Where the pages are found: links to them begin with it. */
  readonly root: string;
  /** What follows the pages' path and a slash; empty for the path itself. */
  readonly name: string;
  readonly parameters: { get(name: string): string | null };
  /** The address of the connection; no header changes it. */
  readonly address: string;
  readonly authorization: string | undefined;
  /** A page of another site sent it, by somebody's browser. */
  readonly isFromOtherSite: boolean;
  /** It is a form or plain text, which pages of other sites may send anywhere. */
  readonly isFormContent: boolean;
  body(): Promise<string>;
}

export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | AsyncIterable<Uint8Array>;
}

export interface DoorReport {
  /** Clients are served at all. */
  readonly serving: boolean;
  /** Reads alone are served, for want of a quorum. */
  readonly readOnly: boolean;
  readonly connections: number;
  /** Requests taken and not answered. */
  readonly outstanding: number;
  /** Numbers that the protocol adds, by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** What else the protocol tells of itself, by name; left out: nothing. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}
