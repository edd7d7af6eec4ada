// Asks a member for its report, the page `/status` of its management port, within a deadline.

import { get } from "node:http";
import type { MemberReport } from "../management/report.ts";

/** A report is a few KiB; whatever sends more is no member. */
const ANSWER_BYTES_MAX = 1 << 20;

/** `admin.serverPort`, unless it is set. */
export const MANAGEMENT_PORT = 8080;

const NO_MEMBER = "answers, but not as a member's management port (admin.serverPort) does";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Answer =
  | { readonly kind: "report"; readonly report: MemberReport }
  | { readonly kind: "failed"; readonly reason: string };

export async function askMember(address: Address, deadlineMs: number): Promise<Answer> {
  try {
    const text = await statusPage(address, deadlineMs);
    const report: unknown = JSON.parse(text);
    if (isReport(report)) return { kind: "report", report };
  } catch (error) {
    if (!isNoAnswerOfOurs(error)) return { kind: "failed", reason: reasonOf(error, deadlineMs) };
  }
  return { kind: "failed", reason: NO_MEMBER };
}

function statusPage({ host, port }: Address, deadlineMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // By whatever name the member is asked: that others may not use one is against pages in a browser.
    const headers = { host: "localhost" };
    const request = get({ host, port, path: "/status", headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > ANSWER_BYTES_MAX) request.destroy(new SyntaxError("too long"));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
      response.on("error", reject);
    });
    const timer = setTimeout(() => request.destroy(new Error("timeout")), deadlineMs);
    request.on("error", reject);
    request.on("close", () => {
      clearTimeout(timer);
      reject(new SyntaxError("it ended without an answer"));
    });
  });
}

/** It is no HTTP, no JSON, or far too long. */
function isNoAnswerOfOurs(error: unknown): boolean {
  return error instanceof SyntaxError || String((error as NodeJS.ErrnoException).code).startsWith("HPE_");
}

function isReport(value: unknown): value is MemberReport {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    "term" in value &&
    "members" in value &&
    Array.isArray(value.members) &&
    "doors" in value &&
    Array.isArray(value.doors) &&
    "role" in value
  );
}

function reasonOf(error: unknown, deadlineMs: number): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (message === "timeout") return `no answer within ${deadlineMs / 1000} s`;
  if (code === "ECONNREFUSED") return "nobody listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "no such host";
  if (code === "ECONNRESET") return "closed the connection: is this its management port (admin.serverPort)?";
  return message;
}

/** `host:port`, `[::1]:8080`, or a host alone with the usual management port; null: none of these. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const port = Number(match[3] ?? MANAGEMENT_PORT);
  return port >= 1 && port <= 65_535 ? { host: match[1] ?? match[2]!, port } : null;
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
