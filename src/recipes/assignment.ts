// Assignment of items to members: the same for everyone who knows the same members, even, and with few moves when a member comes
// or goes. Each item ranks the members by a hash of the two names (rendezvous hashing). The best pairs come first, and nobody gets
// more than an even part.

/** From item to member. */
export type Assignment = ReadonlyMap<string, string>;

/** The members' numbers of items differ by one at most. Without members nothing is assigned. */
export function assignEvenly(items: readonly string[], members: readonly string[]): Assignment {
  const assignment = new Map<string, string>();
  if (members.length === 0) return assignment;
  const pairs = items.flatMap((item) => members.map((member) => ({ item, member, rank: hash(`${item}\n${member}`) })));
  pairs.sort((a, b) => b.rank - a.rank || compare(a.item, b.item) || compare(a.member, b.member));
  const each = Math.floor(items.length / members.length);
  let extras = items.length % members.length;
  const counts = new Map<string, number>();
  for (const { item, member } of pairs) {
    if (assignment.has(item)) continue;
    const count = counts.get(member) ?? 0;
    const isExtra = count === each;
    if (count > each || (isExtra && extras === 0)) continue;
    if (isExtra) extras -= 1;
    counts.set(member, count + 1);
    assignment.set(item, member);
  }
  return assignment;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** FNV-1a over the code units, then mixed as MurmurHash3 ends, so that names that differ in one digit rank differently. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
