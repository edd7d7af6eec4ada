// A member of this tree's build with the echo door and its model besides, from a zoo.cfg. Its echo port stands in `echo-port`
// beside that file.

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createLogger } from "../../src/cli/logger.ts";
import { loadConfiguration } from "../../src/server/configuration/load.ts";
import { DOORS } from "../../src/server/doors.ts";
import { runMember } from "../../src/server/member.ts";
import { ECHO_DOOR } from "../doors/echo/door.ts";
import { ECHO_MODEL_FACTORY } from "../doors/echo/model.ts";
import { freePort } from "../support/ports.ts";

export async function runEchoMember(file: string): Promise<void> {
  const log = createLogger({ level: undefined, format: undefined });
  try {
    const { configuration } = loadConfiguration({ file, environment: {}, flags: [] });
    const port = await freePort();
    const [zooKeeper] = configuration.doors;
    const listen = { ...zooKeeper!.listen, plain: { host: "127.0.0.1", port }, secure: null };
    const echo = { name: "echo", kind: "echo", listen, settings: { prefix: "" } };
    const running = await runMember({ ...configuration, doors: [...configuration.doors, echo] }, log, {
      doorKinds: [...DOORS, ECHO_DOOR],
      models: [ECHO_MODEL_FACTORY],
    });
    writeFileSync(join(dirname(file), "echo-port"), String(port));
    process.on("SIGTERM", () => void running.stop().then(() => process.exit(0)));
    const error = await running.ended;
    if (error !== null) throw error;
  } catch (error) {
    log.error((error as Error).message);
    process.exit(1);
  }
}
