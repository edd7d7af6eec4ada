// The nearest known name to a wrong one, by Damerau–Levenshtein distance (insert, delete, replace, swap two neighbours), if one
// is near enough.

export function nearestName(wrong: string, names: Iterable<string>): string | null {
  const wanted = wrong.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` Did you mean "x"?`, or nothing: to be put behind an error's sentence. */
export function suggestion(wrong: string, names: Iterable<string>): string {
  const nearest = nearestName(wrong, names);
  return nearest === null ? "" : ` Did you mean "${nearest}"?`;
}

/** How many single edits lead from one text to the other; two neighbours swapped count as one. */
export function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, beforePrevious[column - 2]! + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length]!;
}
