// Names of locks and of everything else that recipes make. A plain name stands in its recipe's folder, so a lock and an election
// of one name never meet. A name that begins with a slash is the exact path, which other programs may share.

import { CoordinationError } from "../base/errors.ts";

/** In UTF-8. A name becomes part of a path and of every message about it. */
const NAME_BYTES_MAX = 255;

/** Throws ("rejected") for an impossible name, and says why. */
export function checkName(what: string, name: string): void {
  const why = whyNot(name);
  if (why === null) return;
  throw new CoordinationError("rejected", "not-applied", `${what} ${show(name)}: ${why}`);
}

/** As `checkName`, for what is always an exact place: a relative path is refused, because it would be read as a name. */
export function checkPlace(what: string, path: string): void {
  if (typeof path === "string" && path !== "" && !path.startsWith("/")) {
    const why = `a path begins with a slash: did you mean ${show(`/${path}`)}?`;
    throw new CoordinationError("rejected", "not-applied", `${what} ${show(path)}: ${why}`);
  }
  checkName(what, path);
}

/** As `checkName`, for names inside a directory, which have no slash. */
export function checkPlainName(what: string, name: string): void {
  checkName(what, name);
  if (!name.includes("/")) return;
  throw new CoordinationError("rejected", "not-applied", `${what} ${show(name)}: it holds no slash`);
}

function whyNot(name: unknown): string | null {
  if (typeof name !== "string") return "a name is a string";
  if (name === "" || name === "/") return "the name is empty";
  if (/[\ud800-\udfff]/.test(name)) return "a name holds nothing beyond the Basic Multilingual Plane";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f-\u009f\uf000-\uf8ff\ufff0-\uffff]/.test(name)) return "a name holds no control characters";
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > NAME_BYTES_MAX) return `the name is ${bytes} bytes long, ${NAME_BYTES_MAX} are allowed`;
  const isPlace = name.startsWith("/");
  if (!isPlace && name.includes("/")) return 'a name holds no slash; an exact place begins with one, as "/app/locks/x"';
  const parts = isPlace ? name.slice(1).split("/") : [name];
  if (parts.includes("")) return "a place has no empty parts";
  if (parts.includes(".") || parts.includes("..")) return '"." and ".." have no meaning in a name';
  if (isPlace && parts[0] === "zookeeper") return "what is below /zookeeper belongs to the servers";
  return null;
}

function show(name: unknown): string {
  const text = typeof name === "string" ? JSON.stringify(name) : String(name);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
