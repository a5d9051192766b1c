import type { Span } from './span.ts';
import type { Type } from './types.ts';

export type UnaryOperator = '-' | '!';

export type BinaryOperator =
  '+' | '-' | '*' | '/' | '%' | '**' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '&&' | '||' | '??';

export interface NumberExpr {
  readonly kind: 'number';
  readonly value: number;
  readonly span: Span;
}

export interface StringExpr {
  readonly kind: 'string';
  readonly value: string;
  readonly span: Span;
}

export interface BooleanExpr {
  readonly kind: 'boolean';
  readonly value: boolean;
  readonly span: Span;
}

export interface NullExpr {
  readonly kind: 'null';
  readonly span: Span;
}

export interface IdentifierExpr {
  readonly kind: 'identifier';
  readonly name: string;
  readonly span: Span;
}

export interface ListExpr {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  readonly span: Span;
}

export interface Field {
  readonly name: string;
  readonly value: Expr;
  readonly span: Span;
}

/** `{ name: value }`. Field names are unique; the parser refuses duplicates. */
export interface RecordExpr {
  readonly kind: 'record';
  readonly fields: readonly Field[];
  readonly span: Span;
}

export interface UnaryExpr {
  readonly kind: 'unary';
  readonly operator: UnaryOperator;
  readonly operand: Expr;
  readonly span: Span;
}

export interface BinaryExpr {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}

/** `test ? consequent : alternate` */
export interface ConditionalExpr {
  readonly kind: 'conditional';
  readonly test: Expr;
  readonly consequent: Expr;
  readonly alternate: Expr;
  readonly span: Span;
}

/** `object.property`. `propertySpan` covers the name alone. */
export interface MemberExpr {
  readonly kind: 'member';
  readonly object: Expr;
  readonly property: string;
  readonly propertySpan: Span;
  readonly span: Span;
}

/** `object[index]` */
export interface IndexExpr {
  readonly kind: 'index';
  readonly object: Expr;
  readonly index: Expr;
  readonly span: Span;
}

export interface CallExpr {
  readonly kind: 'call';
  readonly callee: Expr;
  readonly args: readonly Expr[];
  readonly span: Span;
}

export interface Param {
  readonly name: string;
  readonly annotation?: Type;
  readonly span: Span;
}

export interface LambdaExpr {
  readonly kind: 'lambda';
  readonly params: readonly Param[];
  readonly body: Expr;
  readonly span: Span;
}

/** `let name = value in body`. The name is in scope in the body only, so a binding is never recursive. */
export interface LetExpr {
  readonly kind: 'let';
  readonly name: string;
  readonly value: Expr;
  readonly body: Expr;
  readonly span: Span;
}

/** Parentheses leave no node of their own; the tree's shape says it all. */
export type Expr =
  | NumberExpr
  | StringExpr
  | BooleanExpr
  | NullExpr
  | IdentifierExpr
  | ListExpr
  | RecordExpr
  | UnaryExpr
  | BinaryExpr
  | ConditionalExpr
  | MemberExpr
  | IndexExpr
  | CallExpr
  | LambdaExpr
  | LetExpr;

export type NodeKind = Expr['kind'];
