import type { FilePatch, Hunk, HunkLine } from './patch.ts';
import { splitLines } from './text.ts';

export interface ApplyOptions {
  /**
   * How many lines of context at either end of a hunk may be disregarded to make it fit; 2
   * unless given. Less is always tried before more, and one line at least is kept.
   */
  readonly fuzz?: number;
  /** How many lines away from its place a hunk may be applied; any number unless given. */
  readonly maxOffset?: number;
}

/** Where a hunk was applied. */
export interface Placement {
  readonly hunk: Hunk;
  /** How many lines further down than the hunk said; negative for further up. */
  readonly offset: number;
  /** How many lines of context were disregarded at either end. */
  readonly fuzz: number;
}

export interface ApplyResult {
  /** Whether every hunk was applied. */
  readonly ok: boolean;
  /** The text with all hunks that could be applied. */
  readonly text: string;
  readonly placements: readonly Placement[];
  /** The hunks that found no place. */
  readonly rejected: readonly Hunk[];
}

/**
 * Applies a patch to a text. A hunk belongs where its header says, moved by the offset of
 * the hunk before it; when its old lines are not found there, the nearest place is taken
 * where they are, below the hunks already applied. Of two as near, the later one is taken.
 */
export function applyPatch(
  text: string,
  patch: FilePatch,
  { fuzz: maxFuzz = 2, maxOffset = Infinity }: ApplyOptions = {},
): ApplyResult {
  const source = splitLines(text);
  const output: string[] = [];
  const placements: Placement[] = [];
  const rejected: Hunk[] = [];
  let consumed = 0;
  let drift = 0;

  for (const hunk of patch.hunks) {
    const found = locate(hunk, source, { consumed, drift, maxFuzz, maxOffset });
    if (found === undefined) {
      rejected.push(hunk);
      continue;
    }
    output.push(...source.slice(consumed, found.position));
    consumed = found.position;
    for (const line of found.lines) {
      if (line.kind === 'insert') output.push(line.text);
      else if (line.kind === 'context') output.push(source[consumed] ?? '');
      if (line.kind !== 'insert') consumed += 1;
    }
    drift = found.offset;
    placements.push({ hunk, offset: found.offset, fuzz: found.fuzz });
  }

  output.push(...source.slice(consumed));
  return { ok: rejected.length === 0, text: output.join(''), placements, rejected };
}

interface SearchLimits {
  /** The number of lines of the source that are taken already. */
  readonly consumed: number;
  readonly drift: number;
  readonly maxFuzz: number;
  readonly maxOffset: number;
}

interface Location {
  /** The index of the source line where `lines` begin. */
  readonly position: number;
  /** The lines of the hunk without the context that was disregarded. */
  readonly lines: readonly HunkLine[];
  readonly offset: number;
  readonly fuzz: number;
}

function locate(hunk: Hunk, source: readonly string[], limits: SearchLimits): Location | undefined {
  let tried = -1;
  for (let fuzz = 0; fuzz <= limits.maxFuzz; fuzz += 1) {
    const { lines, skipped } = trimContext(hunk.lines, fuzz);
    if (lines.length === tried) break;
    tried = lines.length;

    const wanted = lines.filter((line) => line.kind !== 'insert').map((line) => line.text);
    if (fuzz > 0 && wanted.length === 0) break;
    const stated = hunk.oldStart - 1 + skipped;
    const position = nearestMatch(source, wanted, stated + limits.drift, (candidate) => {
      const offset = Math.abs(candidate - stated);
      return candidate >= limits.consumed && offset <= limits.maxOffset;
    });
    if (position !== undefined) return { position, lines, offset: position - stated, fuzz };
  }
  return undefined;
}

/** Drops up to `fuzz` lines of context at either end. */
function trimContext(
  lines: readonly HunkLine[],
  fuzz: number,
): { lines: readonly HunkLine[]; skipped: number } {
  const first = lines.findIndex((line) => line.kind !== 'context');
  const last = lines.findLastIndex((line) => line.kind !== 'context');
  const skipped = Math.min(fuzz, Math.max(first, 0));
  const dropped = Math.min(fuzz, lines.length - 1 - last);
  return { lines: lines.slice(skipped, lines.length - dropped), skipped };
}

function nearestMatch(
  source: readonly string[],
  wanted: readonly string[],
  origin: number,
  allowed: (position: number) => boolean,
): number | undefined {
  const lastPosition = source.length - wanted.length;
  const reach = Math.max(origin, lastPosition - origin);
  const fits = (position: number): boolean =>
    position >= 0 &&
    position <= lastPosition &&
    allowed(position) &&
    wanted.every((text, index) => source[position + index] === text);
  for (let distance = 0; distance <= reach; distance += 1) {
    if (fits(origin + distance)) return origin + distance;
    if (fits(origin - distance)) return origin - distance;
  }
  return undefined;
}
