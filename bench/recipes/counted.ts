// Our recipes over a connection that is listened to: how many pings leave, and how many watch notifications come.
import { ZooKeeperEngine } from "../../src/engines/zookeeper/index.ts";
import {
  type Link,
  nodePorts,
  parseConnectString,
  type Target,
  type Transport,
  ZooKeeperClient,
} from "../../src/protocols/zookeeper/client/index.ts";
import { Coordination } from "../../src/recipes/index.ts";

/** Of the ZooKeeper protocol: the number that stands where a request's would. */
const notificationXid = -1;
const pingXid = -2;

export interface Counts {
  pings: number;
  notifications: number;
}

export async function connectCounted(
  servers: string,
  counts: Counts,
  sessionTimeoutMs = 10_000,
): Promise<Coordination<ZooKeeperEngine>> {
  const node = nodePorts();
  const ports = { ...node, transport: new CountingTransport(node.transport, counts) };
  const client = new ZooKeeperClient(parseConnectString(servers), { sessionTimeoutMs }, ports);
  await client.connected({ timeoutMs: 20_000 });
  return new Coordination(new ZooKeeperEngine(client, ports));
}

class CountingTransport implements Transport {
  readonly #transport: Transport;
  readonly #counts: Counts;

  constructor(transport: Transport, counts: Counts) {
    this.#transport = transport;
    this.#counts = counts;
  }

  resolve(...args: Parameters<Transport["resolve"]>): () => void {
    return this.#transport.resolve(...args);
  }

  dial(target: Target, events: Parameters<Transport["dial"]>[1]): Link {
    const inward = new Frames((xid) => {
      if (xid === notificationXid) this.#counts.notifications += 1;
    });
    const outward = new Frames((xid) => {
      if (xid === pingXid) this.#counts.pings += 1;
    });
    const link = this.#transport.dial(target, {
      onOpen: () => events.onOpen(),
      onData: (chunk) => {
        inward.on(chunk);
        events.onData(chunk);
      },
      onClose: (error) => events.onClose(error),
    });
    return {
      write: (bytes) => {
        outward.on(bytes);
        link.write(bytes);
      },
      destroy: (done) => link.destroy(done),
    };
  }
}

/** The first number of each frame behind the first, which is the handshake. */
class Frames {
  readonly #tell: (xid: number) => void;
  #held = Buffer.alloc(0);
  #isFirst = true;

  constructor(tell: (xid: number) => void) {
    this.#tell = tell;
  }

  on(chunk: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.length >= 4) {
      const end = 4 + this.#held.readInt32BE(0);
      if (this.#held.length < end) return;
      if (!this.#isFirst && end >= 8) this.#tell(this.#held.readInt32BE(4));
      this.#isFirst = false;
      this.#held = this.#held.subarray(end);
    }
  }
}
