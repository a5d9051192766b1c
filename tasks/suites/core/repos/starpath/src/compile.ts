import { parseSegment, type Node } from './segment.ts';

/** A regular expression for one name. */
export function compileSegment(segment: string, dot: boolean): RegExp {
  const nodes = parseSegment(segment);
  const isHidden = nodes[0]?.kind === 'text';
  const start = dot || isHidden ? '' : '(?!\\.)';
  return new RegExp(`^${start}(?=.)${nodes.map(sourceOf).join('')}$`, 's');
}

function sourceOf(node: Node): string {
  switch (node.kind) {
    case 'text':
      return node.text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    case 'star':
      return '.*';
    case 'any':
      return '.';
    case 'class':
      return `[${node.isNegated ? '^' : ''}${node.members}]`;
  }
}
