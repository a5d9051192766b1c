import { diffSequences } from './myers.ts';
import { findRegions, type Span } from './regions.ts';
import { splitLines } from './text.ts';

/**
 * What happened to a part of the base: nothing, a change by one side, the same change by
 * both, or changes that contradict each other.
 */
export type MergeChunkKind = 'unchanged' | 'ours' | 'theirs' | 'both' | 'conflict';

/** A part of the three texts; joined over all chunks, each of the three is complete. */
export interface MergeChunk {
  readonly kind: MergeChunkKind;
  readonly base: readonly string[];
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

export interface MergeOptions {
  /** `merge` shows the two sides of a conflict, `diff3` also the base between them. */
  readonly style?: 'merge' | 'diff3';
  /** The names behind the conflict markers. */
  readonly labels?: { readonly ours?: string; readonly base?: string; readonly theirs?: string };
}

export interface MergeResult {
  /** The merged text, with markers around conflicts. */
  readonly text: string;
  /** The number of conflicts. */
  readonly conflicts: number;
}

/** Merges the changes that two sides made to a common base. */
export function merge(
  base: string,
  ours: string,
  theirs: string,
  options: MergeOptions = {},
): MergeResult {
  const style = options.style ?? 'merge';
  const chunks = mergeChunks(base, ours, theirs).flatMap((chunk) =>
    // The base cannot be divided between the parts, so where it is shown it stays whole.
    chunk.kind === 'conflict' && style === 'merge' ? narrowConflict(chunk) : [chunk],
  );
  const text = chunks.map((chunk) =>
    chunk.kind === 'conflict' ? formatConflict(chunk, style, options.labels) : resolved(chunk),
  );
  const conflicts = chunks.filter((chunk) => chunk.kind === 'conflict').length;
  return { text: text.join(''), conflicts };
}

/** The chunks of a merge in order, for those who resolve or show conflicts in their own way. */
export function mergeChunks(base: string, ours: string, theirs: string): MergeChunk[] {
  const baseLines = splitLines(base);
  const ourLines = splitLines(ours);
  const theirLines = splitLines(theirs);
  const regions = findRegions(
    diffSequences(baseLines, ourLines),
    diffSequences(baseLines, theirLines),
  );

  const chunks: MergeChunk[] = [];
  const pushUnchanged = (start: number, end: number): void => {
    const lines = baseLines.slice(start, end);
    if (lines.length === 0) return;
    chunks.push({ kind: 'unchanged', base: lines, ours: lines, theirs: lines });
  };
  let position = 0;
  for (const region of regions) {
    pushUnchanged(position, region.base.start);
    chunks.push(
      classify(
        cut(baseLines, region.base),
        cut(ourLines, region.ours),
        cut(theirLines, region.theirs),
      ),
    );
    position = region.base.end;
  }
  pushUnchanged(position, baseLines.length);
  return chunks;
}

function cut(lines: readonly string[], { start, end }: Span): readonly string[] {
  return lines.slice(start, end);
}

function classify(
  base: readonly string[],
  ours: readonly string[],
  theirs: readonly string[],
): MergeChunk {
  let kind: MergeChunkKind = 'conflict';
  if (sameLines(ours, theirs)) kind = 'both';
  else if (sameLines(ours, base)) kind = 'theirs';
  else if (sameLines(theirs, base)) kind = 'ours';
  return { kind, base, ours, theirs };
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}

/** Takes the lines that both sides begin or end with out of a conflict. */
function narrowConflict({ base, ours, theirs }: MergeChunk): MergeChunk[] {
  const shorter = Math.min(ours.length, theirs.length);
  let before = 0;
  while (before < shorter && ours[before] === theirs[before]) before += 1;
  let after = 0;
  while (after < shorter && ours.at(-1 - after) === theirs.at(-1 - after)) after += 1;

  const common = (lines: readonly string[]): MergeChunk[] =>
    lines.length > 0 ? [{ kind: 'both', base: [], ours: lines, theirs: lines }] : [];
  const inner = (lines: readonly string[]): readonly string[] =>
    lines.slice(before, lines.length - after);
  return [
    ...common(ours.slice(0, before)),
    { kind: 'conflict', base, ours: inner(ours), theirs: inner(theirs) },
    ...common(ours.slice(ours.length - after)),
  ];
}

function resolved(chunk: MergeChunk): string {
  return (chunk.kind === 'theirs' ? chunk.theirs : chunk.ours).join('');
}

function formatConflict(
  { base, ours, theirs }: MergeChunk,
  style: 'merge' | 'diff3',
  labels: MergeOptions['labels'] = {},
): string {
  const parts = [
    marker('<', labels.ours ?? 'ours'),
    terminated(ours),
    ...(style === 'diff3' ? [marker('|', labels.base ?? 'base'), terminated(base)] : []),
    marker('='),
    terminated(theirs),
    marker('>', labels.theirs ?? 'theirs'),
  ];
  return parts.join('');
}

function marker(sign: string, label = ''): string {
  return `${`${sign.repeat(7)} ${label}`.trimEnd()}\n`;
}

/** The lines as text that a marker can follow. */
function terminated(lines: readonly string[]): string {
  const text = lines.join('');
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
