// The check for a supported version of Node, before anything is loaded that an older one could not read.

const NEEDED = [20, 19] as const;

/** Null: this version will do. */
export function whyTooOld(version: string): string | null {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [neededMajor, neededMinor] = NEEDED;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return null;
  return `this is Node ${version}, and Node ${neededMajor}.${neededMinor} or newer is needed`;
}
