import {
  findAll,
  isKind,
  parse,
  type BinaryExpr,
  type CallExpr,
  type Expr,
  type LambdaExpr,
  type LetExpr,
  type MemberExpr,
  type NodeKind,
  type NodeOf,
  type UnaryExpr,
} from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const single: Equal<NodeOf<'call'>, CallExpr> = true;
export const several: Equal<NodeOf<'unary' | 'binary'>, UnaryExpr | BinaryExpr> = true;
export const every: Equal<NodeOf<NodeKind>, Expr> = true;
// @ts-expect-error no such kind
export type Unknown = NodeOf<'ternary'>;

const tree = parse('a.b(1)');

export function narrows(expr: Expr): void {
  if (isKind(expr, 'let', 'lambda')) {
    const inside: Equal<typeof expr, LetExpr | LambdaExpr> = true;
    void [inside, expr.body];
    if (isKind(expr, 'let')) {
      const further: Equal<typeof expr, LetExpr> = true;
      void [further, expr.name];
    } else {
      const rest: Equal<typeof expr, LambdaExpr> = true;
      void [rest, expr.params];
    }
  } else {
    const outside: Equal<typeof expr, Exclude<Expr, LetExpr | LambdaExpr>> = true;
    void outside;
  }
}

const picked = [tree].filter((node) => isKind(node, 'call'));
export const pickedIsNarrow: Equal<typeof picked, CallExpr[]> = true;

const calls = findAll(tree, 'call');
export const callsAreCalls: Equal<typeof calls, CallExpr[]> = true;

const links = findAll(tree, 'call', 'member');
export const linksAreUnion: Equal<typeof links, (CallExpr | MemberExpr)[]> = true;

const kinds = findAll(tree, 'call', 'member').map((node) => node.kind);
export const kindsAreUnion: Equal<typeof kinds, ('call' | 'member')[]> = true;

// @ts-expect-error no such kind
isKind(tree, 'ternary');

// @ts-expect-error no such kind
findAll(tree, 'call', 'ternary');

// @ts-expect-error calls have no `property`
findAll(tree, 'call').map((node) => node.property);
