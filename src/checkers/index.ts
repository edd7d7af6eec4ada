/**
 * Checkers as a library: whether a recorded history of concurrent operations is linearizable.
 *
 * @example
 * ```ts
 * import { checkLinearizable, parseHistory } from "cabildo/checkers";
 *
 * declare const text: string; // a history in the format of docs/checking.md
 * const { model, operations } = parseHistory(text);
 * console.log(checkLinearizable(model, operations).verdict); // linearizable, violated or undecided
 * ```
 *
 * @module cabildo/checkers
 */

export { type DrawingOptions, drawHistory } from "./drawing/page.ts";
export { explainCheck } from "./explanation.ts";
export { formatHistory, HISTORY_VERSION, type History, HistoryError, MODEL_NAMES, parseHistory } from "./history.ts";
export {
  type Check,
  type CheckFigures,
  type CheckOptions,
  checkLinearizable,
  type Linearizable,
  type Undecided,
  type Violated,
  type Violation,
} from "./linearizability.ts";
export type { Answered, Model, Operation, Unanswered } from "./model.ts";
export { type LockInput, type LockOutput, type LockState, lock } from "./models/lock.ts";
export {
  type RegisterInput,
  type RegisterOutput,
  type RegisterState,
  register,
  type Value,
} from "./models/register.ts";
export { type ZnodeInput, type ZnodeOutput, type ZnodeRejection, type ZnodeState, znode } from "./models/znode.ts";
