import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  environmentNameOf,
  SETTINGS,
  type SettingKey,
  yamlNameOf,
} from "../../../src/server/configuration/settings.ts";
import { ALONE, configure, problemsOf, settingsOf } from "./configure.ts";

const flag = (key: string, value: string) => ({ flag: `-D${key}`, key, value });

describe("flags beat environment beat file beat default", () => {
  test("each in its turn", () => {
    assert.equal(settingsOf(ALONE).tickMs, 3000);
    const text = `${ALONE}tickTime=1000\n`;
    assert.equal(settingsOf(text).tickMs, 1000);
    const java = { SERVER_JVMFLAGS: "-Xmx1g -Dzookeeper.tickTime=1100 '-Dzookeeper.x=a b'" };
    const environment = { ...java };
    assert.equal(settingsOf(text, { environment }).tickMs, 1100);
    assert.equal(settingsOf(text, { environment: { ...java, ZOO_TICK_TIME: "1200" } }).tickMs, 1200);
    const own = { ...java, ZOO_TICK_TIME: "1200", CABILDO_ZOOKEEPER_SESSION_TICK: "1300ms" };
    assert.equal(settingsOf(text, { environment: own }).tickMs, 1300);
    const flags = [flag("zookeeper.tickTime", "1400")];
    assert.equal(settingsOf(text, { environment: own, flags }).tickMs, 1400);
  });

  test("an error says where the value that counts came from", () => {
    assert.match(problemsOf(`${ALONE}tickTime=x\n`)[0] ?? "", /^zoo\.cfg line 3: tickTime must/);
    const environment = { CABILDO_ZOOKEEPER_SESSION_TICK: "x" };
    assert.match(problemsOf(ALONE, { environment })[0] ?? "", /^environment variable CABILDO_ZOOKEEPER_SESSION_TICK: /);
    assert.match(problemsOf(ALONE, { flags: [flag("tickTime", "x")] })[0] ?? "", /^-DtickTime: tickTime must/);
  });

  test("a list of members from a stronger place is the whole list", () => {
    const text = `${ALONE}server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n`;
    const environment = { ZOO_SERVERS: "server.1=x:1:2;2181 server.2=y:1:2;2181", ZOO_MY_ID: "2" };
    const { members, id } = settingsOf(text, { environment });
    assert.deepEqual(
      members.map((member) => member.addresses[0]?.host),
      ["x", "y"],
    );
    assert.equal(id, 2);
    const own = { CABILDO_MEMBERS: "1=p:1:2 2=q:1:2 3=r:1:2", CABILDO_ID: "3" };
    assert.deepEqual(
      settingsOf(text, { environment: own }).members.map((one) => one.addresses[0]?.host),
      ["p", "q", "r"],
    );
  });

  test("a file of members is as strong as the place that names it, which lists none itself", () => {
    const files = { "/conf/members": "server.1=x:1:2;2181\nserver.2=y:1:2;2181\n" };
    const text = `${ALONE}server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n`;
    const environment = { CABILDO_MEMBERS_FILE: "/conf/members", CABILDO_ID: "2" };
    const { members } = settingsOf(text, { environment, files });
    assert.deepEqual(
      members.map((one) => one.addresses[0]?.host),
      ["x", "y"],
    );
    const both = { ...environment, CABILDO_MEMBERS: "1=p:1:2 2=q:1:2" };
    assert.match(
      problemsOf(ALONE, { environment: both, files }).join("\n"),
      /^environment variable CABILDO_MEMBERS: .* must be in \/conf\/members, which CABILDO_MEMBERS_FILE names/,
    );
    const dynamic = `${ALONE}dynamicConfigFile=/conf/members\n`;
    assert.deepEqual(
      settingsOf(dynamic, { environment: { CABILDO_MEMBERS: "1=p:1:2 2=q:1:2", CABILDO_ID: "2" }, files }).members.map(
        (one) => one.addresses[0]?.host,
      ),
      ["p", "q"],
    );
  });
});

describe("the environment", () => {
  test("no two settings share a variable or a name", () => {
    const keys = Object.keys(SETTINGS) as SettingKey[];
    assert.equal(new Set(keys.map(environmentNameOf)).size, keys.length);
    assert.equal(new Set(keys.map(yamlNameOf)).size, keys.length);
    const names = keys.map(yamlNameOf);
    for (const name of names)
      assert.ok(!names.some((other) => other.startsWith(`${name}.`)), `${name} is also a section`);
  });

  test("a variable with our prefix that is no setting is warned about, with the nearest", () => {
    const { warnings } = configure(ALONE, { environment: { CABILDO_ZOOKEEPER_PROT: "1" } });
    assert.match(warnings.join(), /CABILDO_ZOOKEEPER_PROT is not a setting\. Did you mean "CABILDO_ZOOKEEPER_PORT"/);
  });

  test("what Kubernetes sets for a service called cabildo-zookeeper is no setting of ours", () => {
    const environment = {
      CABILDO_ZOOKEEPER_PORT: "tcp://10.0.0.7:2181",
      CABILDO_ZOOKEEPER_SERVICE_HOST: "10.0.0.7",
      CABILDO_ZOOKEEPER_PORT_2181_TCP_ADDR: "10.0.0.7",
    };
    const { configuration, warnings } = configure(ALONE, { environment });
    assert.deepEqual(configuration.client.plain, { host: null, port: 2181 });
    assert.deepEqual(warnings, []);
  });

  test("Java properties that are not ZooKeeper's are none of our business", () => {
    const environment = { JVMFLAGS: "-Djava.net.preferIPv4Stack=true -Dzookeeper.nio.numWorkerThreads=2" };
    const { warnings } = configure(ALONE, { environment });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /-Dzookeeper\.nio\.numWorkerThreads has no effect/);
  });
});

test("a flag that names no setting is an error with the nearest", () => {
  assert.match(
    problemsOf(ALONE, { flags: [flag("tickTmie", "1")] }).join(),
    /tickTmie is not a setting\. Did you mean "tickTime"/,
  );
});
