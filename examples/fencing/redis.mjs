// Redis refuses a holder that comes too late.
// `npm install cabildo redis`, then REDIS_URL=redis://… CABILDO_CONNECT=zookeeper://… node redis.mjs

import { connect } from "cabildo";
import { createClient } from "redis";

const servers = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
const redis = await createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379" }).connect();

// Tokens have up to 63 bits, and Lua's numbers 53: so they are compared as text, the longer one first.
const SAVE = `
  local seen = redis.call('HGET', KEYS[1], 'token')
  local token = ARGV[1]
  if seen and (#seen > #token or (#seen == #token and seen > token)) then return 0 end
  redis.call('HSET', KEYS[1], 'token', token, 'value', ARGV[2])
  return 1`;

/** False: a later holder has written it. The script runs as one, so nothing comes between the look and the write. */
async function save(key, value, token) {
  return (await redis.eval(SAVE, { keys: [key], arguments: [String(token), value] })) === 1;
}

const one = await connect(servers);
const two = await connect(servers);
const late = await one.lock("billing").acquire();
await one.close(); // it stands still: its session ends, and another gets the lock
const held = await two.lock("billing").acquire();

console.log(`the holder's value is stored: ${await save("bill:march", "4200", held.token)}`);
console.log(`the late one's value is stored: ${await save("bill:march", "100", late.token)}`);
console.log(`a token of 19 digits is larger than one of 18: ${await save("bill:march", "4300", 10n ** 18n)}`);
console.log(`and one of 18 digits is smaller: ${await save("bill:march", "1", 10n ** 18n - 1n)}`);
console.log(`the bill is ${await redis.hGet("bill:march", "value")}`);

await held.release();
await two.close();
await redis.del("bill:march");
await redis.close();
