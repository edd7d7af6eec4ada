// The operations by which a client proves who it is. They are about the connection itself, which carries them out: see
// `credentials.ts`.

import { OPCODE } from "../codec/opcodes.ts";
import type { ConnectionOperation } from "./operation.ts";

export const auth: ConnectionOperation = { kind: "auth", opcode: OPCODE.auth, name: "auth", abbreviation: "AUTH" };
export const sasl: ConnectionOperation = { kind: "sasl", opcode: OPCODE.sasl, name: "sasl", abbreviation: "SASL" };
