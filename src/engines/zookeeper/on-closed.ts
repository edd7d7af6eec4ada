// The end of an engine, for what was noted of it elsewhere.

import type { ZooKeeperEngine } from "./engine.ts";

export function onClosed(engine: ZooKeeperEngine, strikeOff: () => void): void {
  engine.onStatus(({ kind }) => {
    if (kind === "closed") strikeOff();
  });
}
