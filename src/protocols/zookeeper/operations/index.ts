// Every operation that clients may ask for, found by its number.

import { OPCODE } from "../codec/opcodes.ts";
import { multi, multiRead } from "./multi.ts";
import type { ConnectionOperation, Operation } from "./operation.ts";
import {
  exists,
  getAcl,
  getAllChildrenNumber,
  getChildren,
  getChildren2,
  getData,
  getEphemerals,
  ping,
  sync,
  whoAmI,
} from "./reads.ts";
import { addWatch, checkWatches, removeWatches, setWatches, setWatches2 } from "./watching.ts";
import {
  closeSession,
  create,
  create2,
  createContainer,
  createTtl,
  reconfig,
  remove,
  setAcl,
  setData,
} from "./writes.ts";

const auth: ConnectionOperation = { kind: "auth", opcode: OPCODE.auth, name: "auth", abbreviation: "AUTH" };
const sasl: ConnectionOperation = { kind: "sasl", opcode: OPCODE.sasl, name: "sasl", abbreviation: "SASL" };

export const OPERATIONS: readonly Operation[] = [
  create,
  remove,
  exists,
  getData,
  setData,
  getAcl,
  setAcl,
  getChildren,
  sync,
  ping,
  getChildren2,
  multi,
  create2,
  reconfig,
  checkWatches,
  removeWatches,
  createContainer,
  createTtl,
  multiRead,
  auth,
  setWatches,
  sasl,
  getEphemerals,
  getAllChildrenNumber,
  setWatches2,
  addWatch,
  whoAmI,
  closeSession,
];

/** Numbers begin at closeSession's. */
const LOWEST = OPCODE.closeSession;
const byOpcode: (Operation | undefined)[] = [];
for (const operation of OPERATIONS) byOpcode[operation.opcode - LOWEST] = operation;

export function operationOf(opcode: number): Operation | undefined {
  return byOpcode[opcode - LOWEST];
}
