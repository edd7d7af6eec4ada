// The only thing that virtual time needs from its host: to continue after all pending promises have settled. Node has
// `process.nextTick` for that; a browser posts a message to itself.

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  /** Where the host is Node in disguise: whether the port keeps the process alive. */
  ref?(): void;
  unref?(): void;
}

interface Host {
  readonly process?: { nextTick?(task: () => void): void };
  readonly MessageChannel?: new () => { readonly port1: Port; readonly port2: Port };
}

function hostsWay(): (task: () => void) => void {
  const { process, MessageChannel } = globalThis as unknown as Host;
  const nextTick = process?.nextTick;
  if (nextTick !== undefined) return (task) => nextTick(task);
  if (MessageChannel === undefined) throw new Error("virtual time needs process.nextTick, or MessageChannel");
  const { port1, port2 } = new MessageChannel();
  const tasks: (() => void)[] = [];
  port1.onmessage = () => {
    if (tasks.length === 1) port1.unref?.();
    tasks.shift()?.();
  };
  port1.unref?.();
  return (task) => {
    if (tasks.length === 0) port1.ref?.();
    tasks.push(task);
    port2.postMessage(null);
  };
}

const afterMicrotasks = hostsWay();

/** Completes when everything that hangs on promises kept by now has run to its end. */
export function settled(): Promise<void> {
  return new Promise((resolve) => afterMicrotasks(resolve));
}
