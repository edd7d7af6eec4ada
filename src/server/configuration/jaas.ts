// The part of Java's login configuration that ZooKeeper's servers use: one section, whose DigestLoginModule lists the
// SASL users as `user_name="password"`. Pure.

import { Complaint } from "../../protocols/setting-kinds.ts";

/**
 * The users of a section; null where the file has no such section: a file for clients, or one with nothing in it yet, as
 * ZooKeeper starts with too. The whole file must be well-formed; throws a `Complaint` where it is not.
 */
export function parseJaas(text: string, section: string): ReadonlyMap<string, string> | null {
  const tokens = tokenize(text);
  let users: ReadonlyMap<string, string> | null = null;
  for (let at = 0; at < tokens.length; at++) {
    const name = tokens[at]!;
    if (tokens[at + 1]?.text !== "{") throw new Complaint(`has a syntax error at "${name.text}"`);
    const close = tokens.findIndex(({ text, quoted }, index) => index > at && text === "}" && !quoted);
    if (close < 0) throw new Complaint(`has no "}" behind the section ${name.text}`);
    if (name.text === section) users ??= usersOf(tokens.slice(at + 2, close), section);
    at = tokens[close + 1]?.text === ";" ? close + 1 : close;
  }
  return users;
}

interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

function tokenize(text: string): Token[] {
  const bare = text.replace(
    /("(?:[^"\\]|\\[\s\S])*")|\/\*[\s\S]*?\*\/|\/\/[^\n]*|#[^\n]*/g,
    (_, quoted?: string) => quoted ?? " ",
  );
  return [...bare.matchAll(/"((?:[^"\\]|\\[\s\S])*)"|([{};=])|([^\s{};="]+)/g)].map(([, quoted, mark, word]) =>
    quoted === undefined
      ? { text: mark ?? word!, quoted: false }
      : { text: quoted.replace(/\\([\s\S])/g, "$1"), quoted: true },
  );
}

function usersOf(body: readonly Token[], section: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  if (body.length === 0) return users;
  if (!body.some(({ text }) => text.endsWith("DigestLoginModule"))) {
    throw new Complaint(`names no DigestLoginModule in its section ${section}: Kerberos is not spoken here`);
  }
  for (let at = 0; at < body.length; at++) {
    const user = /^user_(.+)$/.exec(body[at]!.text)?.[1];
    if (user === undefined || body[at + 1]?.text !== "=") continue;
    const password = body[at + 2];
    if (password === undefined) throw new Complaint(`gives user_${user} no password`);
    users.set(user, password.text);
  }
  return users;
}
