// Why no server gave a session: each is asked ZooKeeper's word `srvr`, which a server without a quorum answers too.

import { byteString, bytesOf } from "../../../base/text.ts";
import type { ClientPorts, Target } from "./ports.ts";
import { nothing } from "./request.ts";
import { nameOf, type Server, showServer } from "./server-selector.ts";

/**
 * `serving`: it has a quorum. `no-quorum`: it runs, and cannot serve without the others. `silent`: it was reached, and did not
 * answer. `unreached`: there is no connection to it.
 */
export interface ServerFinding {
  readonly server: string;
  readonly kind: "serving" | "no-quorum" | "silent" | "unreached";
  /** Of one that was not reached. */
  readonly why: string;
}

const QUESTION = "srvr";
const NOT_SERVING = "not currently serving requests";
const SERVING = "Zookeeper version";
/** Longer than a server that lives takes, and bearable for someone who waits for an error. */
const PROBE_MS = 1000;

type ProbePorts = Pick<ClientPorts, "transport" | "clock">;

/** Asks all of them at once. Never fails; completes within a second or so, with no socket left. */
export function probeServers(servers: readonly Server[], ports: ProbePorts): Promise<readonly ServerFinding[]> {
  return Promise.all(servers.map((server) => probe(server, ports)));
}

function probe(server: Server, { transport, clock }: ProbePorts): Promise<ServerFinding> {
  return new Promise((resolve) => {
    let stopResolving: () => void = nothing;
    let cut: () => void = nothing;
    const end = (finding: ServerFinding) => {
      stopTimer();
      stopResolving();
      cut();
      resolve(finding);
    };
    let last: ServerFinding = { server: showServer(server), kind: "unreached", why: "no answer" };
    const stopTimer = clock.after(PROBE_MS, () => end(last));
    stopResolving = transport.resolve(server.host, (error, addresses) => {
      const [address] = addresses;
      if (address === undefined) return end({ ...last, why: error?.message ?? "its name has no address" });
      const target: Target = { ...server, address };
      cut = ask(target, { transport }, (finding, isLast) => {
        last = { server: nameOf(target), ...finding };
        if (isLast) end(last);
      });
    });
  });
}

type Told = Omit<ServerFinding, "server">;

/** Tells what is known so far, and at last what is certain. */
function ask(
  target: Target,
  { transport }: Pick<ClientPorts, "transport">,
  tell: (finding: Told, isLast: boolean) => void,
): () => void {
  let answer = "";
  let isOpen = false;
  const link = transport.dial(target, {
    onOpen: () => {
      isOpen = true;
      tell({ kind: "silent", why: "" }, false);
      link.write(bytesOf(QUESTION));
    },
    onData: (chunk) => {
      answer += byteString(chunk, 0, chunk.length);
      if (answer.includes(NOT_SERVING)) tell({ kind: "no-quorum", why: "" }, true);
      else if (answer.includes(SERVING)) tell({ kind: "serving", why: "" }, true);
    },
    onClose: (error) => {
      if (isOpen) tell({ kind: "silent", why: "" }, true);
      else tell({ kind: "unreached", why: error?.message ?? "closed the connection" }, true);
    },
  });
  return () => link.destroy();
}
