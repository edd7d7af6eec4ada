// Metrics of the Node process under the names of the usual exporter: event-loop delay, heap, descriptors.

import { readdirSync, readFileSync } from "node:fs";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { counter, gauge, type Metric } from "../base/metrics.ts";

const RESOLUTION_MS = 10;

/**
 * How late the event loop is. Each reader has one of its own, which tells of the time since its last reading: members of one
 * process, and the readers of one member, do not take each other's figures away.
 */
export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** Seconds, since the last reading. */
  read(): { readonly p50: number; readonly p99: number; readonly max: number } {
    const histogram = this.#histogram;
    const [p50, p99, max] = [late(histogram.percentile(50)), late(histogram.percentile(99)), late(histogram.max)];
    histogram.reset();
    return { p50, p99, max };
  }

  close(): void {
    this.#histogram.disable();
  }
}

/** The histogram counts from one timer to the next: what is beyond the timer's own interval is delay. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3) || 0;
}

export function processMetrics(delay: EventLoopDelay): Metric[] {
  const lag = delay.read();
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const metrics: Metric[] = [
    gauge("nodejs_eventloop_lag_p50_seconds", "Median delay of the event loop", lag.p50),
    gauge("nodejs_eventloop_lag_p99_seconds", "99th percentile of the event loop's delay", lag.p99),
    gauge("nodejs_eventloop_lag_max_seconds", "Longest delay of the event loop", lag.max),
    gauge("nodejs_heap_size_total_bytes", "Size of the heap", memory.heapTotal),
    gauge("nodejs_heap_size_used_bytes", "Bytes of the heap in use", memory.heapUsed),
    gauge("nodejs_external_memory_bytes", "Memory outside of the heap", memory.external),
    gauge("nodejs_active_resources_total", "Handles and requests that keep the process alive", activeResources()),
    {
      name: "nodejs_version_info",
      kind: "gauge",
      help: "Always 1; the label says which Node this is",
      samples: [{ value: 1, labels: { version: process.version } }],
    },
    gauge("process_resident_memory_bytes", "Resident memory", memory.rss),
    ...memoryAsJava(memory),
    counter("process_cpu_seconds_total", "Processor time", (cpu.user + cpu.system) / 1e6),
    counter("process_cpu_user_seconds_total", "Processor time of the program", cpu.user / 1e6),
    counter("process_cpu_system_seconds_total", "Processor time of the system for the program", cpu.system / 1e6),
    gauge("process_start_time_seconds", "Start of the process, in seconds since 1970", performance.timeOrigin / 1e3),
  ];
  const open = openDescriptors();
  if (open !== null) metrics.push(gauge("process_open_fds", "Open file descriptors", open));
  const limit = descriptorLimit();
  if (limit !== null) metrics.push(gauge("process_max_fds", "The most file descriptors that may be open", limit));
  const virtual = virtualBytes();
  if (virtual !== null) metrics.push(gauge("process_virtual_memory_bytes", "Virtual memory", virtual));
  return metrics;
}

/** Linux only; null elsewhere. */
function virtualBytes(): number | null {
  try {
    const found = /^VmSize:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return found === undefined ? null : Number(found) * 1024;
  } catch {
    return null;
  }
}

/** Under the names by which ZooKeeper's alert rules and dashboards ask: the heap is V8's, the rest what it has outside. */
function memoryAsJava({ heapUsed, heapTotal, external }: NodeJS.MemoryUsage): Metric[] {
  const byArea = (name: string, help: string, heap: number, nonheap: number): Metric => ({
    name,
    kind: "gauge",
    help,
    samples: [
      { value: heap, labels: { area: "heap" } },
      { value: nonheap, labels: { area: "nonheap" } },
    ],
  });
  return [
    byArea("jvm_memory_bytes_used", "Memory in use", heapUsed, external),
    byArea("jvm_memory_bytes_committed", "Memory taken from the system", heapTotal, external),
    byArea("jvm_memory_bytes_max", "The most that may be used; -1: no limit", getHeapStatistics().heap_size_limit, -1),
  ];
}

function activeResources(): number {
  return process.getActiveResourcesInfo().length;
}

/** Linux only; null elsewhere. */
export function openDescriptors(): number | null {
  try {
    return readdirSync("/proc/self/fd").length - 1; // one of them is the directory being read
  } catch {
    return null;
  }
}

let limit: number | null | undefined;

export function descriptorLimit(): number | null {
  if (limit !== undefined) return limit;
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    limit = found === undefined ? null : Number(found);
  } catch {
    limit = null;
  }
  return limit;
}
