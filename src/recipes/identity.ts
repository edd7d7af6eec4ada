// Who a program is, for those who look at a queue: text that other programs show as it is, such as "billing@web-1:4711".

import { printable } from "../base/printable.ts";
import { textOf } from "./bytes.ts";
import type { ContenderView, QueueView } from "./engine.ts";

/** One who holds something, or waits for it. */
export interface ContenderInfo {
  /** Who it is: `label@host:pid` or `host:pid` for programs of this library; others write what they like, or nothing. */
  readonly who: string;
  readonly label: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  /** It holds now. The others wait, in this order. */
  readonly isHolder: boolean;
  /** Of its grant, or of the grant that it would get. */
  readonly token: bigint;
  /** The session that its place ends with, as the servers' tools show it. */
  readonly session: string;
  /** When it entered the queue, in milliseconds since 1970 by the servers' clock. */
  readonly since: number;
}

/** Told while a wait goes on. */
export interface Waiting {
  /** How many are before it. */
  readonly ahead: number;
  /** Who holds what it waits for; null where that is not known. */
  readonly holder: string | null;
}

const FORM = /^(?:(.+)@)?([^@:\s]+):(\d+)$/;
/** Longer texts are cut where they are shown. */
const SHOWN_CHARACTERS_MAX = 120;

function contenderInfo({ data, token, session, enteredAt }: ContenderView, isHolder: boolean): ContenderInfo {
  const who = shownText(data);
  const [, label = null, host = null, pid = null] = FORM.exec(who) ?? [];
  return {
    who,
    label,
    host,
    pid: pid === null ? null : Number(pid),
    isHolder,
    token,
    session,
    since: enteredAt,
  };
}

/** The holders first, then those who wait. */
export function contenderInfos({ holders, waiting }: QueueView): readonly ContenderInfo[] {
  return [...holders.map((view) => contenderInfo(view, true)), ...waiting.map((view) => contenderInfo(view, false))];
}

/** As a person may be shown it, whoever wrote it. */
export function shownText(data: Uint8Array): string {
  return printable(textOf(data), SHOWN_CHARACTERS_MAX);
}
