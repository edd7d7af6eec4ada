// A cron that runs somewhere, once: three processes stand for election, the leader does what is due at each tick, and when it
// goes another goes on. Which ticks are done is kept with the leader's token, so that one who was deposed and has not
// heard of it cannot do a tick again.

import { setTimeout as sleep } from "node:timers/promises";
import type { Handle } from "cabildo";
import { ownOrGiven } from "./shared/own-or-given.ts";

const TICK_MS = 20;
const TICKS = 9;

/** What the jobs write to: as a database would, it turns down a token that is lower than it has seen, and a tick done twice. */
const store = { token: 0n, tick: 0, by: new Map<string, number>() };
function record(who: string, tick: number, { token }: Handle): void {
  if (token < store.token) throw new Error(`${who} was deposed`);
  if (tick !== store.tick + 1) throw new Error(`tick ${tick} behind ${store.tick}`);
  store.token = token;
  store.tick = tick;
  store.by.set(who, (store.by.get(who) ?? 0) + 1);
}

await using place = await ownOrGiven();
const done = new AbortController();

async function candidate(id: string): Promise<void> {
  await using c = await place.connection();
  await c.election("cron").lead(
    async (term) => {
      console.log(`${id} leads from tick ${store.tick + 1} on`);
      for (let worked = 0; worked < 3 && store.tick < TICKS; worked += 1) {
        await sleep(TICK_MS, undefined, { signal: term.signal });
        term.assertHeld(); // asks the clock: the loop may have been blocked
        record(id, store.tick + 1, term);
      }
      if (store.tick === TICKS) done.abort();
      // The end of the body resigns; a crash would do as well, when the session has ended.
    },
    { id, signal: done.signal },
  );
}

await Promise.all(["ana", "ben", "eva"].map(candidate));
console.log(`${store.tick} ticks, each done once, by ${store.by.size} leaders in turn`);
