// PostgreSQL refuses a holder that comes too late, for one row and for a whole transaction.
// `npm install cabildo pg`, then DATABASE_URL=postgres://… CABILDO_CONNECT=zookeeper://… node postgres.mjs

import { connect } from "cabildo";
import pg from "pg";

const servers = process.env.CABILDO_CONNECT ?? "zookeeper://127.0.0.1:2181/example";
const database = new pg.Pool({ connectionString: process.env.DATABASE_URL });

await database.query(`
  CREATE TABLE IF NOT EXISTS bills (id text PRIMARY KEY, cents bigint NOT NULL, fencing_token bigint NOT NULL);
  CREATE TABLE IF NOT EXISTS fences (lock text PRIMARY KEY, token bigint NOT NULL);
`);

/** One row that says itself which holder wrote it last. False: a later holder has written it. */
async function saveBill(id, cents, token) {
  const { rowCount } = await database.query(
    `INSERT INTO bills VALUES ($1, $2, $3)
     ON CONFLICT (id) DO UPDATE SET cents = EXCLUDED.cents, fencing_token = EXCLUDED.fencing_token
     WHERE bills.fencing_token <= EXCLUDED.fencing_token`,
    [id, cents, token],
  );
  return rowCount === 1;
}

/** Any statements, under one row for the lock: a later holder waits for this transaction, and this one never follows a later. */
async function fenced(lock, token, work) {
  const client = await database.connect();
  try {
    await client.query("BEGIN");
    const { rowCount } = await client.query(
      `INSERT INTO fences VALUES ($1, $2)
       ON CONFLICT (lock) DO UPDATE SET token = EXCLUDED.token WHERE fences.token <= EXCLUDED.token`,
      [lock, token],
    );
    if (rowCount === 1) await work(client);
    await client.query(rowCount === 1 ? "COMMIT" : "ROLLBACK");
    return rowCount === 1;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

// One holds the lock, and stands still: its connection ends, and another gets the lock.
const one = await connect(servers);
const two = await connect(servers);
const late = await one.lock("billing").acquire();
await one.close();
const held = await two.lock("billing").acquire();

const raise = (client) => client.query("UPDATE bills SET cents = cents + 1");
console.log(`the holder's row is stored: ${await saveBill("march", 4200, held.token)}`);
console.log(`the late one's row is stored: ${await saveBill("march", 100, late.token)}`);
console.log(`the holder's transaction is done: ${await fenced("billing", held.token, raise)}`);
console.log(`the late one's transaction is done: ${await fenced("billing", late.token, raise)}`);
const { rows } = await database.query("SELECT cents FROM bills WHERE id = 'march'");
console.log(`the bill is ${rows[0].cents}`);

await held.release();
await two.close();
await database.end();
