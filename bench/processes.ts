// What the kernel counts for a running process: memory and processor time. Linux only, as is the generator.
import { readFileSync } from "node:fs";
import type { Ensemble } from "../test/support/ensemble.ts";

const ticksPerSecond = 100; // USER_HZ, the same on every Linux that Node runs on

/** Peak resident memory of each member, in MB. */
export function peakMemory(ensemble: Ensemble): number[] {
  return ensemble.members.map((member) => memoryOf(member.pid, "VmHWM"));
}

/** Resident memory of a process in MB (10⁶ bytes): the present one (VmRSS) or the peak (VmHWM). */
export function memoryOf(pid: number | undefined, which: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(new RegExp(`${which}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6;
}

/** Processor seconds used so far by all members together. */
export function cpuSeconds(ensemble: Ensemble): number {
  return ensemble.members.reduce((sum, member) => sum + cpuSecondsOf(member.pid), 0);
}

function cpuSecondsOf(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from the third field on; the name may hold spaces
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
