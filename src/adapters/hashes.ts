// Hash functions and true random numbers of the platform, behind the interface of base/.

import { createHash, randomBytes } from "node:crypto";
import type { Hashes } from "../base/hashes.ts";

export const systemHashes: Hashes = {
  sha1: (bytes) => createHash("sha1").update(bytes).digest(),
  md5: (bytes) => createHash("md5").update(bytes).digest(),
  randomBytes: (count) => randomBytes(count),
};
