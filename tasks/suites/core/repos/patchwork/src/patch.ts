import { type Change, diffSequences } from './myers.ts';
import { splitLines } from './text.ts';

export type HunkLineKind = 'context' | 'delete' | 'insert';

export interface HunkLine {
  readonly kind: HunkLineKind;
  /** The line with its terminator; without one, it ends a text that does not end in a newline. */
  readonly text: string;
}

/** Changes that lie close together, with the lines around them. */
export interface Hunk {
  /** The 1-based number of the first line of the hunk in the old text. */
  readonly oldStart: number;
  /** The 1-based number of the first line of the hunk in the new text. */
  readonly newStart: number;
  readonly lines: readonly HunkLine[];
}

/** The changes to one file. A path is `null` where the file does not exist. */
export interface FilePatch {
  readonly oldPath: string | null;
  readonly newPath: string | null;
  readonly hunks: readonly Hunk[];
}

export interface PatchInput {
  readonly oldPath: string | null;
  readonly newPath: string | null;
  readonly oldText: string;
  readonly newText: string;
}

export interface PatchOptions {
  /** How many unchanged lines to keep around changes; 3 unless given. */
  readonly context?: number;
}

/** The patch from one text to another. Equal texts give a patch without hunks. */
export function createPatch(input: PatchInput, { context = 3 }: PatchOptions = {}): FilePatch {
  if (!Number.isInteger(context) || context < 0) {
    throw new RangeError(`context must be an integer from 0, got ${context}`);
  }
  const oldLines = splitLines(input.oldText);
  const newLines = splitLines(input.newText);
  const groups = groupChanges(diffSequences(oldLines, newLines), context);
  const hunks = groups.map((group) => buildHunk(group, oldLines, newLines, context));
  return { oldPath: input.oldPath, newPath: input.newPath, hunks };
}

/** The patch that undoes `patch`. */
export function reversePatch(patch: FilePatch): FilePatch {
  return {
    oldPath: patch.newPath,
    newPath: patch.oldPath,
    hunks: patch.hunks.map((hunk) => ({
      oldStart: hunk.newStart,
      newStart: hunk.oldStart,
      lines: deletionsFirst(hunk.lines.map(reverseLine)),
    })),
  };
}

/** How many lines of the old text the hunk covers. */
export function oldLength(hunk: Hunk): number {
  return hunk.lines.filter((line) => line.kind !== 'insert').length;
}

/** How many lines of the new text the hunk covers. */
export function newLength(hunk: Hunk): number {
  return hunk.lines.filter((line) => line.kind !== 'delete').length;
}

type ChangeGroup = readonly [Change, ...Change[]];

/** Puts changes together whose context would overlap or touch. */
function groupChanges(changes: readonly Change[], context: number): ChangeGroup[] {
  const groups: [Change, ...Change[]][] = [];
  let end = -Infinity;
  for (const change of changes) {
    const group = groups.at(-1);
    if (group !== undefined && change.aStart - end <= 2 * context) group.push(change);
    else groups.push([change]);
    end = change.aEnd;
  }
  return groups;
}

function buildHunk(
  group: ChangeGroup,
  oldLines: readonly string[],
  newLines: readonly string[],
  context: number,
): Hunk {
  const [first] = group;
  const last = group.at(-1) ?? first;
  const leading = Math.min(context, first.aStart);
  const lines: HunkLine[] = [];
  const push = (kind: HunkLineKind, texts: readonly string[]): void => {
    for (const text of texts) lines.push({ kind, text });
  };

  let position = first.aStart - leading;
  for (const change of group) {
    push('context', oldLines.slice(position, change.aStart));
    push('delete', oldLines.slice(change.aStart, change.aEnd));
    push('insert', newLines.slice(change.bStart, change.bEnd));
    position = change.aEnd;
  }
  push('context', oldLines.slice(last.aEnd, last.aEnd + context));
  return {
    oldStart: first.aStart - leading + 1,
    newStart: first.bStart - leading + 1,
    lines,
  };
}

function reverseLine({ kind, text }: HunkLine): HunkLine {
  if (kind === 'context') return { kind, text };
  return { kind: kind === 'delete' ? 'insert' : 'delete', text };
}

/** Restores the order of a hunk's lines: in each run of changed ones, deletions come first. */
function deletionsFirst(lines: readonly HunkLine[]): HunkLine[] {
  const ordered: HunkLine[] = [];
  let insertions: HunkLine[] = [];
  for (const line of lines) {
    if (line.kind === 'insert') {
      insertions.push(line);
      continue;
    }
    if (line.kind === 'context') {
      ordered.push(...insertions);
      insertions = [];
    }
    ordered.push(line);
  }
  return [...ordered, ...insertions];
}
