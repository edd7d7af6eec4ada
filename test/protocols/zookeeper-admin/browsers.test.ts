// A page in an operator's browser is a stranger with a connection to the admin port.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { type HttpServer, startMetricsServer } from "../../../src/management/http-server.ts";
import { hostOfRequest } from "../../../src/management/request-source.ts";
import { ADMIN_COMMANDS } from "../../../src/protocols/zookeeper/admin-commands.ts";
import { contextOf, managementOf, startAdminServer } from "./fakes.ts";

const log = { info() {}, warn() {}, error() {} };
const CHANGING = ["stat_reset", "connection_stat_reset", "set_trace_mask", "observer_connection_stat_reset"];
const endpoint = { host: "127.0.0.1", port: 0 };

describe("the admin server and pages of other sites", () => {
  const context = contextOf();
  let server: HttpServer;

  before(async () => {
    const started = await startAdminServer(context, endpoint, log);
    assert.ok(started);
    server = started;
  });
  after(() => server.close());

  async function ask(path: string, method: string, headers: Readonly<Record<string, string>>, body = "") {
    const asked = request({ ...endpoint, port: server.port, path, method, headers }).end(body);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    return { status: response.statusCode, text };
  }

  test("a name that is not this member's is refused, with what to do, whatever is asked for", async () => {
    for (const host of [
      "evil.example",
      "evil.example:8080",
      "127.0.0.1.evil.example",
      "0x7f000001",
      "localhost.evil",
    ]) {
      for (const path of ["/commands", "/commands/stat", "/commands/system_properties", "/metrics"]) {
        const { status, text } = await ask(path, "GET", { host });
        assert.equal(status, 421, `${host} ${path}`);
        assert.match(text, /admin\.allowedHosts/);
      }
      assert.equal((await ask("/commands/stat_reset", "POST", { host })).status, 421);
    }
    assert.equal(context.stats.resets, 0);
  });

  test("a whole URL as the target does not get past that", async () => {
    const { status } = await ask("http://evil.example/commands/stat", "GET", { host: "127.0.0.1" });
    assert.equal(status, 421);
  });

  test("addresses, localhost and the names of the configuration are this member's, with or without a port", async () => {
    const own = ["127.0.0.1", "10.9.8.7:8080", "[::1]:8080", "[::1]", "localhost:8080", "LocalHost", "ZOO1.example."];
    for (const host of own) assert.equal((await ask("/commands/ruok", "GET", { host })).status, 200, host);
  });

  test("health checks answer by any name: an orchestrator has names of its own, and they say nothing", async () => {
    for (const path of ["/livez", "/readyz"]) assert.equal((await ask(path, "GET", { host: "pod-7.svc" })).status, 200);
  });

  test("a program that names no host at all is served: no browser is so old", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.end("GET /commands/ruok HTTP/1.0\r\n\r\n");
    let text = "";
    for await (const chunk of socket.setEncoding("latin1")) text += chunk;
    assert.match(text, /^HTTP\/1\.1 200 /);
  });

  test("GET changes nothing: what does change something is for POST", async () => {
    for (const name of CHANGING) {
      for (const method of ["GET", "HEAD"]) {
        assert.equal((await ask(`/commands/${name}?traceMask=7`, method, { host: "127.0.0.1" })).status, 405, name);
      }
    }
    assert.equal(context.stats.resets, 0);
    assert.equal((await ask("/commands/stat_reset", "POST", { host: "127.0.0.1" })).status, 200);
    assert.equal(context.stats.resets, 1);
  });

  test("a POST that a page of another site sends is refused by what the browser says of it", async () => {
    const resets = context.stats.resets;
    const host = "127.0.0.1:8080";
    for (const told of [
      { origin: "http://evil.example" },
      { origin: "null" },
      { origin: "https://127.0.0.1:8080" },
      { origin: "http://127.0.0.1:9999" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      assert.equal((await ask("/commands/stat_reset", "POST", { host, ...told })).status, 403, JSON.stringify(told));
    }
    assert.equal(context.stats.resets, resets);
    const own = { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
    assert.equal((await ask("/commands/stat_reset", "POST", own)).status, 200);
    assert.equal(context.stats.resets, resets + 1);
  });

  test("a POST with what a form can send is refused by its content type", async () => {
    const resets = context.stats.resets;
    const forms = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "x"];
    for (const type of forms) {
      const headers = { host: "127.0.0.1", "content-type": type };
      for (const path of ["/commands/stat_reset", "/commands/shed_connections", "/commands/restore"]) {
        assert.equal((await ask(path, "POST", headers, '{"percentage":100}')).status, 415, `${type} ${path}`);
      }
    }
    assert.equal(context.stats.resets, resets);
    const headers = { host: "127.0.0.1", "content-type": "application/json; charset=utf-8" };
    assert.equal((await ask("/commands/stat_reset", "POST", headers, "{}")).status, 200);
  });

  test("the commands that are for GET are those that only look", () => {
    const looking = ADMIN_COMMANDS.filter(({ method }) => method === "GET").map(({ names: [name] }) => name);
    for (const name of looking) assert.doesNotMatch(name!, /reset|^set_|shed|restore/);
  });
});

test("Prometheus's port has the same rule, and a setting that lifts it", async () => {
  for (const [hosts, expected] of [
    [["zoo1"], 421],
    [["zoo1", "metrics.example"], 200],
    ["all", 200],
  ] as const) {
    const server = await startMetricsServer(managementOf(contextOf(), log, hosts), endpoint, log);
    assert.ok(server);
    const asked = request({
      ...endpoint,
      port: server.port,
      path: "/metrics",
      headers: { host: "metrics.example:7000" },
    });
    const [response] = (await once(asked.end(), "response")) as [IncomingMessage];
    assert.equal(response.statusCode, expected, String(hosts));
    response.resume();
    await server.close();
  }
});

test("a host is read without its port, whatever form it has", () => {
  const host = (text: string, target = "/") =>
    hostOfRequest({ target, host: text, origin: undefined, fetchSite: undefined });
  assert.equal(host("Evil.Example:80"), "evil.example");
  assert.equal(host("[fe80::1]:80"), "fe80::1");
  assert.equal(host("localhost."), "localhost");
  assert.equal(host("127.0.0.1", "HTTP://user@evil.example:1/x"), "evil.example");
  assert.equal(host("127.0.0.1", "/http://evil.example/"), "127.0.0.1");
  assert.equal(host(""), null);
});
