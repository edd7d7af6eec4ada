// An endpoint: where something listens, as the text `host:port`. Pure.

import { consistsOf, isDigits, isPrintable } from "./scan.ts";

/** Where clients come in. `host` null: nothing was said of it, which is every address. */
export interface Endpoint {
  /** Without brackets. */
  readonly host: string | null;
  readonly port: number;
}

export const PORT_MAX = 65_535;
export const EVERY_ADDRESS = "0.0.0.0";
const SEPARATORS = "[]|;,=*";
const DIGITS = "0123456789";
const ADDRESS = `${DIGITS}abcdefABCDEF:.`;
/** Of an interface, behind an address of the link. */
const ZONE = `${DIGITS}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-`;

/** Null: not a port. */
export function parsePort(text: string): number | null {
  return isDigits(text, 5) && Number(text) <= PORT_MAX ? Number(text) : null;
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return `${bracketed(host ?? EVERY_ADDRESS)}:${port}`;
}

/** An IPv6 address stands in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Printable, and nothing that separates: such a name comes back from its text as it went in. */
export function isHost(text: string): boolean {
  if (text === "" || !isPrintable(text) || [...SEPARATORS].some((separator) => text.includes(separator))) return false;
  return !text.includes(":") || isAddress6(text);
}

export function isAddress6(text: string): boolean {
  const percent = text.indexOf("%");
  if (percent === -1) return text !== "" && consistsOf(text, ADDRESS);
  const zone = text.slice(percent + 1);
  return percent > 0 && zone !== "" && consistsOf(text.slice(0, percent), ADDRESS) && consistsOf(zone, ZONE);
}
