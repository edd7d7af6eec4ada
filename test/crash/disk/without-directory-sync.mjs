// Preloaded into a member, for the control: names are never made durable, and it does not know.
import fs from "node:fs";

fs.fsync = (_file, done) => setImmediate(done, null);
