import type { BinaryOperator, Expr } from './ast.ts';

/**
 * How tightly each form binds; the parser and the printer share these numbers. `lambda` and `let` reach as far to
 * the right as they can, so the printer puts them in parentheses wherever they are an operand.
 */
export const PRECEDENCE = {
  open: 0,
  conditional: 1,
  unary: 9,
  postfix: 11,
  primary: 12,
} as const;

export const BINARY_PRECEDENCE: Readonly<Record<BinaryOperator, number>> = {
  '??': 2,
  '||': 3,
  '&&': 4,
  '==': 5,
  '!=': 5,
  '<': 6,
  '<=': 6,
  '>': 6,
  '>=': 6,
  '+': 7,
  '-': 7,
  '*': 8,
  '/': 8,
  '%': 8,
  '**': 10,
};

/** `a ** b ** c` is `a ** (b ** c)`; everything else groups to the left. */
export function isRightAssociative(operator: BinaryOperator): boolean {
  return operator === '**';
}

/** The operator that a token's text stands for between two operands, if any. */
export function binaryOperator(text: string): BinaryOperator | undefined {
  return Object.hasOwn(BINARY_PRECEDENCE, text) ? (text as BinaryOperator) : undefined;
}

/** How tightly the outermost form of an expression binds. */
export function precedenceOf(expr: Expr): number {
  switch (expr.kind) {
    case 'lambda':
    case 'let':
      return PRECEDENCE.open;
    case 'conditional':
      return PRECEDENCE.conditional;
    case 'binary':
      return BINARY_PRECEDENCE[expr.operator];
    case 'unary':
      return PRECEDENCE.unary;
    case 'member':
    case 'index':
    case 'call':
      return PRECEDENCE.postfix;
    default:
      return PRECEDENCE.primary;
  }
}
