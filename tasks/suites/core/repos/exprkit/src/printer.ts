import type { Expr, Field, LambdaExpr, Param } from './ast.ts';
import { group, indent, joinDocs, LINE, render, SOFT_LINE, type Doc } from './doc.ts';
import { isIdentifier, quote } from './lexer.ts';
import { BINARY_PRECEDENCE, isRightAssociative, PRECEDENCE, precedenceOf } from './precedence.ts';
import { formatType } from './types.ts';

export interface PrintOptions {
  /** The line width in characters that the layout tries to keep; without it everything stays on one line. */
  readonly width?: number;
}

/**
 * The canonical source text of an expression: `parse(print(expr))` has the shape of `expr`. Parentheses stand where
 * the shape needs them, and around every lambda or `let` that is an operand.
 */
export function print(expr: Expr, options: PrintOptions = {}): string {
  return render(group(layout(expr)), options.width ?? Number.POSITIVE_INFINITY);
}

function layout(expr: Expr): Doc {
  switch (expr.kind) {
    case 'number':
      return String(expr.value);
    case 'string':
      return quote(expr.value);
    case 'boolean':
      return String(expr.value);
    case 'null':
      return 'null';
    case 'identifier':
      return expr.name;
    case 'list':
      return sequence('[', expr.elements.map(layout), ']', SOFT_LINE);
    case 'record':
      return sequence('{', expr.fields.map(layoutField), '}', LINE);
    case 'unary':
      return [expr.operator, operand(expr.operand, PRECEDENCE.unary)];
    case 'binary': {
      const precedence = BINARY_PRECEDENCE[expr.operator];
      const right = isRightAssociative(expr.operator);
      return group(
        operand(expr.left, right ? precedence + 1 : precedence),
        ` ${expr.operator}`,
        indent(LINE, operand(expr.right, right ? precedence : precedence + 1)),
      );
    }
    case 'conditional':
      return group(
        operand(expr.test, PRECEDENCE.conditional + 1),
        indent(LINE, '? ', layout(expr.consequent)),
        indent(LINE, ': ', layout(expr.alternate)),
      );
    case 'member':
      return [target(expr.object), '.', expr.property];
    case 'index':
      return [target(expr.object), '[', layout(expr.index), ']'];
    case 'call':
      return [target(expr.callee), sequence('(', expr.args.map(layout), ')', SOFT_LINE)];
    case 'lambda':
      return [layoutParams(expr), ' => ', layout(expr.body)];
    case 'let':
      return group('let ', expr.name, ' = ', layout(expr.value), ' in', LINE, layout(expr.body));
  }
}

/** What stands before `.`, `[` or `(`. A number needs parentheses there, for its dot would be read as a decimal one. */
function target(expr: Expr): Doc {
  return expr.kind === 'number' ? ['(', layout(expr), ')'] : operand(expr, PRECEDENCE.postfix);
}

function operand(expr: Expr, minimum: number): Doc {
  return precedenceOf(expr) < minimum ? ['(', layout(expr), ')'] : layout(expr);
}

function sequence(open: string, items: readonly Doc[], close: string, edge: Doc): Doc {
  if (items.length === 0) return open + close;
  return group(open, indent(edge, joinDocs([',', LINE], items)), edge, close);
}

function layoutField(field: Field): Doc {
  return [isIdentifier(field.name) ? field.name : quote(field.name), ': ', layout(field.value)];
}

function layoutParams({ params }: LambdaExpr): string {
  const [only] = params;
  if (only !== undefined && params.length === 1 && only.annotation === undefined) return only.name;
  return `(${params.map(layoutParam).join(', ')})`;
}

function layoutParam({ name, annotation }: Param): string {
  return annotation === undefined ? name : `${name}: ${formatType(annotation)}`;
}
