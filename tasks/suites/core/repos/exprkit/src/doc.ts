/**
 * A small layout language after Wadler's "A prettier printer". A group is printed on one line when it fits the
 * width that is left, else each of its own lines breaks; groups inside it decide for themselves.
 */
export type Doc =
  | string
  | readonly Doc[]
  | { readonly kind: 'line'; readonly flat: string }
  | { readonly kind: 'indent'; readonly content: Doc }
  | { readonly kind: 'group'; readonly content: Doc };

/** A line break, or a space when its group fits. */
export const LINE: Doc = { kind: 'line', flat: ' ' };

/** A line break, or nothing when its group fits. */
export const SOFT_LINE: Doc = { kind: 'line', flat: '' };

export function group(...content: readonly Doc[]): Doc {
  return { kind: 'group', content };
}

export function indent(...content: readonly Doc[]): Doc {
  return { kind: 'indent', content };
}

export function joinDocs(separator: Doc, docs: readonly Doc[]): Doc {
  return docs.flatMap((doc, index) => (index === 0 ? [doc] : [separator, doc]));
}

interface Pending {
  readonly doc: Doc;
  readonly depth: number;
  readonly flat: boolean;
}

/** The text of a document laid out for a line width in characters. */
export function render(doc: Doc, width: number, indentation = '  '): string {
  let output = '';
  let column = 0;
  const pending: Pending[] = [{ doc, depth: 0, flat: false }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { doc: current, depth, flat } = item;
    if (typeof current === 'string') {
      output += current;
      column += current.length;
    } else if (isSequence(current)) {
      for (const part of current.toReversed()) pending.push({ doc: part, depth, flat });
    } else if (current.kind === 'indent') {
      pending.push({ doc: current.content, depth: depth + 1, flat });
    } else if (current.kind === 'group') {
      const fits = flat || column + flatWidth(current.content) + trailingWidth(pending) <= width;
      pending.push({ doc: current.content, depth, flat: fits });
    } else if (flat) {
      output += current.flat;
      column += current.flat.length;
    } else {
      output += `\n${indentation.repeat(depth)}`;
      column = depth * indentation.length;
    }
  }
  return output;
}

/** The width of a document on one line. */
function flatWidth(doc: Doc): number {
  if (typeof doc === 'string') return doc.length;
  if (isSequence(doc)) return doc.reduce<number>((sum, part) => sum + flatWidth(part), 0);
  if (doc.kind === 'line') return doc.flat.length;
  return flatWidth(doc.content);
}

/** The width of what must follow on the same line: plain text up to the next place where a line may break. */
function trailingWidth(pending: readonly Pending[]): number {
  let width = 0;
  for (const { doc } of pending.toReversed()) {
    if (typeof doc !== 'string') break;
    width += doc.length;
  }
  return width;
}

function isSequence(doc: Doc): doc is readonly Doc[] {
  return Array.isArray(doc);
}
