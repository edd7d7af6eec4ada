// A member's ZooKeeper service with clients in memory, on virtual time.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Hashes } from "../../../../src/base/hashes.ts";
import type { Logger } from "../../../../src/base/logger.ts";
import type { CertifiedPeer } from "../../../../src/protocols/zookeeper/connection.ts";
import type { ServiceOptions } from "../../../../src/protocols/zookeeper/door-options.ts";
import { BOUNDS } from "../../../../src/protocols/zookeeper/limits.ts";
import { Service } from "../../../../src/protocols/zookeeper/service.ts";
import { ClientCapacity } from "../../../../src/transport/client-capacity.ts";
import { FakeMember, VirtualClock } from "./fake-member.ts";
import { TestClient } from "./test-client.ts";

export class World {
  readonly clock: VirtualClock;
  readonly member: FakeMember;
  readonly log: string[] = [];
  /** What its doors tell operators. */
  readonly events: string[] = [];
  readonly service: Service;
  readonly #options: ServiceOptions;

  constructor(options: Partial<ServiceOptions> = {}, clock: VirtualClock = new VirtualClock()) {
    this.clock = clock;
    this.member = new FakeMember(clock);
    let chance = 0;
    const hashes: Hashes = {
      sha1: (bytes) => createHash("sha1").update(bytes).digest(),
      md5: (bytes) => createHash("md5").update(bytes).digest(),
      randomBytes: (count) => new Uint8Array(count).map(() => (chance = (chance * 31 + 7) & 0xff)),
    };
    const say = (line: string): void => void this.log.push(line);
    const logger: Logger = { info: say, warn: say, error: say };
    this.#options = {
      clock: this.clock,
      capacity: new ClientCapacity(this.clock),
      events: { add: (text) => void this.events.push(text) },
      hashes,
      logger,
      tickTimeMs: 2000,
      minSessionTimeoutMs: 4000,
      maxSessionTimeoutMs: 40_000,
      frameBytesMax: 0xfffff,
      globalOutstandingLimit: 1000,
      bounds: BOUNDS,
      readOnlyMode: false,
      policy: {},
      auth: {},
      sasl: null,
      saslSuperUsers: [],
      allowSaslFailedClients: false,
      enforceAuthSchemes: [],
      fourLetterWord: null,
      ...options,
    };
    this.service = this.openDoor();
  }

  /** One more door of the same member. */
  openDoor(): Service {
    return new Service(this.member, this.#options);
  }

  dial(peer: Partial<CertifiedPeer> = {}, door: Service = this.service): TestClient {
    return new TestClient(this, peer, door);
  }

  /** A client with a session. */
  client(peer: Partial<CertifiedPeer> = {}, door: Service = this.service): TestClient {
    const client = this.dial(peer, door);
    assert(client.connect() !== null);
    return client;
  }
}
