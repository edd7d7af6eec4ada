// What one connection has received, sent and answered, for operators: the numbers of `cons` and `stat`.

import { Latency, type TrafficStats } from "./stats.ts";

export class ConnectionTraffic implements TrafficStats {
  packetsReceived = 0;
  packetsSent = 0;
  lastXid = 0;
  lastZxid = 0;
  lastOperation = NO_OPERATION;
  lastResponseTime = 0;
  readonly latency = new Latency();

  /** `at`: wall-clock milliseconds; `operation`: its abbreviation, null where the opcode is not known. */
  noteReply(operation: string | null, xid: number, zxid: number, at: number, elapsedMs: number): void {
    this.packetsSent += 1;
    this.lastXid = xid;
    this.lastZxid = zxid;
    this.lastResponseTime = at;
    if (operation !== null) this.lastOperation = operation;
    this.latency.add(elapsedMs);
  }

  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.lastOperation = NO_OPERATION;
    this.latency.reset();
  }
}

/** As ZooKeeper shows it before the first. */
const NO_OPERATION = "NA";
