// This member, the other members, and where each listens: from the `server.N` lines, `myid` and the ports.

import { join } from "node:path";
import { type Endpoint, formatEndpoint } from "../../base/endpoint.ts";
import { MEMBER_ID_MAX, MEMBERS_MAX, parseMemberId } from "../../base/member-id.ts";
import { Complaint } from "../../protocols/setting-kinds.ts";
import type { ConfiguredMember, ServerConfiguration } from "./configuration.ts";
import type { FileReader } from "./files.ts";
import { listenHost, parseServer } from "./servers.ts";
import type { SettingKey } from "./settings.ts";
import type { Values } from "./values.ts";

export type Ensemble = Pick<ServerConfiguration, "id" | "mode" | "members" | "foundWithout"> & {
  readonly plain: Endpoint | null;
  readonly secure: Endpoint | null;
};

export function ensembleOf(values: Values, dataDir: string, files: FileReader): Ensemble {
  const members = configuredMembers(values);
  const voters = members.filter(({ role }) => role === "participant");
  const distributed = values.get("standaloneEnabled") ? voters.length > 1 : members.length > 0;
  if (voters.length === 0 && members.length > 0) {
    values.generalProblem(`all of ${values.wording.members} are observers: at least one must be a participant`);
  }
  if (voters.length === 1 && values.get("standaloneEnabled") && members.length > 1) {
    values.generalProblem(`observers beside one participant need ${values.wording.nameOf("standaloneEnabled")}=false`);
  }
  if (voters.length === 2) values.warnings.push("two participants cannot do without either of them: take three");
  else if (voters.length > 2 && voters.length % 2 === 0) {
    values.warnings.push(
      `${voters.length} participants bear no more failures than ${voters.length - 1}: take an odd number`,
    );
  }
  const id = ownId(values, dataDir, files, distributed);
  const self = members.find((member) => member.id === id) ?? null;
  if (distributed && id !== null && self === null) {
    const listed = members.map((member) => member.id).join(", ");
    const { entryOfMember, ownNumber } = values.wording;
    values.generalProblem(
      `this member is number ${id}, and there is no ${entryOfMember(id)} (only ${listed}): add it, or mend ${ownNumber}`,
    );
  }
  checkRole(values, self);
  return {
    id: id ?? 1,
    mode: distributed ? "ensemble" : "standalone",
    members: distributed ? members : [self ?? standalone(id ?? 1)],
    foundWithout: foundWithout(values, voters, id),
    plain: clientEndpoint(values, "clientPort", "clientPortAddress", self?.client ?? null),
    secure: clientEndpoint(values, "secureClientPort", "secureClientPortAddress", self?.secureClient ?? null),
  };
}

/** Those that are left must be a majority of the participants, this member among them: fewer could decide nothing. */
function foundWithout(values: Values, voters: readonly ConfiguredMember[], self: number | null): number[] {
  const named = values.get("foundWithout");
  const ids = [...new Set(named.map(Number))];
  if (ids.length === 0) return [];
  const unknown = named.filter((text) => !voters.some(({ id }) => String(id) === text));
  const left = voters.filter(({ id }) => !ids.includes(id));
  if (unknown.length > 0) {
    values.problem("foundWithout", `names ${unknown.join(", ")}: only numbers of participants can stand there`);
  } else if (self !== null && ids.includes(self)) {
    values.problem("foundWithout", `names ${self}, which is this member itself`);
  } else if (left.length * 2 <= voters.length) {
    values.problem("foundWithout", `leaves ${left.length} of ${voters.length} participants, and a majority is needed`);
  }
  return ids;
}

function standalone(id: number): ConfiguredMember {
  return { id, role: "participant", addresses: [], client: null, secureClient: null };
}

function configuredMembers(values: Values): ConfiguredMember[] {
  const members: ConfiguredMember[] = [];
  const taken = new Map<string, number>();
  for (const { suffix, given } of values.family("server")) {
    const member = values.parse(given, (text) => parseServer(memberId(suffix), text));
    if (member === null) continue;
    members.push(member);
    const { id } = member;
    for (const { host, peerPort } of member.addresses) {
      const address = `${host}:${peerPort}`;
      const other = taken.get(address);
      if (other !== undefined) {
        const [one, another] = [other, id].map((each) => values.wording.nameOfMember(each));
        values.generalProblem(`${one} and ${another} cannot both be at ${address}`);
      }
      taken.set(address, id);
    }
    if (member.addresses.length > 1 && !values.get("multiAddress.enabled")) {
      const setting = values.wording.nameOf("multiAddress.enabled");
      values.generalProblem(`${given.written} has several addresses, and ${setting} is false`);
    }
  }
  if (members.length > MEMBERS_MAX) {
    values.generalProblem(`${members.length} members are too many: an ensemble has at most ${MEMBERS_MAX}`);
  }
  return members.sort((a, b) => a.id - b.id);
}

function memberId(suffix: string): number {
  const id = parseMemberId(suffix);
  if (id !== null) return id;
  throw new Complaint(`must have a number from 0 to ${MEMBER_ID_MAX} in its name`);
}

/** Flags and environment say who this is, else the file `myid` in the data directory; alone, it need not be said. */
function ownId(values: Values, dataDir: string, files: FileReader, distributed: boolean): number | null {
  const given = values.get("myid");
  if (given !== null) return given;
  const path = join(dataDir, "myid");
  const text = files.read(path);
  if (text === null) {
    if (distributed) values.generalProblem(values.wording.missingNumber(path));
    return null;
  }
  const line = text.split(/\r?\n/)[0]!.trim();
  const id = parseMemberId(line);
  if (id === null) values.problems.push(`${path} must hold a number from 0 to ${MEMBER_ID_MAX}, not "${line}"`);
  return id;
}

function checkRole(values: Values, self: ConfiguredMember | null): void {
  const said = values.get("peerType");
  if (said === null || self === null || said === self.role) return;
  values.warning("peerType", `is ${said}, but server.${self.id} says ${self.role}, which counts`);
}

/** Where clients are served: `clientPort`, or what this member's `server.N` line says; both must agree. */
function clientEndpoint(
  values: Values,
  portKey: "clientPort" | "secureClientPort",
  addressKey: "clientPortAddress" | "secureClientPortAddress",
  listed: Endpoint | null,
): Endpoint | null {
  const port = values.get(portKey);
  const address = values.get(addressKey);
  if (port === null) {
    if (address !== null && listed === null) values.problem(addressKey, `is of no use without ${portKey}`);
    return listed;
  }
  const given: Endpoint = { host: address === null ? null : listenHost(address), port };
  if (listed === null) return given;
  const agrees = listed.port === given.port && (given.host === null || given.host === listed.host);
  if (!agrees) {
    const where: SettingKey = address === null ? portKey : addressKey;
    values.problem(
      where,
      `says ${formatEndpoint(given)}, but this member's server.N line says ${formatEndpoint(listed)}: mend one of them`,
    );
  }
  return listed;
}
