import type { Expr, IdentifierExpr, LambdaExpr, LetExpr, MemberExpr } from './ast.ts';
import { SIGNATURES } from './signatures.ts';
import { children, findAll, visit } from './visitor.ts';

/** The names that the expression takes from outside, builtins included; each once, in the order of first use. */
export function freeVariables(expr: Expr): string[] {
  return [...new Set(freePaths(expr, new Set()).map(([root]) => root))];
}

/**
 * What the expression reads of the host's variables, as dotted paths as long as they are fixed in the text:
 * `user.tags[0]` depends on `user.tags`. Builtins are left out. Each path once, in the order of first use.
 */
export function dependencies(expr: Expr): string[] {
  const paths = freePaths(expr, new Set()).filter(([root]) => !SIGNATURES.has(root));
  return [...new Set(paths.map((path) => path.join('.')))];
}

/** The names of the functions that are called by name, whether builtins or not; each once. */
export function calledFunctions(expr: Expr): string[] {
  const names = findAll(expr, 'call').flatMap((node) =>
    node.kind === 'call' && node.callee.kind === 'identifier' ? [node.callee.name] : [],
  );
  return [...new Set(names)];
}

type Path = readonly [root: string, ...fields: string[]];

function freePaths(expr: Expr, bound: ReadonlySet<string>): Path[] {
  return visit<Path[]>(expr, {
    identifier: (node) => {
      const { name } = node as IdentifierExpr;
      return bound.has(name) ? [] : [[name]];
    },
    member: (node) => {
      const path = pathOf(node as MemberExpr);
      if (path === undefined) return freePaths((node as MemberExpr).object, bound);
      return bound.has(path[0]) ? [] : [path];
    },
    let: (node) => {
      const { name, value, body } = node as LetExpr;
      return [...freePaths(value, bound), ...freePaths(body, new Set([...bound, name]))];
    },
    lambda: (node) => {
      const { params, body } = node as LambdaExpr;
      return freePaths(body, new Set([...bound, ...params.map((param) => param.name)]));
    },
    otherwise: (node) => children(node).flatMap((child) => freePaths(child, bound)),
  });
}

/** The names of a chain of members that starts at an identifier. */
function pathOf(expr: Expr): Path | undefined {
  if (expr.kind === 'identifier') return [expr.name];
  if (expr.kind !== 'member') return undefined;
  const path = pathOf(expr.object);
  return path && [...path, expr.property];
}
