// The sections of cabildo.yaml that set up doors: one line for each kind of door. That of ZooKeeper's door is not among them: its
// settings have the names of zoo.cfg too, and stand in `settings.ts`.

import type { DoorSection } from "../../protocols/door-section.ts";

export const DOOR_SECTIONS: readonly DoorSection[] = [];
