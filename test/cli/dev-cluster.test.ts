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
    removeCluster(cluster);
    assert.ok(!existsSync(cluster.directory));
  });

  for (const hasKeys of [true, false]) {
    test(`what is told once they are ready fits a terminal, our own line first (${hasKeys ? "with" : "without"} keys)`, () => {
      const members = [1, 2, 3].map((id) => ({
        id,
        clientPort: 22_180 + id,
        adminPort: 28_080 + id,
        directory: `/tmp/cabildo-dev-a1B2c3/${id}`,
        configurationFile: `/tmp/cabildo-dev-a1B2c3/${id}/zoo.cfg`,
        logFile: `/tmp/cabildo-dev-a1B2c3/${id}/member.log`,
      }));
      const cluster = { members, directory: "/tmp/cabildo-dev-a1B2c3", isTemporary: true };
      const pids = new Map([1, 2, 3].map((id) => [id, 4_000_000 + id]));
      const lines = clusterLines(cluster, { version: "0.1.0", seconds: "0.9", pids, hasKeys }).split("\n");
      const long = lines.filter((line) => line.length > 80);
      assert.deepEqual(long, []);
      const hosts = "127.0.0.1:22181,127.0.0.1:22182,127.0.0.1:22183";
      const [first, second] = lines.filter((line) => line.includes(hosts));
      assert.equal(first, `  connect("zookeeper://${hosts}")`);
      assert.equal(second, `  CABILDO_CONNECT=zookeeper://${hosts}`);
      for (const [id, pid] of pids)
        assert.ok(lines.some((line) => line.startsWith(`  ${id} `) && line.includes(`pid ${pid}`)));
      assert.ok(
        lines.some((line) => line.includes(hasKeys ? "1 to 3: kill that member, or start it again" : "kill -9 PID")),
      );
    });
  }

  test("a place where nothing can be written is told in words, with the system's code", async () => {
    const file = join(directory, "a-file");
    writeFileSync(file, "x");
    for (const data of [file, join(file, "below")]) {
      await assert.rejects(prepareCluster({ members: 1, port: PORT, data }), (error: Error) => {
        assert.ok(error instanceof DevProblem, error.stack);
        assert.match(
          error.message,
          /cannot be kept in .*a-file.*: .* is a file \((ENOTDIR|EEXIST)\)\. Name another place/,
        );
        return true;
      });
    }
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
