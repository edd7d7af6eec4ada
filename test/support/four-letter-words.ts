// A four-letter word to a server, and its whole answer: one connection, four bytes there, text back until it closes.
import { connect } from "node:net";

const answerMaxMs = 2000;

/** The answer as text; rejects when nothing listens, or when the answer does not end in time. */
export function fourLetterWord(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setTimeout(answerMaxMs, () => socket.destroy(new Error(`${word} on port ${port}: no answer in time`)));
    socket.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
    });
    socket.on("connect", () => socket.write(word));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

export type Mode = "leader" | "follower" | "observer" | "standalone" | "read-only";

/** The mode that `srvr` reports; undefined while the member is down or not serving. */
export async function modeOf(port: number): Promise<Mode | undefined> {
  try {
    const answer = await fourLetterWord(port, "srvr");
    return /^Mode: ([a-z-]+)$/m.exec(answer)?.[1] as Mode | undefined;
  } catch {
    return undefined;
  }
}
