// What strace has written down, as calls that begin and end. Between the two, calls of other threads may begin and end.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

export interface SystemCall {
  /** The file and the line that it begins in. */
  readonly id: string;
  /** The thread. */
  readonly thread: number;
  readonly name: string;
  readonly args: readonly Argument[];
  /** Undefined until it ends; negative where it failed. A call under way when the process died never has one. */
  result: number | undefined;
  /** The name of the error, as `EIO`. */
  error: string | null;
  /** strace made it fail, or answered in the kernel's place: the kernel never saw it. */
  isInjected: boolean;
}

/** Texts as bytes, as many of them as were asked for; everything else, as strace shows it. */
type Argument = Uint8Array | string;

/** `at` is when strace saw it, in microseconds: the same clock for all processes. */
export type Step =
  | { readonly kind: "begin"; readonly at: number; readonly call: SystemCall }
  | { readonly kind: "end"; readonly at: number; readonly call: SystemCall }
  | { readonly kind: "death"; readonly at: number; readonly how: string };

/** The thread, and the time in seconds and microseconds. */
const beginning = /^(\d+) +(\d+)\.(\d{6}) /;

/** The steps in the order in which strace saw them, which is one that causes and effects agree with. */
export async function* stepsOf(file: string): AsyncGenerator<Step> {
  const underWay = new Map<number, SystemCall>();
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file, "latin1"), crlfDelay: Infinity })) {
    number++;
    const match = beginning.exec(line);
    if (match === null) throw new Error(`${file}: a line that is no call: ${line.slice(0, 100)}`);
    const [thread, at] = [Number(match[1]), Number(match[2]) * 1e6 + Number(match[3])];
    const text = line.slice(match[0].length);
    if (text.startsWith("---")) continue; // a signal
    if (text.startsWith("+++")) {
      yield { kind: "death", at, how: text.replaceAll("+", "").trim() };
    } else if (text.startsWith("<... ")) {
      const call = underWay.get(thread);
      if (call === undefined) throw new Error(`${file}: the end of a call that never began: ${text.slice(0, 100)}`);
      underWay.delete(thread);
      finish(call, text.slice(text.indexOf("resumed>") + "resumed>".length));
      yield { kind: "end", at, call };
    } else {
      const { call, rest } = parseCall(`${file}:${number}`, thread, text);
      yield { kind: "begin", at, call };
      if (rest === null) {
        underWay.set(thread, call);
      } else {
        yield { kind: "end", at: at + finish(call, rest), call };
      }
    }
  }
}

/** `name(args) = result`, or `name(args <unfinished ...>`, then without a rest. */
function parseCall(id: string, thread: number, text: string): { call: SystemCall; rest: string | null } {
  const open = text.indexOf("(");
  const args: Argument[] = [];
  let at = open + 1;
  let word = at;
  const endWord = () => {
    const shown = text.slice(word, at).trim();
    if (shown !== "") args.push(shown);
  };
  for (; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = text.indexOf('"', at + 1);
      args.push(Buffer.from(text.slice(at + 1, end).replaceAll("\\x", ""), "hex"));
      at = text.startsWith("...", end + 1) ? end + 3 : end; // cut short
      word = at + 1;
    } else if (character === "," || character === "[" || character === "{" || character === "]" || character === "}") {
      endWord();
      word = at + 1;
    } else if (character === ")" || character === "<") {
      endWord();
      break;
    }
  }
  const call = { id, thread, name: text.slice(0, open), args, result: undefined, error: null, isInjected: false };
  return { call, rest: text[at] === ")" ? text.slice(at + 1) : null };
}

const ending = /= (-?\d+|0x[0-9a-f]+|\?)(?: (E[A-Z0-9]+))?/;
const duration = /<(\d+\.\d{6})>$/;

/** Gives how long it took, in microseconds, where that is known. */
function finish(call: SystemCall, rest: string): number {
  const match = ending.exec(rest);
  if (match === null) throw new Error(`a call without a result: ${call.name} ${rest.slice(0, 100)}`);
  call.isInjected = rest.includes("(INJECTED)");
  call.error = match[2] ?? null;
  if (match[1] !== "?") call.result = Number(match[1]); // else a signal interrupted it, or the process ended in it
  return Math.round(Number(duration.exec(rest)?.[1] ?? 0) * 1e6);
}
