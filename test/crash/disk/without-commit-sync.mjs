// Preloaded into a member, for the control: commits of the log are acknowledged without being made durable.
import fs from "node:fs";

fs.fdatasyncSync = () => {};
