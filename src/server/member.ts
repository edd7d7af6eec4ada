// One whole member of the server: storage, replica, peers and protocols, wired from its configuration. (Contract; being
// filled in.)

import type { Logger } from "../replica/logger.ts";
import type { Member } from "../replica/member.ts";
import type { ServerConfiguration } from "./configuration/configuration.ts";

export interface RunningMember {
  readonly member: Member;
  stop(options?: { readonly transferLeadership?: boolean }): Promise<void>;
  /** Settles when the member has ended: null if it was asked to, else what ended it. */
  readonly ended: Promise<Error | null>;
}

export declare function startMember(configuration: ServerConfiguration, log: Logger): Promise<RunningMember>;
