// Four-letter words, asked of servers: why none gave a session, and who is connected. A server without a quorum answers them too.

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

/** `answer`: all that came until the server closed the connection, or the time was over; null: it was not reached, for this reason. */
export interface WordAnswer {
  readonly server: string;
  readonly answer: string | null;
  readonly why: string;
}

type ProbePorts = Pick<ClientPorts, "transport" | "clock">;

const NOT_SERVING = "not currently serving requests";
const SERVING = "Zookeeper version";
/** Longer than a server that lives takes, and bearable for someone who waits for an error. */
const ANSWER_MS_MAX = 1000;

/** Asks all of them at once. Never fails; completes within a second or so, with no socket left. */
export function probeServers(servers: readonly Server[], ports: ProbePorts): Promise<readonly ServerFinding[]> {
  return Promise.all(servers.map(async (server) => findingOf(await askWord("srvr", server, ports))));
}

function findingOf({ server, answer, why }: WordAnswer): ServerFinding {
  if (answer === null) return { server, kind: "unreached", why };
  if (answer.includes(NOT_SERVING)) return { server, kind: "no-quorum", why };
  return { server, kind: answer.includes(SERVING) ? "serving" : "silent", why };
}

/** Never fails; completes within a second or so, with no socket left. */
export function askWord(word: string, server: Server, { transport, clock }: ProbePorts): Promise<WordAnswer> {
  return new Promise((resolve) => {
    let told: WordAnswer = { server: showServer(server), answer: null, why: "no answer" };
    let stopResolving: () => void = nothing;
    let cut: () => void = nothing;
    const end = () => {
      stopTimer();
      stopResolving();
      cut();
      resolve(told);
    };
    const stopTimer = clock.after(ANSWER_MS_MAX, end);
    stopResolving = transport.resolve(server.host, (error, addresses) => {
      const [address] = addresses;
      if (address === undefined) {
        told = { ...told, why: error?.message ?? "its name has no address" };
        return end();
      }
      const target: Target = { ...server, address };
      const name = nameOf(target);
      told = { ...told, server: name };
      const link = transport.dial(target, {
        onOpen: () => {
          told = { server: name, answer: "", why: "" };
          link.write(bytesOf(word));
        },
        onData: (chunk) => {
          told = { ...told, answer: (told.answer ?? "") + byteString(chunk, 0, chunk.length) };
        },
        onClose: (closed) => {
          if (told.answer === null) told = { ...told, why: closed?.message ?? "closed the connection" };
          end();
        },
      });
      cut = () => link.destroy();
    });
  });
}
