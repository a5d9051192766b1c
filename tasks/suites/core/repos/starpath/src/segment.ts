/** A piece of a segment of a pattern. */
export type Node = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'star' } | { readonly kind: 'any' } | ClassNode;

export interface ClassNode {
  readonly kind: 'class';
  readonly isNegated: boolean;
  /** For a regular expression, between brackets. */
  readonly members: string;
}

/** Reads one segment of a pattern, which holds no `/`. */
export function parseSegment(segment: string): Node[] {
  const nodes: Node[] = [];
  let text = '';
  const push = (node: Node): void => {
    if (text !== '') nodes.push({ kind: 'text', text });
    text = '';
    nodes.push(node);
  };
  for (let at = 0; at < segment.length; at += 1) {
    const char = segment.charAt(at);
    const found = char === '[' ? readClass(segment, at) : undefined;
    if (char === '\\') {
      at += 1;
      text += segment.charAt(at);
    } else if (char === '*') push({ kind: 'star' });
    else if (char === '?') push({ kind: 'any' });
    else if (found === undefined) text += char;
    else {
      push(found.node);
      at = found.end;
    }
  }
  if (text !== '') nodes.push({ kind: 'text', text });
  return nodes;
}

/** The class that begins at `[`, and where its `]` is; `undefined` if it has none. */
export function readClass(segment: string, open: number): { node: ClassNode; end: number } | undefined {
  const match = /^\[(!?)(\]?(?:\\.|[^\]\\])*)\]/.exec(segment.slice(open));
  if (match === null || match[2] === '') return undefined;
  const [all, not, members = ''] = match;
  return { node: { kind: 'class', isNegated: not === '!', members: members.replaceAll(/\\?([\\\]^[])/g, '\\$1') }, end: open + all.length - 1 };
}
