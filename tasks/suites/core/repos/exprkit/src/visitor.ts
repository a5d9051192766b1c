import type { Expr, NodeKind } from './ast.ts';

/** One function a node kind; `otherwise` takes the kinds that have none. */
export type Visitor<R> = { readonly [K in NodeKind]?: (node: Expr) => R } & { readonly otherwise?: (node: Expr) => R };

/**
 * Calls the visitor's function for the node's kind and gives its result. It does not descend; a function does that
 * itself where it wants to. Throws a `TypeError` when there is neither a function for the kind nor `otherwise`.
 */
export function visit<R>(expr: Expr, visitor: Visitor<R>): R {
  const handler = visitor[expr.kind] ?? visitor.otherwise;
  if (handler === undefined) throw new TypeError(`the visitor has no function for "${expr.kind}"`);
  return handler(expr);
}

/** The direct sub-expressions, in the order of the text. */
export function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'list':
      return expr.elements;
    case 'record':
      return expr.fields.map((field) => field.value);
    case 'unary':
      return [expr.operand];
    case 'binary':
      return [expr.left, expr.right];
    case 'conditional':
      return [expr.test, expr.consequent, expr.alternate];
    case 'member':
      return [expr.object];
    case 'index':
      return [expr.object, expr.index];
    case 'call':
      return [expr.callee, ...expr.args];
    case 'lambda':
      return [expr.body];
    case 'let':
      return [expr.value, expr.body];
    default:
      return [];
  }
}

/** The node and everything below it, parents first, in the order of the text. */
export function* walk(expr: Expr): Generator<Expr, void> {
  yield expr;
  for (const child of children(expr)) yield* walk(child);
}

/** True when the node is of one of the kinds. */
export function isKind(expr: Expr, ...kinds: readonly NodeKind[]): boolean {
  return kinds.includes(expr.kind);
}

/** Every node of the kinds in the tree, in the order of {@link walk}. */
export function findAll(expr: Expr, ...kinds: readonly NodeKind[]): Expr[] {
  return [...walk(expr)].filter((node) => isKind(node, ...kinds));
}

/** A copy of the tree in which every node, from the leaves up, is replaced by what `rewrite` makes of it. */
export function transform(expr: Expr, rewrite: (node: Expr) => Expr): Expr {
  const inner = (child: Expr): Expr => transform(child, rewrite);
  switch (expr.kind) {
    case 'list':
      return rewrite({ ...expr, elements: expr.elements.map(inner) });
    case 'record':
      return rewrite({ ...expr, fields: expr.fields.map((field) => ({ ...field, value: inner(field.value) })) });
    case 'unary':
      return rewrite({ ...expr, operand: inner(expr.operand) });
    case 'binary':
      return rewrite({ ...expr, left: inner(expr.left), right: inner(expr.right) });
    case 'conditional':
      return rewrite({
        ...expr,
        test: inner(expr.test),
        consequent: inner(expr.consequent),
        alternate: inner(expr.alternate),
      });
    case 'member':
      return rewrite({ ...expr, object: inner(expr.object) });
    case 'index':
      return rewrite({ ...expr, object: inner(expr.object), index: inner(expr.index) });
    case 'call':
      return rewrite({ ...expr, callee: inner(expr.callee), args: expr.args.map(inner) });
    case 'lambda':
      return rewrite({ ...expr, body: inner(expr.body) });
    case 'let':
      return rewrite({ ...expr, value: inner(expr.value), body: inner(expr.body) });
    default:
      return rewrite(expr);
  }
}
