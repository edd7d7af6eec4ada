// The admin server: ZooKeeper's commands as JSON over HTTP, and the metrics. It believes nothing that a request says of
// its own origin: the address is that of the connection, and no header changes it. What a page of another site sends by
// somebody's browser is refused (admin-host.ts).

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Logger } from "../../replica/logger.ts";
import { AdminAccess } from "./admin-access.ts";
import { ADMIN_COMMANDS, type AdminAnswer, type AdminCommand, adminCommandNamed } from "./admin-commands.ts";
import { AdminConnections, CHECKING_EVERY_MS } from "./admin-connections.ts";
import { type AdminContext, ownNames } from "./admin-context.ts";
import { hostOfRequest, isFormContent, isFromOtherSite, isOwnHost, type RequestSource } from "./admin-host.ts";
import { prometheusText } from "./metrics.ts";
import { watchEventLoop } from "./metrics-process.ts";

/** Commands have small bodies; a larger one is somebody else's. */
const BODY_BYTES_MAX = 64 << 10;

export interface AdminEndpoint {
  /** Null: all addresses. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  readonly idleTimeoutMs?: number;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Commands at `settings.commandUrl`, and `/metrics`, `/livez`, `/readyz`. Null where the port is taken: that is worth a
 * warning, and no reason for a member to stay away from its ensemble.
 */
export function startAdminServer(
  context: AdminContext,
  endpoint: AdminEndpoint,
  log: Logger,
): Promise<AdminServer | null> {
  const access = new AdminAccess(context, log);
  return listen("admin server", "admin.serverPort", endpoint, log, (request, response, connections) =>
    answer({ context, access, connections }, request, response),
  );
}

/** `/metrics` alone, at Prometheus's own port. */
export function startMetricsServer(
  context: AdminContext,
  endpoint: AdminEndpoint,
  log: Logger,
): Promise<AdminServer | null> {
  return listen("metrics", "metricsProvider.httpPort", endpoint, log, async (request, response, connections) => {
    const { pathname } = urlOf(request);
    await connections.turn();
    if (isForAnother(context, request)) sendMisdirected(request, response);
    else if (pathname === "/metrics") sendMetrics(context, response);
    else sendText(response, 404, "The metrics are at /metrics\n");
  });
}

type Handler = (request: IncomingMessage, response: ServerResponse, connections: AdminConnections) => Promise<void>;

async function listen(
  what: string,
  setting: string,
  { host, port, idleTimeoutMs = 30_000 }: AdminEndpoint,
  log: Logger,
  handler: Handler,
): Promise<AdminServer | null> {
  watchEventLoop();
  const server = createServer({ connectionsCheckingInterval: CHECKING_EVERY_MS });
  const connections = new AdminConnections(what, log, server, idleTimeoutMs);
  server.on("request", (request, response) => {
    if (!connections.onRequest(request, response)) return;
    handler(request, response, connections).catch((error: unknown) => {
      log.warn(`${what}: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else sendText(response, 500, "Something went wrong here; the member's log says what\n");
    });
  });
  server.listen(port, host ?? undefined);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "is in use" : `cannot be listened on (${code})`;
    log.warn(`${what}: port ${port} ${why}, so this member goes without; ${setting} names another`);
    return null;
  }
  server.on("error", (error) => log.warn(`${what}: ${error.message}`));
  const bound = (server.address() as AddressInfo).port;
  log.info(`${what} at ${host ?? "*"}:${bound}`);
  return { port: bound, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

interface Answering {
  readonly context: AdminContext;
  readonly access: AdminAccess;
  readonly connections: AdminConnections;
}

async function answer(
  { context, access, connections }: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") {
    response.setHeader("allow", "GET, HEAD, POST");
    return sendText(response, 405, "Only GET and POST\n");
  }
  const { pathname, searchParams } = urlOf(request);
  const { commandUrl } = context.settings;
  if (pathname === "/livez") return sendText(response, 200, "ok\n");
  if (pathname === "/readyz") return sendReadiness(context, response);
  if (isForAnother(context, request)) return sendMisdirected(request, response);
  await connections.turn();
  if (pathname === "/metrics") return sendMetrics(context, response);
  if (pathname === commandUrl || pathname === `${commandUrl}/`) return sendLinks(commandUrl, response);
  if (!pathname.startsWith(`${commandUrl}/`)) return sendText(response, 404, `Commands are at ${commandUrl}\n`);
  const name = pathname.slice(commandUrl.length + 1);
  const command = adminCommandNamed(name);
  if (command === null) return sendJson(response, name, { error: `Unknown command: ${name}` });
  const [primary] = command.names as [string];
  const refusal = refused(context, command, request) ?? (command.isGuarded ? await access.refusal(request) : null);
  if (refusal !== null) return sendJson(response, primary, refusal);
  const result = await connections.worked(request.socket, () =>
    command.run(context, { parameters: searchParams, body: () => bodyOf(request) }),
  );
  if (result.stream === undefined) return sendJson(response, primary, result);
  response.writeHead(result.status ?? 200, { "content-type": "application/octet-stream", ...result.headers });
  if (method === "HEAD") response.end();
  else await pipeline(result.stream, response);
}

/** Its host is no name of this member: most likely a page in a browser sent it, whose own name leads here. */
function isForAnother({ settings, member }: AdminContext, request: IncomingMessage): boolean {
  if (settings.hosts === "all") return false;
  return !isOwnHost(hostOfRequest(sourceOf(request)), (text) => isIP(text) !== 0, ownNames(settings.hosts, member));
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

function refused(context: AdminContext, command: AdminCommand, request: IncomingMessage): AdminAnswer | null {
  const isPost = request.method === "POST";
  if (isPost !== (command.method === "POST")) return { status: 405, error: `This command is for ${command.method}` };
  if (isPost && isFromOtherSite(sourceOf(request))) {
    return { status: 403, error: "A page of another site sent this: state is changed by this member's own pages only" };
  }
  if (isPost && isFormContent(request.headers["content-type"])) {
    return { status: 415, error: "The content type must be application/json, or left out where there is no body" };
  }
  if (command.needsService && !context.stats.isServing) {
    return { error: "This ZooKeeper instance is not currently serving requests" };
  }
  return null;
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

function sendJson(
  response: ServerResponse,
  command: string,
  { status = 200, error, fields, headers }: AdminAnswer,
): void {
  const text = `${JSON.stringify({ command, error: error ?? null, ...fields }, null, 2)}\n`;
  response.writeHead(status, { "content-type": "application/json", "x-content-type-options": "nosniff", ...headers });
  response.end(text);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" });
  response.end(text);
}

function sendMetrics(context: AdminContext, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  response.end(prometheusText(context));
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

function sendReadiness({ stats }: AdminContext, response: ServerResponse): void {
  const ready = stats.isServing && !stats.isReadOnly;
  sendText(
    response,
    ready ? 200 : 503,
    ready ? "ok\n" : "not serving: there is no quorum, or the member is starting\n",
  );
}

function sendLinks(commandUrl: string, response: ServerResponse): void {
  const lines = ADMIN_COMMANDS.map(({ names: [name], method }) =>
    method === "GET" ? `<a href="${commandUrl}/${name}">${name}</a>\n<br/>\n` : `${name} (POST)\n<br/>\n`,
  );
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff" });
  response.end(lines.sort().join(""));
}
