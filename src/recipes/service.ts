// Service discovery: instances register where they are, for as long as they live, and callers find them. On ZooKeeper it is
// Curator's ServiceDiscovery: the same places and the same JSON.

import { CoordinationError } from "../base/errors.ts";
import { OPTION, type OptionRules } from "../base/options.ts";
import { ACCESS, type AccessOptions, accessOf } from "./access.ts";
import type { Directory, Engine, EntryView, HasDirectories, ReadOptions } from "./engine.ts";
import { InvalidValueError } from "./errors.ts";
import { freshId } from "./fresh-id.ts";
import { messageOf } from "./handle.ts";
import { checkPlainName } from "./names.ts";
import { checkOptions } from "./options.ts";
import { Provider, type ProviderOptions } from "./provider.ts";
import { Registration, RegistrationHandle, type RegistrationState } from "./registration.ts";
import {
  type InstanceDetails,
  type InstanceRecord,
  readInstance,
  type ServiceInstance,
  type ServiceMeta,
  writeInstance,
} from "./service-instance.ts";
import {
  SCHEMA,
  type SchemaResult,
  type StandardSchema,
  schemaOf,
  showIssues,
  type ValueSchema,
  validated,
} from "./standard-schema.ts";
import { readOnce, type SubscribeOptions, subscribe } from "./subscription.ts";
import { WAIT, type WaitOptions } from "./wait-scope.ts";

export interface RegisterOptions<Meta extends ServiceMeta = ServiceMeta> extends InstanceDetails<Meta>, WaitOptions {
  /** The instance's id; random unless given. Of two instances with one id the second waits until the first is gone. */
  readonly id?: string | undefined;
}

/** This program's instance, until it leaves. */
export interface ServiceRegistration<Meta extends ServiceMeta = ServiceMeta> extends AsyncDisposable {
  readonly id: string;
  readonly state: RegistrationState;
  /** The servers' refusal at the last try to enter again; null when there is none. It is retried. */
  readonly trouble: Error | null;
  /** Changes the given details. Otherwise as a member's `update`. */
  update(changes: Partial<InstanceDetails<Meta>>, options?: WaitOptions): Promise<void>;
  /** Leaves for good. Completes when nobody sees it any more, or its session is over. */
  leave(): Promise<void>;
}

const { any } = OPTION; // checked by `writeInstance`
const DETAILS: OptionRules<InstanceDetails> = {
  address: any,
  port: any,
  sslPort: any,
  meta: any,
  weight: any,
  enabled: any,
};
const REGISTER: OptionRules<RegisterOptions> = { id: any, ...DETAILS, ...WAIT };

export interface ServiceOptions<Meta extends ServiceMeta = ServiceMeta> extends AccessOptions {
  /**
   * Checks the `meta` of what registers (InvalidValueError) and of what is found: any Standard Schema, or a function that returns the
   * value or throws. It must answer at once. An instance whose `meta` does not pass is left out, and the logger is told.
   */
  readonly schema?: ValueSchema<Meta> | undefined;
}

const SERVICE: OptionRules<ServiceOptions> = { schema: SCHEMA, ...ACCESS };

export class Service<Meta extends ServiceMeta = ServiceMeta> {
  readonly name: string;
  readonly #engine: Engine;
  readonly #directory: Directory;
  readonly #what: string;
  readonly #schema: StandardSchema<unknown, Meta> | null;
  /** Entries that are not instances, and of which the logger has been told. */
  #strange: ReadonlySet<bigint> = new Set();

  constructor(engine: Engine & HasDirectories, name: string, options: ServiceOptions<Meta> = {}) {
    this.name = name;
    this.#engine = engine;
    this.#what = `service ${JSON.stringify(name)}`;
    this.#directory = engine.directory("service", name, accessOf(this.#what, options, SERVICE));
    this.#schema = options.schema === undefined ? null : schemaOf(options.schema);
  }

