// Access lists on a real server, by each way to say who one is: what one program locks, another identity cannot delete.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ACL, connect, PERMISSION } from "../../src/index.ts";
import { ZooKeeperError } from "../../src/protocols/zookeeper/client/index.ts";
import { startEnsemble } from "../support/ensemble.ts";

const folder = mkdtempSync(join(tmpdir(), "cabildo-acl-"));
const jaas = join(folder, "jaas.conf");
writeFileSync(
  jaas,
  `Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_ana="ana-secret" user_ben="ben-secret"; };\n`,
);
const ensemble = await startEnsemble({
  flavour: "cabildo",
  members: 1,
  config: [
    "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    `java.security.auth.login.config=${jaas}`,
  ],
});
after(async () => {
  await ensemble.stop();
  rmSync(folder, { recursive: true, force: true });
});

const identities = {
  digest: {
    ana: { auth: [{ scheme: "digest", auth: "ana:ana-secret" }] },
    ben: { auth: [{ scheme: "digest", auth: "ben:ben-secret" }] },
    acl: ACL.creator,
  },
  sasl: {
    ana: { sasl: { username: "ana", password: "ana-secret" } },
    ben: { sasl: { username: "ben", password: "ben-secret" } },
    acl: [{ perms: PERMISSION.all, scheme: "sasl", id: "ana" }],
  },
};

for (const [scheme, { ana, ben, acl }] of Object.entries(identities)) {
  test(`${scheme}: another identity cannot delete a lock's node, nor stand in its line`, async () => {
    const url = `zookeeper://${ensemble.connectString}/${scheme}`;
    await using a = await connect(url, { ...ana, acl });
    await using b = await connect(url, ben);
    const held = await a.lock("billing").acquire();
    const { client } = a.engine;
    const [name] = await client.getChildren(`/${scheme}/locks/billing`);
    const isRefused = (error: unknown) => error instanceof ZooKeeperError && error.reason === "no-auth";
    await assert.rejects(b.engine.client.delete(`/${scheme}/locks/billing/${name}`), isRefused);
    await assert.rejects(b.lock("billing").tryAcquire(), isRefused);
    await using again = await connect(url, { ...ana, acl });
    assert.equal(await again.lock("billing").tryAcquire(), null, "those of one identity exclude each other");
    await held.release();
    await (await again.lock("billing").acquire({ timeoutMs: 5000 })).release();
  });
}
