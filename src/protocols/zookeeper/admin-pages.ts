// ZooKeeper's admin commands as pages of the management's HTTP server: JSON, as ZooKeeper's own admin server answers.

import type { Logger } from "../../base/logger.ts";
import type { DoorPages, PageAnswer, PageRequest } from "../../transport/door.ts";
import { AdminAccess } from "./admin-access.ts";
import { ADMIN_COMMANDS, type AdminAnswer, type AdminCommand, adminCommandNamed } from "./admin-commands.ts";
import type { AdminContext } from "./admin-context.ts";

const NO_SNIFFING = { "x-content-type-options": "nosniff" } as const;

export class AdminPages implements DoorPages {
  readonly #context: AdminContext;
  readonly #access: AdminAccess;

  constructor(context: AdminContext, log: Logger) {
    this.#context = context;
    this.#access = new AdminAccess(context, log);
  }

  get path(): string {
    return this.#context.settings.commandUrl;
  }

  async answer(request: PageRequest): Promise<PageAnswer> {
    if (request.name === "") return linksBelow(request.root);
    const command = adminCommandNamed(request.name);
    if (command === null) return json(request.name, { error: `Unknown command: ${request.name}` });
    const [primary] = command.names as [string];
    const refusal =
      refused(this.#context, command, request) ?? (command.isGuarded ? await this.#access.refusal(request) : null);
    if (refusal !== null) return json(primary, refusal);
    const { parameters, body } = request;
    const answer = await command.run(this.#context, { parameters, body });
    if (answer.stream === undefined) return json(primary, answer);
    const headers = { "content-type": "application/octet-stream", ...answer.headers };
    return { status: answer.status ?? 200, headers, body: answer.stream };
  }
}

function linksBelow(root: string): PageAnswer {
  const lines = ADMIN_COMMANDS.map(({ names: [name], method }) =>
    method === "GET" ? `<a href="${root}/${name}">${name}</a>\n<br/>\n` : `${name} (POST)\n<br/>\n`,
  );
  const headers = { "content-type": "text/html; charset=utf-8", ...NO_SNIFFING };
  return { status: 200, headers, body: lines.sort().join("") };
}

function refused({ stats }: AdminContext, command: AdminCommand, request: PageRequest): AdminAnswer | null {
  if (request.method !== command.method) return { status: 405, error: `This command is for ${command.method}` };
  const isPost = request.method === "POST";
  if (isPost && request.isFromOtherSite) {
    return { status: 403, error: "A page of another site sent this: state is changed by this member's own pages only" };
  }
  if (isPost && request.isFormContent) {
    return { status: 415, error: "The content type must be application/json, or left out where there is no body" };
  }
  if (command.needsService && !stats.isServing) {
    return { error: "This ZooKeeper instance is not currently serving requests" };
  }
  return null;
}

function json(command: string, { status = 200, error, fields, headers }: AdminAnswer): PageAnswer {
  const body = `${JSON.stringify({ command, error: error ?? null, ...fields }, null, 2)}\n`;
  return { status, headers: { "content-type": "application/json", ...NO_SNIFFING, ...headers }, body };
}