  /**
   * Completes when others see the instance. It stays until it leaves or the connection is closed. After a lost session it is
   * entered again by itself, with its newest details. Fails as waits do, and then leaves nothing.
   */
  async register(options: RegisterOptions<Meta>): Promise<ServiceRegistration<Meta>> {
    checkOptions(this.#what, options, REGISTER);
    const { id: own, signal, timeoutMs, ...details } = options;
    const { runtime } = this.#engine;
    const id = own ?? freshId(runtime.random);
    checkPlainName("instance", id);
    const name = this.name.slice(this.name.lastIndexOf("/") + 1);
    const what = `instance ${JSON.stringify(id)} of ${this.#what}`;
    this.#checkMeta(what, details.meta);
    const record = { name, id, ...details, registeredAt: runtime.wall() };
    const entry = { what, name: id, data: writeInstance(record) };
    const registration = await Registration.enter(this.#engine, this.#directory, entry, { signal, timeoutMs });
    return new RegisteredInstance(registration, record, (meta) => this.#checkMeta(what, meta));
  }

  /** The instances now, sorted by id. */
  async instances(options: WaitOptions = {}): Promise<readonly ServiceInstance<Meta>[]> {
    return this.#read(await readOnce(this.#engine, this.#what, (how) => this.#directory.list(how), options));
  }

  /** The instances, now and after every change. Goes on over lost sessions; ends with the signal. */
  async *watch(options: SubscribeOptions = {}): AsyncGenerator<readonly ServiceInstance<Meta>[], void, void> {
    for await (const views of subscribe(this.#engine, this.#what, (how) => this.#directory.list(how), options)) {
      yield this.#read(views);
    }
  }

  /** For callers: picks the next instance to call. Completes when it has the list, also if the list is empty. */
  provider(options: ProviderOptions<Meta> & WaitOptions = {}): Promise<Provider<Meta>> {
    const source = {
      list: (options: ReadOptions) => this.#directory.list(options),
      read: (views: readonly EntryView[]) => this.#read(views),
    };
    return Provider.open(this.#engine, this.#what, source, options);
  }

  /** An entry that is not an instance is left out, and the logger is told once. */
  #read(views: readonly EntryView[]): readonly ServiceInstance<Meta>[] {
    const strange = new Set<bigint>();
    const instances = views.flatMap((view) => {
      const instance = readInstance(view);
      const { checked, why } = instance === null ? NO_INSTANCE : this.#checked(instance);
      if (checked !== null) return [checked];
      strange.add(view.token);
      if (!this.#strange.has(view.token)) {
        this.#engine.logger.warn(`${this.#what}: ${JSON.stringify(view.name)} ${why}, and is left out`);
      }
      return [];
    });
    this.#strange = strange;
    return instances.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #checked(instance: ServiceInstance): { readonly checked: ServiceInstance<Meta> | null; readonly why: string } {
    if (this.#schema === null) return { checked: instance as ServiceInstance<Meta>, why: "" };
    try {
      const result = validated(this.#schema, instance.meta);
      if (result.issues === undefined) return { checked: { ...instance, meta: result.value }, why: "" };
      return { checked: null, why: `has a meta that does not pass the schema (${showIssues(result.issues)})` };
    } catch (error) {
      return { checked: null, why: `cannot be checked (${messageOf(error)})` };
    }
  }

  #checkMeta(what: string, meta: ServiceMeta | undefined): void {
    if (this.#schema === null) return;
    const { issues } = this.#validated(this.#schema, what, meta ?? {});
    if (issues !== undefined) throw new InvalidValueError(`${what}: meta: ${showIssues(issues)}`, issues);
  }

  #validated(schema: StandardSchema<unknown, Meta>, what: string, meta: ServiceMeta): SchemaResult<Meta> {
    try {
      return validated(schema, meta);
    } catch (error) {
      const why = `meta cannot be checked: ${messageOf(error)}`;
      throw new CoordinationError("rejected", "not-applied", `${what}: ${why}`, { cause: error });
    }
  }
}

const NO_INSTANCE = { checked: null, why: "is no instance" };

class RegisteredInstance extends RegistrationHandle implements ServiceRegistration<never> {
  #record: InstanceRecord;
  readonly #checkMeta: (meta: ServiceMeta | undefined) => void;

  constructor(registration: Registration, record: InstanceRecord, checkMeta: (meta: ServiceMeta | undefined) => void) {
    super(registration);
    this.#record = record;
    this.#checkMeta = checkMeta;
  }

  async update(changes: Partial<InstanceDetails>, options: WaitOptions = {}): Promise<void> {
    checkOptions(`instance ${JSON.stringify(this.id)}`, changes, DETAILS);
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const record = { ...this.#record, ...given };
    if (changes.meta !== undefined) this.#checkMeta(changes.meta);
    const data = writeInstance(record);
    const before = this.#record;
    this.#record = record; // before the answer, so that two concurrent changes of different fields both count
    try {
      await this.put(data, options);
    } catch (error) {
      const isUnknown = error instanceof CoordinationError && error.outcome === "unknown";
      if (this.#record === record && !isUnknown) this.#record = before;
      throw error;
    }
  }
}
