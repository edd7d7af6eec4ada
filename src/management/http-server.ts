// The management's HTTP server: metrics, health, the member's report, the feed of events, and the pages of its doors. It uses
// the address of the connection and trusts no header about a request's origin. It refuses requests that a web page of another
// site sends through a browser (request-source.ts).

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { pipeline } from "node:stream/promises";
import { isLoopback } from "../adapters/clients/addresses.ts";
import type { Logger } from "../base/logger.ts";
import type { DoorPages } from "../transport/door.ts";
import { doorAt } from "./door-pages.ts";
import { CHECKING_EVERY_MS, HttpConnections } from "./http-connections.ts";
import type { Management } from "./management.ts";
import { OPERATOR_PATH, type OperatorPages } from "./operator-pages.ts";
import { EventLoopDelay } from "./process-metrics.ts";
import { hostOfRequest, isFormContent, isFromOtherSite, isOwnHost, type RequestSource } from "./request-source.ts";

/** Commands have small bodies; a larger one is somebody else's. */
const BODY_BYTES_MAX = 64 << 10;

/** A whole backup; each part of it within as long as any answer's. */
const FILE_WITHIN_MS = 3_600_000;

export interface HttpEndpoint {
  /** Null: all addresses. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  readonly idleTimeoutMs?: number;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `/metrics`, `/livez`, `/readyz`, `/status`, `/events`, and the doors' pages. Null where the port is taken: that is worth a
 * warning, and no reason for a member to stay away from its ensemble.
 */
export function startManagementServer(
  management: Management,
  endpoint: HttpEndpoint,
  log: Logger,
): Promise<HttpServer | null> {
  return listen("admin server", "admin.serverPort", endpoint, log, (answering) => answer(management, answering));
}

/** `/metrics` alone, at Prometheus's own port. */
export function startMetricsServer(
  management: Management,
  endpoint: HttpEndpoint,
  log: Logger,
): Promise<HttpServer | null> {
  return listen("metrics", "metricsProvider.httpPort", endpoint, log, async (answering) => {
    const { request, response, connections, delay } = answering;
    const { pathname } = urlOf(request);
    await connections.turn();
    if (isForAnother(management, request)) sendMisdirected(request, response);
    else if (pathname === "/metrics") sendMetrics(management, response, delay);
    else sendText(response, 404, "The metrics are at /metrics\n");
  });
}

interface Answering {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connections: HttpConnections;
  /** This server's own reader. */
  readonly delay: EventLoopDelay;
}

async function listen(
  what: string,
  setting: string,
  { host, port, idleTimeoutMs = 30_000 }: HttpEndpoint,
  log: Logger,
  handler: (answering: Answering) => Promise<void>,
): Promise<HttpServer | null> {
  const server = createServer({ connectionsCheckingInterval: CHECKING_EVERY_MS });
  const connections = new HttpConnections(what, log, server, idleTimeoutMs);
  const delay = new EventLoopDelay();
  server.on("request", (request, response) => {
    if (!connections.onRequest(request, response)) return;
    handler({ request, response, connections, delay }).catch((error: unknown) => {
      log.warn(`${what}: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else sendText(response, 500, "Something went wrong here; the member's log says what\n");
    });
  });
  server.listen(port, host ?? undefined);
  try {
    await once(server, "listening");
  } catch (error) {
    delay.close();
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "is in use" : `cannot be listened on (${code})`;
    log.warn(`${what}: port ${port} ${why}, so this member goes without; ${setting} names another`);
    return null;
  }
  server.on("error", (error) => log.warn(`${what}: ${error.message}`));
  const bound = (server.address() as AddressInfo).port;
  log.info(`${what} at ${host ?? "*"}:${bound}`);
  return {
    port: bound,
    close: () => {
      delay.close();
      return closeServer(server);
    },
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(management: Management, answering: Answering): Promise<void> {
  const { request, response, connections, delay } = answering;
  const { method } = request;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") {
    response.setHeader("allow", "GET, HEAD, POST");
    return sendText(response, 405, "Only GET and POST\n");
  }
  const { pathname } = urlOf(request);
  if (pathname === "/livez") return sendText(response, 200, "ok\n");
  if (pathname === "/readyz") return sendReadiness(management, response);
  if (isForAnother(management, request)) return sendMisdirected(request, response);
  await connections.turn();
  if (pathname === "/metrics") return sendMetrics(management, response, delay);
  if (pathname === "/status") return sendJson(response, management.report());
  if (pathname === "/events") return sendJson(response, { events: management.events.all() });
  if (management.operator !== null && pathname.startsWith(`${OPERATOR_PATH}/`))
    return answerOperator(management.operator, answering);
  const found = doorAt(management.doors, pathname);
  if (found !== null) return answerPage(found.door.pages!, found.path!, answering);
  const paths = management.doors.flatMap(({ path }) => path ?? []);
  sendText(response, 404, paths.length > 0 ? `Commands are at ${paths.join(", ")}\n` : "Nothing is here\n");
}

async function answerPage(
  pages: DoorPages,
  root: string,
  { request, response, connections }: Answering,
): Promise<void> {
  const { pathname, searchParams } = urlOf(request);
  const source = sourceOf(request);
  const { status, headers, body } = await connections.worked(request.socket, () =>
    pages.answer({
      method: request.method === "POST" ? "POST" : "GET",
      root,
      name: pathname.slice(root.length + 1),
      parameters: searchParams,
      address: (request.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
      authorization: request.headers.authorization,
      isFromOtherSite: isFromOtherSite(source),
      isFormContent: isFormContent(request.headers["content-type"]),
      body: () => bodyOf(request),
    }),
  );
  response.writeHead(status, headers);
  if (typeof body === "string") response.end(body);
  else if (request.method === "HEAD") response.end();
  else await pipeline(body, response);
}

async function answerOperator(operator: OperatorPages, { request, response, connections }: Answering): Promise<void> {
  const { pathname, searchParams } = urlOf(request);
  const address = request.socket.remoteAddress ?? "";
  const answer = await connections.worked(request.socket, () =>
    operator.answer({
      method: request.method ?? "",
      name: pathname.slice(OPERATOR_PATH.length + 1),
      parameters: searchParams,
      address,
      isLocal: isLoopback(address),
      isFromOtherSite: isFromOtherSite(sourceOf(request)),
      authorization: request.headers.authorization,
    }),
  );
  if (answer.kind === "json") return sendJson(response, answer.value, answer.status);
  try {
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": answer.size });
    await pipeline(answer.chunks, response, { signal: AbortSignal.timeout(FILE_WITHIN_MS) });
  } finally {
    answer.close();
  }
}

/** Its host is no name of this member: most likely a page in a browser sent it, whose own name leads here. */
function isForAnother({ hosts }: Management, request: IncomingMessage): boolean {
  const names = hosts();
  return names !== "all" && !isOwnHost(hostOfRequest(sourceOf(request)), (text) => isIP(text) !== 0, names);
}

function sourceOf({ url = "/", headers }: IncomingMessage): RequestSource {
  const fetchSite = headers["sec-fetch-site"];
  return {
    target: url,
    host: headers.host,
    origin: headers.origin,
    fetchSite: typeof fetchSite === "string" ? fetchSite : undefined,
  };
}

/** Only the path counts here. */
function urlOf(request: IncomingMessage): URL {
  return URL.canParse(request.url ?? "", "http://member")
    ? new URL(request.url ?? "", "http://member")
    : new URL("http://member/");
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new Error(`more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function sendJson(response: ServerResponse, value: object, status = 200): void {
  response.writeHead(status, { "content-type": "application/json", "x-content-type-options": "nosniff" });
  response.end(`${JSON.stringify(value, null, 2)}\n`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" });
  response.end(text);
}

function sendMetrics(management: Management, response: ServerResponse, delay: EventLoopDelay): void {
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  response.end(management.metricsText(delay));
}

/** Says which setting admits the name, to an operator who has chosen one that the configuration does not know. */
function sendMisdirected(request: IncomingMessage, response: ServerResponse): void {
  const host = hostOfRequest(sourceOf(request)) ?? "";
  const shown = /^[\w.-]{1,253}$/.test(host) ? host : "The host of this request";
  sendText(
    response,
    421,
    `${shown} is no name of this member: use its address, or add the name to admin.allowedHosts\n`,
  );
}

function sendReadiness(management: Management, response: ServerResponse): void {
  const { isReady } = management;
  sendText(
    response,
    isReady ? 200 : 503,
    isReady ? "ok\n" : "not serving: there is no quorum, or the member is starting\n",
  );
}
