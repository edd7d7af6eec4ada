// An instance of a service, and how it is written on the servers: the JSON of Curator's ServiceInstance, and a weight, which
// Curator ignores.

import { CoordinationError } from "../base/errors.ts";
import { bytesOf, textOf } from "./bytes.ts";
import type { EntryView } from "./engine.ts";

export type ServiceMeta = Readonly<Record<string, unknown>>;

export interface ServiceInstance<Meta extends ServiceMeta = ServiceMeta> {
  /** The service's name. */
  readonly name: string;
  readonly id: string;
  readonly address: string | null;
  readonly port: number | null;
  /** The port for TLS, if it is another. */
  readonly sslPort: number | null;
  /** Other data for callers: Curator's payload, where that is an object. */
  readonly meta: Meta;
  /** Curator's payload, as it is. */
  readonly payload: unknown;
  /** Its share of the calls with the strategy "weighted"; 1 unless given. */
  readonly weight: number;
  /** False: it is registered, and takes no calls. */
  readonly enabled: boolean;
  /** Milliseconds since 1970, by its own clock. */
  readonly registeredAt: number;
  /** Changes, and grows, each time that it is entered. */
  readonly token: bigint;
}

/** The details of an instance. */
export interface InstanceDetails<Meta extends ServiceMeta = ServiceMeta> {
  readonly address: string;
  readonly port?: number | null | undefined;
  readonly sslPort?: number | null | undefined;
  readonly meta?: Meta | undefined;
  readonly weight?: number | undefined;
  readonly enabled?: boolean | undefined;
}

export interface InstanceRecord extends InstanceDetails {
  readonly name: string;
  readonly id: string;
  readonly registeredAt: number;
}

/** Throws ("rejected") for an impossible detail, and says which. */
export function writeInstance(record: InstanceRecord): Uint8Array {
  const { name, id, address, port = null, sslPort = null, meta, weight = 1, enabled = true, registeredAt } = record;
  const what = `instance ${JSON.stringify(id)} of service ${JSON.stringify(name)}`;
  const check = (isRight: boolean, rule: string, value: unknown) => {
    if (isRight) return;
    throw new CoordinationError("rejected", "not-applied", `${what}: ${rule}, not ${String(value)}`);
  };
  const isPort = (value: unknown) =>
    value === null || (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffff);
  check(typeof address === "string" && address !== "", "address is a name or an address", JSON.stringify(address));
  check(isPort(port), "port is a whole number from 0 to 65535", port);
  check(isPort(sslPort), "sslPort is a whole number from 0 to 65535", sslPort);
  check(Number.isFinite(weight) && weight >= 0, "weight is a number from 0", weight);
  check(typeof enabled === "boolean", "enabled is true or false", enabled);
  check(meta === undefined || isObject(meta), "meta is an object", meta);
  const fields = {
    name,
    id,
    address,
    port,
    sslPort,
    payload: meta ?? null,
    registrationTimeUTC: registeredAt,
    serviceType: "DYNAMIC",
    uriSpec: null,
    enabled,
    ...(weight === 1 ? {} : { weight }),
  };
  try {
    return bytesOf(JSON.stringify(fields));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CoordinationError("rejected", "not-applied", `${what}: meta is no JSON: ${why}`, { cause: error });
  }
}

/** Null: the entry is not an instance. Missing details get Curator's defaults. */
export function readInstance({ name: entry, data, token }: EntryView): ServiceInstance | null {
  let fields: unknown;
  try {
    fields = JSON.parse(textOf(data));
  } catch {
    return null;
  }
  if (!isObject(fields)) return null;
  const { name, id, address, port, sslPort, payload = null, registrationTimeUTC, enabled, weight } = fields;
  return {
    name: typeof name === "string" ? name : "",
    id: typeof id === "string" ? id : entry,
    address: typeof address === "string" ? address : null,
    port: typeof port === "number" ? port : null,
    sslPort: typeof sslPort === "number" ? sslPort : null,
    meta: isObject(payload) ? withoutClass(payload) : {},
    payload,
    weight: typeof weight === "number" && weight >= 0 ? weight : 1,
    enabled: enabled !== false,
    registeredAt: typeof registrationTimeUTC === "number" ? registrationTimeUTC : 0,
    token,
  };
}

/** Removes the name of the payload's Java class. */
function withoutClass(payload: Readonly<Record<string, unknown>>): ServiceMeta {
  const { "@class": _, ...meta } = payload;
  return meta;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
