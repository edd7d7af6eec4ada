import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { formatServerLine } from "../../src/base/server-line.ts";
import { DevProblem, prepareCluster, removeCluster } from "../../src/cli/dev-cluster.ts";
import { clusterLines } from "../../src/cli/dev-text.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";

const PORT = 23_100;
const directory = mkdtempSync(join(tmpdir(), "cabildo-test-"));
after(() => rmSync(directory, { recursive: true, force: true }));

async function taken<T>(port: number, body: () => Promise<T>): Promise<T> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  try {
    return await body();
  } finally {
    server.close();
    await once(server, "close");
  }
}

describe("a development cluster", () => {
  test("each member gets a zoo.cfg of which nothing is refused or ignored, and all agree", async () => {
    const cluster = await prepareCluster({ members: 3, port: PORT, data: null });
    const loaded = cluster.members.map(({ configurationFile }) => loadConfiguration({ file: configurationFile }));
    assert.deepEqual(
      loaded.flatMap(({ warnings }) => warnings),
      [],
    );
    const configurations = loaded.map(({ configuration }) => configuration);
    assert.deepEqual(
      configurations.map(({ id }) => id),
      [1, 2, 3],
    );
    assert.deepEqual(
      configurations.map(({ doors }) => doors[0]!.listen.plain?.port),
      [PORT, PORT + 1, PORT + 2],
    );
    assert.ok(configurations.every(({ mode }) => mode === "ensemble"));
    const [first, ...others] = configurations.map(({ members }) => members.map(formatServerLine));
    for (const other of others) assert.deepEqual(other, first);
    const adminPorts = configurations.map(({ admin }) => admin.listen?.port);
    assert.equal(new Set(adminPorts).size, 3);
    const text = clusterLines(cluster, "0.1.0", "0.9");
    assert.ok(text.includes(`zkCli.sh -server 127.0.0.1:${PORT},127.0.0.1:${PORT + 1},127.0.0.1:${PORT + 2}\n`));
    assert.ok(text.includes("gone in the end"));
    removeCluster(cluster);
    assert.ok(!existsSync(cluster.directory));
  });

  test("its members have a secret of their own, drawn once, that nobody else may read", async () => {
    const data = join(directory, "secret");
    const secretOf = async () => {
      const { members } = await prepareCluster({ members: 3, port: PORT, data });
      const [one, two] = members.map(({ configurationFile }) => loadConfiguration({ file: configurationFile }));
      assert.deepEqual([one!.warnings, one!.configuration.peer.secrets], [[], two!.configuration.peer.secrets]);
      return one!.configuration.peer.secrets;
    };
    const first = await secretOf();
    assert.match(first[0]!, /^[\w-]{43}$/);
    assert.deepEqual(await secretOf(), first);
    assert.equal(statSync(join(data, "peer-secret")).mode & 0o777, 0o600);
    rmSync(data, { recursive: true });
    assert.notDeepEqual(await secretOf(), first);
  });

  test("a port that is taken is named before anything is written", async () => {
    const data = join(directory, "busy");
    for (const port of [PORT + 1, PORT + 2 + 707]) {
      await taken(port, () =>
        assert.rejects(prepareCluster({ members: 3, port: PORT, data }), (error: Error) => {
          assert.ok(error instanceof DevProblem);
          assert.match(error.message, new RegExp(`port ${port}, .* is in use`));
          return true;
        }),
      );
      assert.ok(!existsSync(data));
    }
  });

  test("a member whose admin port is taken gets another one that is free", async () => {
    const cluster = await taken(PORT + 5899, () => prepareCluster({ members: 2, port: PORT, data: null }));
    const [first, second] = cluster.members.map(({ adminPort }) => adminPort);
    assert.notEqual(first, PORT + 5899);
    assert.ok(first! > 0);
    assert.equal(second, PORT + 1 + 5899);
    const { configuration } = loadConfiguration({ file: cluster.members[0]!.configurationFile });
    assert.equal(configuration.admin.listen?.port, first);
    removeCluster(cluster);
  });

  test("one that is kept goes on with the members and ports it began with", async () => {
    const data = join(directory, "kept");
    const first = await prepareCluster({ members: 5, port: PORT, data });
    removeCluster(first);
    assert.ok(existsSync(data), "what is to be kept is not removed");
    const again = await prepareCluster({ members: null, port: null, data });
    assert.deepEqual(
      again.members.map(({ clientPort }) => clientPort),
      first.members.map(({ clientPort }) => clientPort),
    );
    await assert.rejects(prepareCluster({ members: 3, port: null, data }), /begun with --members 5/);
    await assert.rejects(
      prepareCluster({ members: null, port: PORT + 10, data }),
      new RegExp(`begun with --port ${PORT}`),
    );
  });

  test("a directory with other things in it is left alone", async () => {
    const data = join(directory, "other");
    mkdirSync(data);
    writeFileSync(join(data, "thesis.txt"), "x");
    await assert.rejects(prepareCluster({ members: 3, port: PORT, data }), DevProblem);
    assert.deepEqual(readdirSync(data), ["thesis.txt"]);
  });

  test("a port too high for those that follow from it is refused", async () => {
    await assert.rejects(prepareCluster({ members: 3, port: 65_000, data: null }), /leaves no room/);
  });
});
