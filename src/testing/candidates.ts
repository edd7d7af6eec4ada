// Candidates of the scenarios, and a record of who led.

import assert from "node:assert/strict";
import type { Term } from "../recipes/index.ts";
import type { ExclusiveEngine, Program } from "./stage.ts";

/** Who led, as the leaders say themselves. Fails when two lead at a time, or a token is not larger than the one before. */
export class Leaderships {
  readonly terms: string[] = [];
  readonly tokens: bigint[] = [];
  current: Term | null = null;

  begin(id: string, term: Term): void {
    term.assertHeld();
    const before = this.current;
    assert.ok(before === null || before.signal.aborted, `${id} leads while another holds ${before?.token}`);
    assert.ok((this.tokens.at(-1) ?? 0n) < term.token, "tokens grow");
    this.current = term;
    this.terms.push(id);
    this.tokens.push(term.token);
  }

  end(term: Term): void {
    if (this.current === term) this.current = null;
  }
}

export async function stand(
  { c }: Program<ExclusiveEngine>,
  name: string,
  id: string,
  record: Leaderships,
  work: (leader: string) => Promise<void>,
  times: number,
): Promise<void> {
  for await (const term of c.election(name).campaign({ id })) {
    record.begin(id, term);
    await work(id);
    record.end(term);
    if (--times === 0) break;
  }
}

export interface Leading {
  term: Term | null;
  stop(): void;
  readonly over: Promise<void>;
}

/** A candidate that leads whenever it can, until it is stopped. */
export function leading(
  { c }: Program<ExclusiveEngine>,
  name: string,
  options: { id?: string; value?: string; priority?: number } = {},
): Leading {
  const controller = new AbortController();
  const leading: Leading = { term: null, stop: () => controller.abort(), over: Promise.resolve() };
  const over = (async () => {
    for await (const term of c.election(name).campaign({ ...options, signal: controller.signal })) {
      leading.term = term;
      if (!term.signal.aborted) {
        await ended(term);
      }
      leading.term = null;
    }
  })();
  over.catch(() => {});
  return Object.assign(leading, { over });
}

export function ended(term: Term): Promise<void> {
  return new Promise((resolve) => term.signal.addEventListener("abort", () => resolve(), { once: true }));
}
