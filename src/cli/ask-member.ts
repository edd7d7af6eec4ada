// Asks a member how it is, by the four-letter word `memb`, within a deadline.

import { connect } from "node:net";
import type { MemberReport } from "../protocols/zookeeper/admin-member-report.ts";

/** A report is a few KiB; whatever sends more is no member. */
const ANSWER_BYTES_MAX = 1 << 20;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Answer =
  | { readonly kind: "report"; readonly report: MemberReport }
  | { readonly kind: "failed"; readonly reason: string };

export async function askMember(address: Address, deadlineMs: number): Promise<Answer> {
  try {
    const text = await fourLetterWord(address, "memb", deadlineMs);
    const report: unknown = JSON.parse(text);
    if (isReport(report)) return { kind: "report", report };
  } catch (error) {
    if (!(error instanceof SyntaxError)) return { kind: "failed", reason: reasonOf(error, deadlineMs) };
  }
  return { kind: "failed", reason: "answers, but is no member of a cabildo" };
}

function fourLetterWord({ host, port }: Address, word: string, deadlineMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => socket.destroy(new Error("timeout")), deadlineMs);
    socket.on("connect", () => socket.write(word));
    socket.on("data", (chunk) => {
      length += chunk.length;
      if (length > ANSWER_BYTES_MAX) socket.destroy(new SyntaxError("too long"));
      else chunks.push(chunk);
    });
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString("utf8"));
    });
  });
}

function isReport(value: unknown): value is MemberReport {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    "term" in value &&
    "members" in value &&
    "role" in value
  );
}

function reasonOf(error: unknown, deadlineMs: number): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (message === "timeout") return `no answer within ${deadlineMs / 1000} s`;
  if (code === "ECONNREFUSED") return "nobody listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "no such host";
  if (code === "ECONNRESET") return "closed the connection";
  return message;
}

/** `host:port`, `[::1]:2181`, or a host alone with ZooKeeper's usual port; null: none of these. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3] ?? 2181);
  return port >= 1 && port <= 65_535 ? { host: match[1] ?? match[2]!, port } : null;
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
