// The alerts and the dashboard: every metric that they name is there, and a real Prometheus that scrapes three members judges them.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { repository } from "../support/cache.ts";
import { type Ensemble, startEnsemble } from "../support/ensemble.ts";
import { freePort } from "../support/ports.ts";
import { reap } from "../support/reaper.ts";

const directory = mkdtempSync(join(tmpdir(), "cabildo-monitoring-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(repository, "deploy", name), "utf8");
const isThere = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;
const skip = isThere("promtool") && isThere("prometheus") ? false : "Prometheus is not installed";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly remedy: string };
}

const rules = (parse(read("prometheus/alerts.yml")).groups as { rules: Rule[] }[]).flatMap((group) => group.rules);

interface Queried {
  readonly result: readonly { readonly value: readonly [number, string] }[];
}

interface Alerts {
  readonly alerts: readonly { readonly state: string; readonly labels: { readonly alertname: string } }[];
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

const dashboard = JSON.parse(read("grafana/cabildo.json")) as Dashboard;

const WORDS = /\b(?:by|on|group_right|absent|max|increase|rate|histogram_quantile|job|or|humanizePercentage)\b/g;

function metricsIn(expression: string): string[] {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\([a-z, ]*\)(?= *[(e])/g, " ").replaceAll(WORDS, " ");
  return bare.match(/\b[a-z_][a-z_0-9]+/g) ?? [];
}

async function withMembers(story: (ensemble: Ensemble, ports: readonly number[]) => Promise<void>): Promise<void> {
  const ports = [await freePort(), await freePort(), await freePort()];
  await using ensemble = await startEnsemble({
    flavour: "cabildo",
    members: 3,
    configOf: (id) => ["admin.enableServer=true", `admin.serverPort=${ports[id - 1]}`],
  });
  await story(ensemble, ports);
}

test("every alert has a remedy, and every metric of alerts and dashboard is one of a member's", async () => {
  await withMembers(async (_, [port]) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const known = new Set(text.split("\n").flatMap((line) => /^([a-z_]\w*)[{ ]/.exec(line)?.[1] ?? []));
    known.add("up"); // Prometheus's own
    for (const { alert, expr, annotations } of rules) {
      assert.ok(annotations.summary.length > 10 && annotations.remedy.length > 10, alert);
      assert.ok(metricsIn(expr).length > 0, alert);
      for (const metric of metricsIn(expr)) assert.ok(known.has(metric), `${alert}: ${metric}`);
    }
    for (const { title, targets } of dashboard.panels) {
      for (const { expr } of targets) {
        for (const metric of metricsIn(expr)) assert.ok(known.has(metric), `${title}: ${metric}`);
      }
    }
  });
});

test("promtool finds nothing wrong with the rules and the configuration", { skip }, () => {
  for (const args of [
    ["check", "rules", "alerts.yml"],
    ["check", "config", "prometheus.yml"],
  ]) {
    const { status, stderr, stdout } = spawnSync("promtool", args, {
      cwd: join(repository, "deploy", "prometheus"),
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
  }
});

test("a real Prometheus scrapes three members: no alert fires while all is well, and the right ones do when two are dead", {
  skip,
}, async () => {
  await withMembers(async (ensemble, ports) => {
    const config = read("prometheus/prometheus.yml")
      .replaceAll("15s", "1s")
      .replace(/targets: .*/, `targets: ${JSON.stringify(ports.map((port) => `127.0.0.1:${port}`))}`);
    writeFileSync(join(directory, "prometheus.yml"), config);
    writeFileSync(join(directory, "alerts.yml"), read("prometheus/alerts.yml").replaceAll(/for: \w+/g, "for: 2s"));
    const port = await freePort();
    const args = [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const prometheus = spawn("prometheus", args, { stdio: "ignore" });
    reap(prometheus);
    try {
      const ask = async <T>(path: string): Promise<T> => {
        const answer = await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json();
        return (answer as { readonly data: T }).data;
      };
      const query = (text: string) => ask<Queried>(`query?query=${encodeURIComponent(text)}`);
      const up = async () => Number((await query('sum(up{job="cabildo"})')).result[0]?.value[1] ?? 0);
      const firing = async (): Promise<string[]> => {
        const { alerts } = await ask<Alerts>("alerts");
        const names = alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
        return [...new Set(names)].sort();
      };
      await until("all three are scraped", async () => (await up()) === 3);
      await sleep(5000);
      assert.deepEqual(await firing(), []);
      for (const { targets } of dashboard.panels) {
        for (const { expr } of targets) {
          const { result } = await query(expr.replaceAll("$job", "cabildo"));
          assert.ok(result.length > 0, `nothing to draw: ${expr}`);
        }
      }
      const leader = await ensemble.leader();
      await leader.kill();
      await until("a dead member is told", async () => (await firing()).join() === "CabildoMemberDown");
      await ensemble.members.find(({ id }) => id !== leader.id)!.kill();
      const expected = ["CabildoMemberDown", "CabildoMemberWithoutLeader", "CabildoNoQuorum"];
      await until("a lost quorum is told", async () => (await firing()).join() === expected.join());
    } finally {
      prometheus.kill("SIGKILL");
    }
  });
});

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (await holds().catch(() => false)) return;
    assert.ok(Date.now() < deadline, `not within a minute: ${what}`);
    await sleep(300);
  }
}
