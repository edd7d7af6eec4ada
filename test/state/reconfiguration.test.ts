// Changing the ensemble (24): the request, the intent, its end, and what /zookeeper/config shows meanwhile.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { describe as described, memberDescribed } from "../../src/state/membership/description.ts";
import { MembershipModel } from "../../src/state/membership/model.ts";
import { requestedMembers } from "../../src/state/tree/ensemble.ts";
import { codeOf, World } from "./world.ts";

interface Member {
  id: number;
  role: "voter" | "learner";
  description: string;
}

const participant = (id: number): Member => ({
  id,
  role: "voter",
  description: `h${id}:2888:3888:participant;0.0.0.0:2181`,
});
const three = [participant(2), participant(1), participant(3)];

let world: World;

function configure(members: Member[], joint = false): void {
  world.machine.applyConfiguration(world.machine.appliedIndex + 1, members, joint);
}

const shown = (): string | null | undefined => world.tree.node("/zookeeper/config")?.data;

beforeEach(() => {
  world = new World();
  configure(three);
  world.session = world.openLease();
  world.policy = { reconfig: true };
  world.identities = [{ scheme: "super", id: "" }];
  world.events.take();
});

describe("what is shown", () => {
  test("the first configuration is version 0 and consumes no sequence; lines come in order of ids", () => {
    const line = (id: number): string => `server.${id}=h${id}:2888:3888:participant;0.0.0.0:2181\n`;
    assert.equal(shown(), `${line(1)}${line(2)}${line(3)}version=0`);
    assert.equal(world.machine.sequence, 1, "the lease's alone");
    const node = world.tree.node("/zookeeper/config")!;
    assert.deepEqual([node.version, node.mzxid], [-1, 0]);
  });

  test("roles in Raft and joint phases change nothing that is shown", () => {
    const before = shown();
    const { sequence } = world.machine;
    configure([participant(1), participant(2), { ...participant(3), role: "learner" }]);
    configure([participant(1), participant(2)], true);
    assert.equal(shown(), before);
    assert.equal(world.machine.sequence, sequence);
    assert.deepEqual(world.events.take(), []);
  });

  test("a change that nobody requested consumes a sequence: who has seen it has seen all before", () => {
    const { sequence } = world.machine;
    configure([...three, { ...participant(4), role: "learner" }]);
    assert.equal(world.machine.sequence, sequence + 1);
    assert.match(shown()!, new RegExp(`server.4=.*\nversion=${(sequence + 1).toString(16)}$`));
    assert.equal(world.tree.node("/zookeeper/config")!.mzxid, sequence + 1);
    assert.deepEqual(world.events.take(), ["data-changed /zookeeper/config"]);
  });
});

