// What operators and their tools can see of one member, whatever protocols it speaks: metrics, report, health and events. The
// replica and the doors provide the data; nothing here changes them.

import type { Member } from "../base/member.ts";
import type { Metric } from "../base/metrics.ts";
import type { DurationHistogram } from "../replica/ports.ts";
import type { ReplicaPort } from "../replica/replica-port.ts";
import { membersDescribed } from "../state/membership/description.ts";
import { type ManagedDoor, type PlacedDoor, placed } from "./door-pages.ts";
import type { EventFeed } from "./event-feed.ts";
import { memberMetrics } from "./member-metrics.ts";
import type { OperatorPages } from "./operator-pages.ts";
import { type EventLoopDelay, processMetrics } from "./process-metrics.ts";
import { prometheusText } from "./prometheus-text.ts";
import { type MemberReport, memberReport } from "./report.ts";

export interface ManagementOptions {
  readonly member: ReplicaPort;
  readonly mode: MemberReport["mode"];
  readonly doors: readonly ManagedDoor[];
  /** The doors feed it too. */
  readonly events: EventFeed;
  readonly storage: { readonly snapshotBytes: number; readonly syncDurations: DurationHistogram | null };
  /** Names by which HTTP requests may call this member, besides its addresses and localhost; "all": by any. */
  readonly hosts: readonly string[] | "all";
  /** What operators may ask for with the member's token; null: nothing. */
  readonly operator: OperatorPages | null;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

export class Management {
  readonly events: EventFeed;
  readonly doors: readonly PlacedDoor[];
  readonly #options: ManagementOptions;
  readonly #startedAt: number;
  #leaderChanges = 0;
  #leader: number | null;
  #term: number;
  #hasQuorum: boolean;
  #isDiskFull: boolean;

  constructor(options: ManagementOptions) {
    const { member, wall, doors, events } = options;
    this.#options = options;
    this.doors = placed(options.doors);
    this.#startedAt = wall();
    this.events = events;
    const { leader, term, hasQuorum, diskFull } = member.status;
    this.#leader = leader;
    this.#term = term;
    this.#hasQuorum = hasQuorum;
    this.#isDiskFull = diskFull;
    for (const { name, ports } of doors) events.addOfDoor(name, `${name} is open on ${ports.join(" and ")}`);
    member.onStatusChange(() => this.#onStatusChange());
  }

  /** Prometheus's text; the delay of the event loop is told as of this reader's last reading. */
  metricsText(delay: EventLoopDelay): string {
    const { member, storage } = this.#options;
    const { snapshotBytes, syncDurations } = storage;
    const measures = { member, snapshotBytes, syncDurations, leaderChanges: this.#leaderChanges };
    return prometheusText([...this.#doorMetrics(), ...memberMetrics(measures), ...processMetrics(delay)]);
  }

  report(): MemberReport {
    const { doors } = this;
    const { member, mode, storage, wall } = this.#options;
    return memberReport({
      member,
      mode,
      doors,
      snapshotBytes: storage.snapshotBytes,
      uptimeMs: wall() - this.#startedAt,
    });
  }

  /** Clients can write by every door. */
  get isReady(): boolean {
    return this.doors.every(({ door }) => {
      const { serving, readOnly } = door.report();
      return serving && !readOnly;
    });
  }

  get operator(): OperatorPages | null {
    return this.#options.operator;
  }

  /** The names of this member: those that its settings say, and the hosts of the ensemble as it is now. */
  readonly hosts = (): readonly string[] | "all" => {
    const { hosts, member } = this.#options;
    if (hosts === "all") return hosts;
    const members = membersDescribed(member.status.configuration.members);
    const hostsOf = ({ peers, doors }: Member) => [
      ...peers.map(({ host }) => host),
      ...doors.flatMap(({ plain, secure }) => [plain?.host ?? "", secure?.host ?? ""]),
    ];
    return [...hosts, ...members.flatMap(hostsOf)];
  };

  /** A name that several doors measure is told once, with a sample for each; those after the first say which they are. */
  #doorMetrics(): readonly Metric[] {
    const byName = new Map<string, Metric>();
    for (const { kind, ports, door } of this.#options.doors) {
      for (const metric of door.metrics()) {
        const known = byName.get(metric.name);
        const labels = { door: `${kind} ${ports.join(" ")}` };
        const samples = metric.samples.map((sample) => ({ ...sample, labels: { ...sample.labels, ...labels } }));
        if (known === undefined) byName.set(metric.name, metric);
        else byName.set(metric.name, { ...known, samples: [...known.samples, ...samples] });
      }
    }
    return [...byName.values()];
  }

  #onStatusChange(): void {
    const { leader, term, hasQuorum, diskFull } = this.#options.member.status;
    if (leader !== null && (leader !== this.#leader || term !== this.#term)) {
      this.#leaderChanges += 1;
      this.events.add("leader", `member ${leader} leads, in term ${term}`);
    }
    if (leader !== null) this.#term = term;
    this.#leader = leader;
    if (hasQuorum !== this.#hasQuorum) this.events.add("quorum", hasQuorum ? "there is a quorum" : "no quorum");
    this.#hasQuorum = hasQuorum;
    if (diskFull !== this.#isDiskFull)
      this.events.add("disk", diskFull ? "the disk is full" : "the disk has room again");
    this.#isDiskFull = diskFull;
  }
}
