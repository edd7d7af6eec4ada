// What the kernel counts for a running process: how much memory it takes. Linux only, as is the generator.
import { readFileSync } from "node:fs";
import type { Ensemble } from "./ensemble.ts";

/** Peak resident memory of each member, in MB. */
export function peakMemory(ensemble: Ensemble): number[] {
  return ensemble.members.map((member) => memoryOf(member.pid, "VmHWM"));
}

/** Resident memory of a process in MB (10⁶ bytes): the present one (VmRSS) or the peak (VmHWM). */
export function memoryOf(pid: number | undefined, which: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(new RegExp(`${which}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6;
}
