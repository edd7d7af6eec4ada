// Preloaded into a member, for the control: what it writes is never made durable, and it does not know.
import fs from "node:fs";

fs.fdatasync = (_file, done) => setImmediate(done, null);
fs.fdatasyncSync = () => {};
