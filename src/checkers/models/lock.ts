// Locks that come with fencing tokens, and what they guard. A lock is held by one at a time; each holder gets a token
// larger than every token before; the guarded resource takes no token older than one it has seen.
//
// A lock may also be lost, as by the end of a session. A history says so by a `release` with the holder's token, by a client
// of its own, called when the session was last heard of and never answered.

import type { Model } from "../model.ts";

export type LockInput =
  /** To try once, without waiting. */
  | { readonly kind: "acquire"; readonly lock: string }
  /** Null stands for the token of a holder that was never told. */
  | { readonly kind: "release"; readonly lock: string; readonly token: number | null }
  /** To use the guarded resource. */
  | { readonly kind: "use"; readonly lock: string; readonly token: number };

export type LockOutput =
  /** To an acquire. */
  | { readonly kind: "acquired"; readonly token: number }
  /** To a release by the holder, and to a use. */
  | { readonly kind: "done" }
  /** The lock is held (acquire), is not held by this token (release), or a later token was seen (use). */
  | { readonly kind: "rejected" };

export interface LockState {
  /** The holder's token; `unseen` where the holder was never told, so that it can be any from `tokenMin` on. */
  readonly holder: number | "unseen" | null;
  /** The least that the next token can be. */
  readonly tokenMin: number;
  /** The largest token that the resource was used with. */
  readonly used: number;
}

const FREE: LockState = {
  holder: null,
  tokenMin: Number.NEGATIVE_INFINITY,
  used: Number.NEGATIVE_INFINITY,
};

export const lock: Model<LockState, LockInput, LockOutput> = {
  name: "lock",
  keyOf: ({ lock }) => lock,
  initial: () => FREE,

  step(state, input, output) {
    switch (input.kind) {
      case "acquire":
        if (state.holder !== null) return output.kind === "rejected" ? state : null;
        if (output.kind !== "acquired" || output.token < state.tokenMin) return null;
        return { ...state, holder: output.token, tokenMin: output.token + 1 };
      case "release":
        if (output.kind === "rejected")
          return state.holder === "unseen" || !isHeldBy(state, input.token) ? state : null;
        return output.kind === "done" && isHeldBy(state, input.token) ? releasedBy(state, input.token) : null;
      case "use":
        if (output.kind === "rejected") return input.token < state.used ? state : null;
        return output.kind === "done" && input.token >= state.used ? { ...state, used: input.token } : null;
    }
  },

  stepUnanswered(state, input) {
    switch (input.kind) {
      case "acquire":
        return state.holder === null ? { ...state, holder: "unseen", tokenMin: state.tokenMin + 1 } : state;
      case "release":
        return isHeldBy(state, input.token) ? releasedBy(state, input.token) : state;
      case "use":
        return { ...state, used: Math.max(state.used, input.token) };
    }
  },

  isIdle: (_, output) => output.kind === "rejected",
  identityOf: ({ holder, tokenMin, used }) => `${holder} ${tokenMin} ${used}`,

  describeInput(input) {
    if (input.kind === "acquire") return "acquire";
    return `${input.kind} ${input.token === null ? "what was never told" : `with token ${input.token}`}`;
  },
  describeOutput: (output) => (output.kind === "acquired" ? `token ${output.token}` : output.kind),
  describeState({ holder, tokenMin, used }) {
    const held = holder === null ? "free" : holder === "unseen" ? "held by one never told" : `held by token ${holder}`;
    const tokens = Number.isFinite(tokenMin) ? `, tokens from ${tokenMin} on` : "";
    return `${held}${tokens}${Number.isFinite(used) ? `, used with token ${used}` : ""}`;
  },
};

/** Who holds it without having been told can have any token that was possible then. */
function isHeldBy({ holder, tokenMin }: LockState, token: number | null): boolean {
  if (holder !== "unseen") return token !== null && holder === token;
  return token === null || token >= tokenMin - 1;
}

function releasedBy(state: LockState, token: number | null): LockState {
  return {
    ...state,
    holder: null,
    tokenMin: token === null ? state.tokenMin : Math.max(state.tokenMin, token + 1),
  };
}
