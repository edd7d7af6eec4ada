// Translates paths: callers give them below the chroot, and the server knows them with it. Checks them by ZooKeeper's rules.

import { fromByteString, toByteString } from "../../../base/text.ts";
import { isValidPath } from "../../../state/tree/paths.ts";
import { badArguments } from "./errors.ts";
import type { RequestPath } from "./request.ts";

/** Below no chroot: an ensemble has one configuration. */
export const CONFIG_PATH = "/zookeeper/config";

export class Chroot {
  /** "": none. A character a byte, as all of the server's paths. */
  readonly #prefix: string;

  /** `chroot` is a valid path; "/" means none. */
  constructor(chroot: string) {
    this.#prefix = chroot === "/" ? "" : toByteString(chroot);
  }

  /** Throws for an impossible path. A sequential node's path may end in a slash, which its digits follow. */
  place(operation: string, path: string, isSequential = false): RequestPath {
    if (typeof path !== "string") throw badArguments(operation, null, "a path is a string");
    if (!isPath(isSequential ? `${path}0` : path)) throw badArguments(operation, path, whyNot(path));
    const bytes = toByteString(path);
    // The root's own node has the chroot's name, without a slash; the digits of a sequential one come behind the slash.
    if (bytes === "/" && this.#prefix !== "" && !isSequential) return { shown: path, path: this.#prefix };
    return { shown: path, path: this.#prefix + bytes };
  }

  /** For a prefix of paths, which need not be a path itself. */
  prefix(operation: string, prefix: string): RequestPath {
    if (typeof prefix !== "string" || !prefix.startsWith("/")) {
      throw badArguments(operation, String(prefix), 'a prefix of paths begins with "/"');
    }
    if (prefix === "/" && this.#prefix !== "") return { shown: prefix, path: this.#prefix };
    return { shown: prefix, path: this.#prefix + toByteString(prefix) };
  }

  /** Whether the path is the chroot or below it: "/app2" begins like "/app", but is not below it. */
  holds(path: string): boolean {
    return path === this.#prefix || path.startsWith(`${this.#prefix}/`);
  }

  /** A server's path as the caller knows it. */
  show(path: string): string {
    if (path === this.#prefix) return "/";
    return fromByteString(this.holds(path) ? path.slice(this.#prefix.length) : path);
  }
}

export function isPath(path: string): boolean {
  if (/[\ud800-\udfff]/.test(path)) return false; // half a pair would become another character on its way into bytes
  const bytes = new TextEncoder().encode(path);
  return isValidPath(bytes, 0, bytes.length);
}

function whyNot(path: string): string {
  if (path === "") return "the path is empty";
  if (!path.startsWith("/")) return 'a path begins with "/"';
  if (path.endsWith("/")) return "a path does not end with a slash";
  if (path.includes("//")) return "a path has no empty parts";
  if (/\/\.\.?(\/|$)/.test(path)) return '"." and ".." have no meaning in a path';
  return "a path holds no control characters and nothing beyond the Basic Multilingual Plane";
}
