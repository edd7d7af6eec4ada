// Scripts about connections: handshakes, sessions that move, frames that are wrong, requests that nobody knows.
import { frameOf, handshake, type Script } from "./play.ts";
import {
  addWatch,
  check,
  closeSession,
  create,
  exists,
  getChildren,
  getData,
  odd,
  ping,
  remove,
  sasl,
  setData,
  sync,
  whoAmI,
} from "./requests.ts";
import { framed, Writer } from "./wire.ts";

export const connectionScripts: Readonly<Record<string, Script>> = {
  "handshakes: with and without the read-only flag, and timeouts held within bounds": async (stage) => {
    for (const readOnly of [true, false, undefined]) {
      const session = await stage.session({ readOnly });
      await session.close();
    }
    for (const timeoutMs of [0, -1, 1, 3999, 4000, 599_999, 600_000, 600_001, 2 ** 31 - 1]) {
      const session = await stage.session({ timeoutMs });
      await session.close();
    }
  },

  "handshakes: other protocol versions and passwords of other lengths": async (stage) => {
    for (const protocolVersion of [1, -1, 77]) await (await stage.session({ protocolVersion })).close();
    for (const password of [Buffer.alloc(0), Buffer.alloc(4), Buffer.alloc(64), null]) {
      await (await stage.session({ password })).close();
    }
  },

  "handshakes: a zxid from the future is refused without a word": async (stage) => {
    await stage.session({ lastZxid: 0x7fff_ffff_ffff_ffffn });
    await (await stage.session({ lastZxid: -1n })).close();
  },

  "handshakes: too short, or torn": async (stage) => {
    for (const length of [0, 1, 12, 16, 20, 27]) {
      const wire = await stage.wire();
      wire.send(framed(handshake({}).subarray(0, length)));
      const answer = await wire.next(3000);
      stage.note(`a handshake of ${length} bytes → ${typeof answer === "string" ? answer : answer.length}`);
    }
    const wire = await stage.wire();
    const bytes = framed(handshake({}));
    for (let i = 0; i < bytes.length; i++) {
      wire.send(bytes.subarray(i, i + 1));
      if (i % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const answer = await wire.next();
    stage.note(`a handshake byte by byte → ${typeof answer === "string" ? answer : answer.length}`);
  },

  "frames: lengths that cannot be end the connection": async (stage) => {
    for (const length of [-1, -(2 ** 31), 2 ** 31 - 1, 0xfffff + 1, 0x100000]) {
      const session = await stage.session({});
      session.wire.send(new Writer().int(length).body);
      const answer = await session.wire.next(3000);
      stage.note(`a frame of length ${length} → ${typeof answer === "string" ? answer : "a frame"}`);
    }
  },

  "frames: of length nought, or too short for a header": async (stage) => {
    for (const length of [0, 1, 3, 4, 7]) {
      const session = await stage.session({});
      session.wire.send(framed(Buffer.alloc(length)));
      const answer = await session.wire.next(3000);
      stage.note(`a frame of ${length} zero bytes → ${typeof answer === "string" ? answer : answer.toString("hex")}`);
    }
  },

  "frames: the longest that is allowed, and data at the limit": async (stage) => {
    const session = await stage.session({});
    await session.call(create("/longest", Buffer.alloc(0xfffff - 66 - 200, "x")));
    await session.call(exists("/longest"));
    await session.call(setData("/longest", ""));
    const second = await stage.session({});
    await second.call(create("/too-long", Buffer.alloc(0xfffff + 1, "x")));
    await session.call(remove("/longest"));
  },

  "frames: lengths inside that lie": async (stage) => {
    const lies: Record<string, Buffer> = {
      "a path longer than the frame": new Writer().int(100).bytes(Buffer.from("/a")).boolean(false).body,
      "a path of length -5": new Writer().int(-5).boolean(false).body,
      "a path of length 2^31-1": new Writer().int(2 ** 31 - 1).boolean(false).body,
      "a missing flag": new Writer().text("/").body,
      "no body at all": Buffer.alloc(0),
      // Of a node that no script changes: its reply is compared as bytes, in which no zxid is given a name.
      "bytes behind the end": new Writer().text("/zookeeper").boolean(false).int(7).body,
    };
    for (const [title, body] of Object.entries(lies)) {
      for (const opcode of [3, 4, 8]) {
        const session = await stage.session({});
        stage.note(title);
        await session.call(odd(opcode, body));
        await session.untilClosedOrAnswering();
      }
    }
    const vectors: Record<string, Buffer> = {
      "an ACL of a billion entries": new Writer().text("/lie").text("").int(1_000_000_000).body,
      "an ACL of -7 entries": new Writer().text("/lie").text("").int(-7).int(0).body,
      "an ACL of no entry": new Writer().text("/lie").text("").int(0).int(0).body,
    };
    for (const [title, body] of Object.entries(vectors)) {
      const session = await stage.session({});
      stage.note(title);
      await session.call(odd(1, body));
      await session.untilClosedOrAnswering();
    }
  },

  "requests that nobody knows are refused, and the connection ends": async (stage) => {
    for (const opcode of [10, 23, 99, 108, 500, 501, 502, 503, 504, 505, 1000, -2, -12, 2 ** 31 - 1, -(2 ** 31)]) {
      const session = await stage.session({});
      await session.call(odd(opcode));
      await session.untilClosedOrAnswering();
    }
  },

  "requests that only servers may make": async (stage) => {
    // A createSession (-10) is left out: to that the reference gives a second answer to a handshake, torn by its header.
    for (const opcode of [0, -1, 20]) {
      const session = await stage.session({});
      await session.call(
        odd(opcode, opcode === 20 ? new Writer().text("/zookeeper").body : new Writer().int(4000).body),
      );
      await session.untilClosedOrAnswering();
    }
    const session = await stage.session({});
    await session.call(check("/", 0));
    await session.untilClosedOrAnswering();
  },

  "xids are echoed, whatever they are": async (stage) => {
    const session = await stage.session({});
    for (const xid of [0, 1, 1, -3, -5, 2 ** 31 - 1, -(2 ** 31), 7]) await session.call(exists("/"), xid);
    await session.call(ping, 12);
    await session.call(exists("/"), -2);
    await session.call(sync("/"), -4);
    await session.call(whoAmI, -8);
    await session.call(exists("/zookeeper"), -1);
    await session.events();
  },

  "many requests in one packet are answered in their order": async (stage) => {
    const session = await stage.session({});
    await session.pipelined(
      create("/packet", "a"),
      getData("/packet", true),
      setData("/packet", "b"),
      getData("/packet"),
      ping,
      create("/packet/c"),
      getChildren("/packet", true),
      remove("/packet/c"),
      setData("/packet", "x", 9),
      remove("/packet"),
      exists("/packet"),
      closeSession,
    );
    const last = await session.wire.next();
    stage.note(typeof last === "string" ? last : "a frame");
  },

  "what comes behind a closeSession is not served": async (stage) => {
    const session = await stage.session({});
    // What is said to the late request, an error or nothing, is a race in the reference as well: only its effect counts.
    const late = create("/never");
    await session.call(create("/last", "", 1));
    session.wire.send(Buffer.concat([frameOf(2, -11, Buffer.alloc(0)), frameOf(3, late.opcode, late.body)]));
    await session.reply(closeSession, 2);
    while (typeof (await session.wire.next()) !== "string");
    const other = await stage.session({});
    stage.note(`/last: ${await other.code(exists("/last"))}, /never: ${await other.code(exists("/never"))}`);
  },

  "a session is taken up again with its password, and the old connection ends": async (stage) => {
    const first = await stage.session({});
    await first.call(create("/kept", "", 1));
    const again = { session: first.id, password: first.password };
    const second = await stage.session(again);
    await second.call(exists("/kept"));
    stage.note(
      `the first connection is ${await first.wire.next().then((it) => (typeof it === "string" ? it : "alive"))}`,
    );
    second.wire.drop();
    const third = await stage.session({ ...again, lastZxid: second.lastZxid });
    await third.call(exists("/kept"));
    await third.close();
    const late = await stage.session(again);
    stage.note(`late: ${await late.wire.next().then((it) => (typeof it === "string" ? it : "a frame"))}`);
    const other = await stage.session({});
    await other.call(exists("/kept"));
  },

  "a session is not given to a wrong password, nor one that never was": async (stage) => {
    const first = await stage.session({});
    const wrong = Buffer.from(first.password!);
    wrong[0]! ^= 1;
    for (const password of [wrong, Buffer.alloc(16), Buffer.alloc(0), null, Buffer.alloc(17)]) {
      const thief = await stage.session({ session: first.id, password });
      stage.note(`thief: ${await thief.wire.next().then((it) => (typeof it === "string" ? it : "a frame"))}`);
    }
    await first.call(exists("/"));
    const unknown = await stage.session({ session: 0x0123_4567_89ab_cdefn, password: first.password });
    stage.note(`unknown: ${await unknown.wire.next().then((it) => (typeof it === "string" ? it : "a frame"))}`);
  },

  "a session that falls silent expires, and takes its ephemerals with it": async (stage) => {
    const other = await stage.session({});
    const silent = await stage.session({ timeoutMs: 4000 });
    await silent.call(create("/silent", "", 1));
    await other.call(exists("/silent", true));
    await other.call(getChildren("/", true));
    await other.call(addWatch("/", 1));
    const event = await other.wire.next(20_000);
    stage.note(typeof event === "string" ? event : `an event of ${event.length} bytes`);
    await other.events();
    await other.call(exists("/silent"));
    const late = await stage.session({ session: silent.id, password: silent.password });
    stage.note(`late: ${await late.wire.next().then((it) => (typeof it === "string" ? it : "a frame"))}`);
  },

  "SASL where none is set up": async (stage) => {
    const session = await stage.session({});
    await session.call(sasl(""));
    await session.untilClosedOrAnswering();
  },
};
