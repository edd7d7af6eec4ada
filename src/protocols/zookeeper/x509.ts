// The name in a certificate as ZooKeeper writes it into ACLs: the subject in RFC 2253's form, as Java's X500Principal gives
// it. Read from the certificate's own bytes (DER), because the order and the kinds of its parts matter.

import { MalformedError } from "../../base/bytes.ts";

const TAG = { sequence: 0x30, set: 0x31, oid: 0x06, version: 0xa0 } as const;

/** RFC 2253 §2.3: these types have names; all others are written as numbers, their values as bytes. */
const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
]);

interface Element {
  readonly tag: number;
  /** With its tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** The subject of a certificate in DER, most specific part first: `CN=client,O=Example,C=ES`. */
export function subjectOf(certificate: Uint8Array): string {
  const [outer] = elementsOf(certificate);
  const [body] = elementsOf(contentOf(outer, TAG.sequence));
  const fields = elementsOf(contentOf(body, TAG.sequence));
  // version (if not the first), serial number, signature, issuer, validity, subject
  const subject = fields[fields[0]?.tag === TAG.version ? 5 : 4];
  const parts = elementsOf(contentOf(subject, TAG.sequence)).map((set) => {
    return elementsOf(contentOf(set, TAG.set)).map(attributeText).join("+");
  });
  return parts.reverse().join(",");
}

function attributeText(attribute: Element): string {
  const [type, value] = elementsOf(contentOf(attribute, TAG.sequence));
  const oid = oidText(contentOf(type, TAG.oid));
  const name = TYPE_NAMES.get(oid);
  const text = value === undefined || name === undefined ? null : stringOf(value);
  if (value === undefined) throw new MalformedError("a certificate's name without a value");
  return text === null ? `${name ?? oid}=#${hexadecimal(value.whole)}` : `${name}=${escaped(text)}`;
}

function stringOf({ tag, content }: Element): string | null {
  switch (tag) {
    case 0x0c: // UTF8String
      return new TextDecoder().decode(content);
    case 0x13: // PrintableString
    case 0x14: // T61String
    case 0x16: // IA5String
    case 0x1b: // GeneralString
      return String.fromCharCode(...content);
    case 0x1e: // BMPString
      return new TextDecoder("utf-16be").decode(content);
    default:
      return null;
  }
}

/** RFC 2253 §2.4. */
function escaped(text: string): string {
  return text
    .replace(/[,+"\\<>;=]/g, "\\$&")
    .replace(/^[# ]/, "\\$&")
    .replace(/(?<!\\)( +)$/, (spaces) => spaces.replaceAll(" ", "\\ "));
}

function oidText(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    arcs.push(value);
    value = 0;
  }
  const first = arcs.shift() ?? 0;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs].join(".");
}

function contentOf(element: Element | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new MalformedError("a certificate that is none");
  return element.content;
}

function elementsOf(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at]!;
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length > 0x80) {
      const count = length & 0x7f;
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
      start += count;
    }
    if (start + length > bytes.length) throw new MalformedError("a certificate that is cut off");
    elements.push({ tag, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

function hexadecimal(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
