// What writers were told, and whether a member's data agrees. The invariants: what was acknowledged is there; nothing is there
// that nobody asked for; nothing was applied twice; what a client settled stays settled; a session's writes never swap.

export interface Node {
  readonly data: string;
  readonly version: number;
  readonly czxid: number;
}

const shownMax = 60;

/** Everything below the writers' root on one member, by path. */
export type View = ReadonlyMap<string, Node>;

export class Ledger {
  /** Path → data of creates that were acknowledged, or found to be applied after their reply was lost. */
  readonly created = new Map<string, string>();
  /** Creates whose reply was lost and which were then found not to be applied: they must not come later. */
  readonly absent = new Set<string>();
  /** Pipelines cut in the middle: the paths without a reply, in the order asked. Any first part of them may be there. */
  readonly cut: (readonly { path: string; data: string }[])[] = [];
  /** Data of sequential creates whose reply was lost: each may be there once. */
  readonly maybeSequential = new Set<string>();
  /** Counter nodes: their settled content. */
  readonly counters = new Map<string, { data: string; version: number }>();
  /** For each pipeline, the paths in the order asked: their czxids must rise. */
  readonly order = new Map<string, string[]>();
  /** Contradictions that writers met on their way. */
  readonly contradictions: string[] = [];

  get acknowledged(): number {
    let bumps = 0;
    for (const { version } of this.counters.values()) bumps += version;
    return this.created.size + bumps;
  }

  get unknown(): number {
    return this.cut.reduce((sum, pipeline) => sum + pipeline.length, this.maybeSequential.size);
  }
}

/** Every way in which a member's data breaks the invariants; empty when it keeps them. */
export function violations(ledger: Ledger, view: View): string[] {
  return [
    ...ledger.contradictions,
    ...lost(ledger, view),
    ...uninvited(ledger, view),
    ...twice(ledger, view),
    ...unsettled(ledger, view),
    ...swapped(ledger, view),
  ];
}

function lost(ledger: Ledger, view: View): string[] {
  const found: string[] = [];
  for (const [path, data] of ledger.created) {
    const node = view.get(path);
    if (node === undefined) found.push(`lost: ${path} was acknowledged`);
    else if (node.data !== data) found.push(`lost: ${path} holds ${shown(node.data)}, acknowledged was ${shown(data)}`);
  }
  return found;
}

function uninvited(ledger: Ledger, view: View): string[] {
  const cut = new Map(ledger.cut.flat().map(({ path, data }) => [path, data]));
  const found: string[] = [];
  for (const [path, { data }] of view) {
    if (ledger.created.has(path) || ledger.counters.has(path)) continue;
    if (ledger.absent.has(path)) found.push(`late: ${path} was seen not to be there by a client that had re-attached`);
    else if (cut.get(path) !== data && !ledger.maybeSequential.has(data))
      found.push(`uninvited: ${path} holds ${shown(data)}`);
  }
  return found;
}

function twice(ledger: Ledger, view: View): string[] {
  const holders = new Map<string, string>();
  const found: string[] = [];
  for (const [path, { data }] of view) {
    if (ledger.counters.has(path)) continue;
    const other = holders.get(data);
    if (other !== undefined) found.push(`twice: ${shown(data)} stands in ${other} and ${path}`);
    holders.set(data, path);
  }
  return found;
}

function unsettled(ledger: Ledger, view: View): string[] {
  const found: string[] = [];
  for (const [path, settled] of ledger.counters) {
    const node = view.get(path);
    if (node?.data === settled.data && node.version === settled.version) continue;
    found.push(
      `counter: ${path} is ${shown(node?.data)} at version ${node?.version}, ` +
        `settled was ${shown(settled.data)} at version ${settled.version}`,
    );
  }
  return found;
}

function swapped(ledger: Ledger, view: View): string[] {
  const found: string[] = [];
  for (const pipeline of ledger.cut) {
    const gap = pipeline.findIndex(({ path }) => !view.has(path));
    const after = gap < 0 ? undefined : pipeline.slice(gap).find(({ path }) => view.has(path));
    if (after) found.push(`swapped: ${after.path} was applied, ${pipeline[gap]!.path} before it was not`);
  }
  for (const paths of ledger.order.values()) {
    let before: { path: string; czxid: number } | undefined;
    for (const path of paths) {
      const czxid = view.get(path)?.czxid;
      if (czxid === undefined) continue;
      if (before && czxid <= before.czxid) found.push(`swapped: ${path} came into being before ${before.path}`);
      before = { path, czxid };
    }
  }
  return found;
}

/** Large data are told by their beginning. */
function shown(data: string | undefined): string | undefined {
  return data !== undefined && data.length > shownMax
    ? `${data.slice(0, shownMax)}… (${data.length} characters)`
    : data;
}