describe("a request", () => {
  const observer = "server.4=h4:2888:3888:observer;2184";

  test("is taken up, pends over what is passed through, and ends with the configuration it asked for", () => {
    const outcome = world.reconfig({ joining: observer });
    assert.deepEqual(outcome, { kind: "reconfiguring", zxid: world.machine.sequence });
    const pending = world.machine.model(MembershipModel).pending!;
    assert.deepEqual(
      pending.members.map(({ id, wantedRole }) => `${id} ${wantedRole}`),
      ["1 voter", "2 voter", "3 voter", "4 learner"],
    );
    const target: Member = { id: 4, role: "learner", description: "h4:2888:3888:observer;0.0.0.0:2184" };
    assert.equal(described(pending.members[3]!, 0), target.description);
    const before = shown();
    configure([...three, target, { ...participant(9), role: "learner" }]);
    configure([...three, target], true);
    assert.equal(shown(), before);
    assert.deepEqual(world.events.take(), []);
    configure([...three, target]);
    assert.match(shown()!, /server\.4=h4:2888:3888:observer;0\.0\.0\.0:2184\nversion=/);
    assert.deepEqual(world.events.take(), ["data-changed /zookeeper/config", `reconfigured ${pending.id} updated`]);
    assert.equal(world.machine.model(MembershipModel).pending, null);
  });

  test("only one at a time; given up, the next may come and the waiting client hears why", () => {
    world.reconfig({ joining: observer });
    const sequence = world.machine.sequence;
    assert.equal(codeOf(world.reconfig({ leaving: "3" })), "reconfig-in-progress");
    world.endReconfig(sequence - 1, "new-configuration-no-quorum");
    assert.ok(world.machine.model(MembershipModel).pending, "another one's end");
    const before = shown();
    world.endReconfig(sequence, "new-configuration-no-quorum");
    assert.deepEqual(world.events.take(), [`reconfigured ${sequence} new-configuration-no-quorum`]);
    assert.equal(shown(), before);
    assert.equal(codeOf(world.reconfig({ leaving: "3" })), "reconfiguring");
  });

  test("given up half way, the ensemble as it is then is shown", () => {
    world.reconfig({ leaving: "3", joining: observer });
    configure([participant(1), participant(2)]);
    assert.match(shown()!, /server\.3/);
    world.endReconfig(world.machine.sequence, "new-configuration-no-quorum");
    assert.doesNotMatch(shown()!, /server\.3/);
    assert.match(shown()!, new RegExp(`version=${world.machine.sequence.toString(16)}$`));
  });

  test("for what already is so ends at once, after its outcome, with a version of its own", () => {
    const outcome = world.reconfig({ leaving: "77" });
    assert.equal(codeOf(outcome), "reconfiguring");
    assert.deepEqual(world.events.take(), [
      "data-changed /zookeeper/config",
      `reconfigured ${world.machine.sequence} updated`,
    ]);
    assert.match(shown()!, new RegExp(`version=${world.machine.sequence.toString(16)}$`));
  });

  test("is checked in ZooKeeper's order: enabled, ensemble, in progress, version, understood, allowed", () => {
    world.policy = {};
    assert.equal(codeOf(world.reconfig({ joining: "nonsense", version: 99 })), "reconfig-disabled");
    world.policy = { reconfig: true };
    world.identities = [];
    assert.equal(codeOf(world.reconfig({ joining: "nonsense", version: 99 })), "bad-version");
    assert.equal(codeOf(world.reconfig({ joining: "nonsense" })), "bad-arguments");
    assert.equal(codeOf(world.reconfig({ leaving: "1,2,3" })), "bad-arguments");
    assert.equal(codeOf(world.reconfig({ leaving: "3" })), "no-auth");
    world.policy = { reconfig: true, standalone: true };
    assert.equal(codeOf(world.reconfig({ leaving: "2,3" })), "bad-arguments");
    world.policy = { reconfig: true, skipAcl: true };
    assert.equal(codeOf(world.reconfig({ leaving: "3", version: 0 })), "reconfiguring");
  });

  test("to a server that stands alone is not implemented", () => {
    world = new World();
    configure([participant(1)]);
    world.session = world.openLease();
    world.policy = { reconfig: true, standalone: true };
    assert.equal(codeOf(world.reconfig({ joining: observer })), "unimplemented");
  });

  test("builds on the version that the text shows", () => {
    configure([participant(1), participant(2)]);
    const version = Number.parseInt(/version=(.*)$/.exec(shown()!)![1]!, 16);
    assert.equal(codeOf(world.reconfig({ leaving: "2", version: version + 1 })), "bad-version");
    assert.equal(codeOf(world.reconfig({ leaving: "2", version })), "reconfiguring");
  });
});

describe("the lines of a request", () => {
  const current = [memberDescribed(1, "h1:2888:3888:participant;0.0.0.0:2181")];
  const asked = (request: { joining?: string; leaving?: string; newMembers?: string }): string[] | null => {
    const members = requestedMembers(current, { joining: null, leaving: null, newMembers: null, ...request });
    return members === null ? null : members.map((member) => `${member.id}=${described(member, 0)}`);
  };

  test("are written back in full, whatever was left out", () => {
    assert.deepEqual(asked({ joining: " server.2 = h2:1:2;2182 , server.3=[::1]:1:2:Observer;[fe80::1]:5" }), [
      "1=h1:2888:3888:participant;0.0.0.0:2181",
      "2=h2:1:2:participant;0.0.0.0:2182",
      "3=[::1]:1:2:observer;[fe80::1]:5",
    ]);
    assert.deepEqual(asked({ newMembers: "server.5=b:1:2|a:1:2;h:9;h:10\n# a comment\nversion=4\nserver.2=x:1:2" }), [
      "2=x:1:2:participant",
      "5=a:1:2|b:1:2:participant;h:9;h:10",
    ]);
  });

  test("replace a member that they name again, after those that leave have left", () => {
    assert.deepEqual(asked({ leaving: "1", joining: "server.1=new:1:2;3" }), ["1=new:1:2:participant;0.0.0.0:3"]);
    assert.deepEqual(asked({ joining: "server.1=h1:2888:3888:observer;2181" }), [
      "1=h1:2888:3888:observer;0.0.0.0:2181",
    ]);
  });

  test("are refused when they lack a port, repeat one, name no role, no number, or another member's place", () => {
    for (const joining of [
      "server.2",
      "server.2=h2",
      "server.2=h2:1",
      "server.2=h2:1:2",
      "server.2=h2:1:1;3",
      "server.2=h2:1:x;3",
      "server.2=h2:1:70000;3",
      "server.2=h2:1:2:leader;3",
      "server.2=h2:1:2:observer:x;3",
      "server.2=:1:2;3",
      "server.2147483648=h2:1:2;3",
      "server.-1=h2:1:2;3",
      "server.x=h2:1:2;3",
      "server.2=h2:1:2;3;4;5",
      "server.2=h2:1:2;a:b:3",
      "server.2=h1:2888:9;3",
    ]) {
      assert.equal(asked({ joining }), null, joining);
    }
    assert.equal(asked({ leaving: "one" }), null);
    assert.equal(asked({ newMembers: "group.1=1:2" }), null);
  });
});
