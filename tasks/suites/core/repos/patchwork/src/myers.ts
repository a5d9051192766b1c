/**
 * The greedy difference algorithm of Eugene W. Myers, "An O(ND) Difference Algorithm and Its
 * Variations" (1986). `a` runs along x and `b` along y; diagonal k is where x - y = k.
 */

/** `a[aStart, aEnd)` is replaced by `b[bStart, bEnd)`; at most one of them is empty. */
export interface Change {
  readonly aStart: number;
  readonly aEnd: number;
  readonly bStart: number;
  readonly bEnd: number;
}

/**
 * The fewest deletions and insertions that turn `a` into `b`, as changes in order. Between
 * two changes there is always at least one common element.
 */
export function diffSequences<T>(
  a: readonly T[],
  b: readonly T[],
  same: (x: T, y: T) => boolean = Object.is,
): Change[] {
  const shorter = Math.min(a.length, b.length);
  let prefix = 0;
  while (prefix < shorter && same(a[prefix] as T, b[prefix] as T)) prefix += 1;
  let suffix = 0;
  while (
    suffix < shorter - prefix &&
    same(a[a.length - 1 - suffix] as T, b[b.length - 1 - suffix] as T)
  ) {
    suffix += 1;
  }
  const changes = joinSteps(
    shortestScript(
      a.slice(prefix, a.length - suffix),
      b.slice(prefix, b.length - suffix),
      same,
    ),
  );
  return changes.map((change) => ({
    aStart: change.aStart + prefix,
    aEnd: change.aEnd + prefix,
    bStart: change.bStart + prefix,
    bEnd: change.bEnd + prefix,
  }));
}

/** One deletion of `a[x]`, or one insertion of `b[y]` before `a[x]`. */
interface Step {
  readonly x: number;
  readonly y: number;
  readonly deletes: boolean;
}

function shortestScript<T>(
  a: readonly T[],
  b: readonly T[],
  same: (x: T, y: T) => boolean,
): Step[] {
  const frontiers = explore(a, b, same);
  const steps: Step[] = [];
  let x = a.length;
  let y = b.length;
  for (let depth = frontiers.length - 1; depth > 0; depth -= 1) {
    const before = frontiers[depth - 1] ?? new Int32Array();
    const diagonal = x - y;
    const inserts = comesFromAbove(before, diagonal, depth);
    const origin = inserts ? diagonal + 1 : diagonal - 1;
    x = before[origin + depth - 1] ?? 0;
    y = x - origin;
    steps.push({ x, y, deletes: !inserts });
  }
  return steps.reverse();
}

/**
 * The furthest x reached on each diagonal, for each number of steps until the end is reached.
 * The entry for diagonal k after d steps is at index k + d.
 */
function explore<T>(
  a: readonly T[],
  b: readonly T[],
  same: (x: T, y: T) => boolean,
): Int32Array[] {
  const frontiers: Int32Array[] = [];
  let before = new Int32Array();
  for (let depth = 0; ; depth += 1) {
    const frontier = new Int32Array(2 * depth + 1);
    frontiers.push(frontier);
    for (let diagonal = -depth; diagonal <= depth; diagonal += 2) {
      let x = 0;
      if (depth > 0) {
        x = comesFromAbove(before, diagonal, depth)
          ? (before[diagonal + 1 + depth - 1] ?? 0)
          : (before[diagonal - 1 + depth - 1] ?? 0) + 1;
      }
      let y = x - diagonal;
      while (x < a.length && y < b.length && same(a[x] as T, b[y] as T)) {
        x += 1;
        y += 1;
      }
      frontier[diagonal + depth] = x;
      if (x >= a.length && y >= b.length) return frontiers;
    }
    before = frontier;
  }
}

/** Whether the best way to a diagonal after `depth` steps ends with an insertion. */
function comesFromAbove(before: Int32Array, diagonal: number, depth: number): boolean {
  if (diagonal === -depth) return true;
  if (diagonal === depth) return false;
  const left = before[diagonal - 1 + depth - 1] ?? 0;
  const above = before[diagonal + 1 + depth - 1] ?? 0;
  return left < above;
}

function joinSteps(steps: readonly Step[]): Change[] {
  const changes: Change[] = [];
  for (const { x, y, deletes } of steps) {
    const aEnd = deletes ? x + 1 : x;
    const bEnd = deletes ? y : y + 1;
    const last = changes.at(-1);
    if (last !== undefined && last.aEnd === x && last.bEnd === y) {
      changes[changes.length - 1] = { ...last, aEnd, bEnd };
    } else {
      changes.push({ aStart: x, aEnd, bStart: y, bEnd });
    }
  }
  return changes;
}
