// The same objects, whose calls let virtual time pass while they are awaited. Each object that a call gives is such an object too, also
// one in a list or a Map.

import type { TimeDriver } from "./time-driver.ts";

export class TrackedCalls {
  readonly #driver: TimeDriver;
  /** From an object to its wrapper, and back. */
  readonly #wrappers = new WeakMap<object, object>();
  readonly #originals = new WeakMap<object, object>();

  constructor(driver: TimeDriver) {
    this.#driver = driver;
  }

  wrap<T>(value: T): T {
    if (Array.isArray(value)) return this.#wrapList(value) as T;
    if (value instanceof Map) return this.#wrapMap(value) as T;
    if (!isWrapped(value) || this.#originals.has(value)) return value;
    let wrapper = this.#wrappers.get(value);
    if (wrapper === undefined) {
      wrapper = new Proxy(value, this.#handlerOf());
      this.#wrappers.set(value, wrapper);
      this.#originals.set(wrapper, value);
    }
    return wrapper as T;
  }

  /** The list itself where it holds nothing to wrap, else a copy. */
  #wrapList(list: readonly unknown[]): readonly unknown[] {
    const wrapped = list.map((item) => this.wrap(item));
    return wrapped.some((item, at) => item !== list[at]) ? wrapped : list;
  }

  /** As `#wrapList`, for the values: what the platform looks into by itself cannot be a proxy. */
  #wrapMap(map: ReadonlyMap<unknown, unknown>): ReadonlyMap<unknown, unknown> {
    const wrapped = new Map([...map].map(([key, value]) => [key, this.wrap(value)]));
    return [...map].some(([key, value]) => wrapped.get(key) !== value) ? wrapped : map;
  }

  #unwrap(arg: unknown): unknown {
    if (Array.isArray(arg) && arg.some((item) => this.#originals.has(item as object))) {
      return arg.map((item) => this.#unwrap(item));
    }
    return this.#originals.get(arg as object) ?? arg;
  }

  #handlerOf(): ProxyHandler<object> {
    const methods = new Map<string | symbol, unknown>();
    return {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === "constructor") return value;
        if (typeof value !== "function") return this.wrap(value);
        let method = methods.get(name);
        if (method === undefined) {
          method = (...args: unknown[]) => this.#call(target, name, args);
          methods.set(name, method);
        }
        return method;
      },
      set: (target, name, value) => Reflect.set(target, name, value, target),
    };
  }

  /** Objects of this cluster that are given to a call are given as they are: their own class looks into them. */
  #call(target: object, name: string | symbol, args: readonly unknown[]): unknown {
    const method = Reflect.get(target, name, target) as (...args: unknown[]) => unknown;
    const given = args.map((arg) => this.#unwrap(arg));
    const result = Reflect.apply(method, target, given);
    if (!(result instanceof Promise)) return this.wrap(result);
    const told = typeof name === "symbol" ? (name.description ?? "") : name;
    const wrapped = result.then((value) => this.#wrapResult(value));
    return this.#driver.track(wrapped, `${target.constructor.name}.${told}`);
  }

  /** Of an iterator's step, what it brings. */
  #wrapResult(value: unknown): unknown {
    if (typeof value === "object" && value !== null && "done" in value && "value" in value) {
      return { done: value.done, value: this.wrap(value.value) };
    }
    return this.wrap(value);
  }
}

/** Objects with methods of their own; not data, and not what the platform looks into by itself. */
function isWrapped(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof EventTarget || value instanceof Error || value instanceof Promise) return false;
  if (Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== null && Object.getPrototypeOf(prototype) !== null;
}
