/**
 * The unified format, as GNU diff and git write it. What the format says beyond the names of
 * the files and their hunks (times, modes, the text after a hunk's ranges) is not kept.
 */
import {
  type FilePatch,
  type Hunk,
  type HunkLine,
  type HunkLineKind,
  newLength,
  oldLength,
} from './patch.ts';
import { splitLines } from './text.ts';

const NO_FILE = '/dev/null';
const NO_NEWLINE = '\\ No newline at end of file';
const HUNK_HEADER = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
const MARKS: Readonly<Record<HunkLineKind, string>> = { context: ' ', delete: '-', insert: '+' };

/** Thrown by {@link parsePatch}. */
export class PatchSyntaxError extends Error {
  override readonly name = 'PatchSyntaxError';
  /** The 1-based number of the offending line of the patch. */
  readonly line: number;

  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/** Writes a patch; one without hunks is the empty text. */
export function formatPatch(patch: FilePatch): string {
  if (patch.hunks.length === 0) return '';
  const header = `--- ${patch.oldPath ?? NO_FILE}\n+++ ${patch.newPath ?? NO_FILE}\n`;
  return header + patch.hunks.map(formatHunk).join('');
}

function formatHunk(hunk: Hunk): string {
  const oldRange = formatRange(hunk.oldStart, oldLength(hunk));
  const newRange = formatRange(hunk.newStart, newLength(hunk));
  return `@@ -${oldRange} +${newRange} @@\n${hunk.lines.map(formatLine).join('')}`;
}

function formatRange(start: number, length: number): string {
  return length === 1 ? String(start) : `${start},${length}`;
}

function formatLine({ kind, text }: HunkLine): string {
  const line = MARKS[kind] + text;
  return text.endsWith('\n') ? line : `${line}\n${NO_NEWLINE}\n`;
}

/**
 * Reads the patches of all files in `text`. Lines outside of them, such as the `diff` and
 * `index` lines of git, are passed over.
 */
export function parsePatch(text: string): FilePatch[] {
  const lines = splitLines(text);
  const patches: FilePatch[] = [];
  let position = 0;
  while (position < lines.length) {
    if (!startsFile(lines, position)) {
      position += 1;
      continue;
    }
    const oldPath = readPath(lines[position] ?? '');
    const newPath = readPath(lines[position + 1] ?? '');
    const hunks: Hunk[] = [];
    position += 2;
    while (lines[position]?.startsWith('@@') === true) {
      const hunk = readHunk(lines, position);
      hunks.push(hunk.hunk);
      position = hunk.next;
    }
    if (hunks.length === 0) throw new PatchSyntaxError('expected a hunk', position + 1);
    patches.push({ oldPath, newPath, hunks });
  }
  return patches;
}

function startsFile(lines: readonly string[], position: number): boolean {
  return (
    lines[position]?.startsWith('--- ') === true &&
    lines[position + 1]?.startsWith('+++ ') === true
  );
}

/** The path of a `---` or `+++` line; what follows a tab is the time of the file. */
function readPath(line: string): string | null {
  const path = line.slice(4).replace(/\t.*|\r?\n$/s, '');
  return path === NO_FILE ? null : path;
}

function readHunk(lines: readonly string[], start: number): { hunk: Hunk; next: number } {
  const match = HUNK_HEADER.exec(lines[start] ?? '');
  if (match === null) throw new PatchSyntaxError('malformed hunk header', start + 1);
  const [, oldStart = '', oldCount = '1', newStart = '', newCount = '1'] = match;
  let oldLeft = Number(oldCount);
  let newLeft = Number(newCount);

  const body: HunkLine[] = [];
  let position = start + 1;
  while (oldLeft > 0 || newLeft > 0) {
    const line = readLine(lines[position], position);
    if (line.kind !== 'insert') oldLeft -= 1;
    if (line.kind !== 'delete') newLeft -= 1;
    if (oldLeft < 0 || newLeft < 0) {
      throw new PatchSyntaxError('more lines than the hunk header says', position + 1);
    }
    position += 1;
    if (lines[position]?.startsWith('\\') === true) {
      body.push({ ...line, text: line.text.replace(/\n$/, '') });
      position += 1;
    } else {
      body.push(line);
    }
  }
  const hunk = { oldStart: Number(oldStart), newStart: Number(newStart), lines: body };
  return { hunk, next: position };
}

function readLine(line: string | undefined, position: number): HunkLine {
  if (line === undefined) {
    throw new PatchSyntaxError('fewer lines than the hunk header says', position + 1);
  }
  const terminated = line.endsWith('\n') ? line : `${line}\n`;
  const text = terminated.slice(1);
  switch (terminated[0]) {
    case ' ':
      return { kind: 'context', text };
    case '-':
      return { kind: 'delete', text };
    case '+':
      return { kind: 'insert', text };
    case '\n':
    case '\r':
      // Mail and editors strip the blank that marks an empty line of context.
      return { kind: 'context', text: terminated };
    default:
      throw new PatchSyntaxError('expected a line that starts with " ", "-" or "+"', position + 1);
  }
}
