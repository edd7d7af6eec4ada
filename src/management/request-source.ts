// Requests that a page in somebody's browser sends to the admin server. A page of evil.example may have its own name
// resolved to this machine (DNS rebinding): then its requests name evil.example as their host. It may also send forms to
// 127.0.0.1: then the browser tells the page's origin. Both are refused. Pure.

const LOOPBACK = "localhost";

/** What of a request tells who sent it. */
export interface RequestSource {
  /** The request's target: a path, or a whole URL where it goes through a proxy. */
  readonly target: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
}

/** The host that a request is meant for, without its port, in lower case; null: it names none. */
export function hostOfRequest({ target, host }: RequestSource): string | null {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(target)?.[1]; // it counts before `Host`
  const named = absolute ?? host;
  if (named === undefined || named === "") return null;
  const name = named.startsWith("[") ? named.slice(1).replace(/\](:\d*)?$/, "") : named.replace(/:\d*$/, "");
  return name.toLowerCase().replace(/\.$/, "");
}

/**
 * Whether a request may be meant for this member. An address cannot be resolved to another one, and localhost is this
 * machine's own; any other name must be one of the member's. A request without a host is no browser's.
 */
export function isOwnHost(host: string | null, isAddress: (text: string) => boolean, names: Iterable<string>): boolean {
  if (host === null || host === LOOPBACK || isAddress(host)) return true;
  for (const name of names) if (name.toLowerCase() === host) return true;
  return false;
}

/** Whether a browser says that a page of another site sent this. What is no browser says nothing of the kind. */
export function isFromOtherSite(source: RequestSource): boolean {
  const { host, origin, fetchSite } = source;
  if (fetchSite !== undefined && fetchSite !== "same-origin" && fetchSite !== "none") return true;
  return origin !== undefined && origin.toLowerCase() !== `http://${(host ?? "").toLowerCase()}`;
}

/** A page may send forms and plain text anywhere without asking, but no JSON. */
export function isFormContent(contentType: string | undefined): boolean {
  return contentType !== undefined && !/^application\/(json|octet-stream)\s*(;|$)/i.test(contentType);
}
