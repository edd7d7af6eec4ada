// The faults of programs, and the operator's removals, as the seed decides.

import type { Random } from "../../base/random.ts";
import type { ClientNetwork } from "../../sim/kernel/client-network.ts";
import type { SimulatedEnsemble } from "../../sim/kernel/ensemble.ts";
import { REFUSALS } from "../stage.ts";
import type { Operator } from "./operator.ts";
import type { ProgramFault, RecipeParameters } from "./parameters.ts";
import type { SimulatedProgram } from "./program.ts";
import type { WorkloadContext } from "./workload-context.ts";

export interface ProgramFaultsOptions {
  readonly parameters: RecipeParameters;
  readonly context: WorkloadContext;
  readonly ensemble: SimulatedEnsemble;
  readonly network: ClientNetwork;
  readonly operator: Operator;
  readonly programs: () => readonly SimulatedProgram[];
  /** The number in the network of a program. */
  readonly clientOf: (program: SimulatedProgram) => number;
  /** It was killed, or is closed: another is to be started in its place. */
  readonly onEnded: (program: SimulatedProgram) => void;
}

export class ProgramFaults {
  readonly counts = new Map<ProgramFault, number>();
  readonly #options: ProgramFaultsOptions;
  readonly #random: Random;
  #isOver = false;

  constructor(options: ProgramFaultsOptions) {
    this.#options = options;
    this.#random = options.context.random;
    options.context.remove = (path) => {
      if (this.#isOver || options.parameters.weights["remove-node"] === 0) return;
      options.context.note(`an operator removes ${path} meanwhile`);
      options.operator.remove(path);
    };
    options.context.history.onEphemeral = (path) => this.#onEphemeral(path);
    this.#soon();
  }

  end(): void {
    this.#isOver = true;
  }

  #soon(): void {
    const { parameters, ensemble } = this.#options;
    ensemble.time.after(parameters.faultEveryMs * (0.2 + this.#random.below(1600) / 1000), () => {
      if (this.#isOver) return;
      this.#strike();
      this.#soon();
    });
  }

  #strike(): void {
    const weights = Object.entries(this.#options.parameters.weights) as [ProgramFault, number][];
    const sum = weights.reduce((all, [, weight]) => all + weight, 0);
    let left = this.#random.below(Math.max(1, sum));
    const drawn = weights.find(([, weight]) => {
      left -= weight;
      return left < 0;
    });
    const program = this.#oneOf(this.#options.programs());
    if (drawn === undefined || program === undefined) return;
    const [fault] = drawn;
    const what = this.#carryOut(fault, program);
    if (what === null) return;
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    this.#options.context.note(what);
  }

  #carryOut(fault: ProgramFault, program: SimulatedProgram): string | null {
    const { context, ensemble, network, operator, onEnded, clientOf } = this.#options;
    const { time, members } = ensemble;
    const some = () => context.sessionTimeoutMs * (0.05 + this.#random.below(2000) / 1000);
    switch (fault) {
      case "pause-program": {
        const milliseconds = some();
        program.pause(milliseconds, time.now + milliseconds);
        return `${program.name} is paused for ${Math.round(milliseconds)} ms`;
      }
      case "cut-program":
        program.cut();
        return `${program.name} loses its connection`;
      case "silence-program":
        program.silence();
        time.after(some(), () => program.heal());
        return `${program.name} reaches nobody`;
      case "lose-answer":
        program.loseNextAnswer();
        return `${program.name} loses its next answer`;
      case "refuse-writes": {
        const refusal = this.#oneOf(REFUSALS)!;
        const [from, times] = [1 + this.#random.below(4), 1 + this.#random.below(3)];
        program.refuseWrites(refusal, from, times);
        time.after(some(), () => program.heal());
        return `of the writes of ${program.name} ${times}, from number ${from}, meet ${refusal}`;
      }
      case "lose-route": {
        const member = this.#oneOf(members)!;
        network.cut(clientOf(program), member.id);
        time.after(some(), () => network.join(clientOf(program), member.id));
        return `${program.name} loses its route to member ${member.id}`;
      }
      case "crash-program": {
        const isSilent = this.#random.chance(0.5);
        program.kill(isSilent);
        onEnded(program);
        return `${program.name} is killed${isSilent ? ", with its machine" : ""}`;
      }
      case "close-program":
        program.over.abort();
        void program.close();
        onEnded(program);
        return `${program.name} closes its connection`;
      case "end-session":
        operator.endSessionOf(program);
        return `an operator ends the session of ${program.name}`;
      case "remove-node": {
        const path = this.#oneOf(this.#options.context.history.ephemerals().filter((each) => this.#isOurs(each)));
        if (path === undefined) return null;
        operator.remove(path);
        return `an operator removes ${path}`;
      }
    }
  }

  /** As soon as it is there: nobody may rely on having made it. */
  #onEphemeral(path: string): void {
    const { parameters, context, ensemble, operator } = this.#options;
    if (this.#isOver || !this.#isOurs(path) || !this.#random.chance(parameters.removesAtOnce)) return;
    const afterMs = this.#random.below(100) / 20;
    ensemble.time.after(afterMs, () => {
      if (this.#isOver) return;
      context.note(`an operator removes ${path} at once`);
      operator.remove(path);
    });
  }

  #isOurs(path: string): boolean {
    return path.startsWith(`${this.#options.context.root}/`);
  }

  #oneOf<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.#random.below(list.length)];
  }
}
