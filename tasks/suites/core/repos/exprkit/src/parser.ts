import type { Expr, Field, LambdaExpr, LetExpr, Param } from './ast.ts';
import { ExprError } from './errors.ts';
import { tokenize, type Keyword, type Punctuation, type Token } from './lexer.ts';
import { BINARY_PRECEDENCE, binaryOperator, isRightAssociative, PRECEDENCE } from './precedence.ts';
import { joinSpans, type Span } from './span.ts';
import { ANY, BOOLEAN, functionOf, listOf, NULL, nullable, NUMBER, recordOf, STRING, type Type } from './types.ts';

const NAMED_TYPES: Readonly<Record<string, Type>> = {
  any: ANY,
  number: NUMBER,
  string: STRING,
  boolean: BOOLEAN,
};

/** Parses a whole source text as one expression. Throws an `ExprError` at the first token that does not fit. */
export function parse(source: string): Expr {
  const parser = new Parser(tokenize(source));
  const expr = parser.parseExpr();
  parser.expectEnd();
  return expr;
}

/**
 * Parses a type: `number`, `string[]`, `{ name: string, age: number? }`, `(number, number) => boolean`. A single
 * upper-case letter is a type variable.
 */
export function parseType(source: string): Type {
  const parser = new Parser(tokenize(source));
  const type = parser.parseType();
  parser.expectEnd();
  return type;
}

/** A Pratt parser: a prefix form, then every infix form that binds at least as tightly as the caller asked. */
class Parser {
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parseExpr(minimum: number = PRECEDENCE.open): Expr {
    let left = this.#parsePrefix();
    for (;;) {
      const token = this.#peek();
      if (token.kind !== 'punctuation') return left;
      if (token.text === '?' && PRECEDENCE.conditional >= minimum) {
        left = this.#parseConditional(left);
        continue;
      }
      const operator = binaryOperator(token.text);
      if (operator === undefined || BINARY_PRECEDENCE[operator] < minimum) return left;
      this.#next();
      const precedence = BINARY_PRECEDENCE[operator];
      const right = this.parseExpr(isRightAssociative(operator) ? precedence : precedence + 1);
      left = { kind: 'binary', operator, left, right, span: joinSpans(left.span, right.span) };
    }
  }

  parseType(): Type {
    let type = this.#parseTypePrefix();
    for (;;) {
      if (this.#accept('?')) {
        type = nullable(type);
      } else if (this.#accept('[')) {
        this.#expect(']');
        type = listOf(type);
      } else {
        return type;
      }
    }
  }

  expectEnd(): void {
    const token = this.#peek();
    if (token.kind !== 'end') throw unexpected(token, 'the end of the expression');
  }

  #parsePrefix(): Expr {
    const token = this.#peek();
    if (token.kind === 'punctuation' && (token.text === '-' || token.text === '!')) {
      this.#next();
      const operand = this.parseExpr(PRECEDENCE.unary);
      return { kind: 'unary', operator: token.text, operand, span: joinSpans(token.span, operand.span) };
    }
    if (token.kind === 'keyword' && token.text === 'let') return this.#parseLet();
    if (this.#startsLambda()) return this.#parseLambda();
    return this.#parsePostfix(this.#parsePrimary());
  }

  #parsePrimary(): Expr {
    const token = this.#next();
    switch (token.kind) {
      case 'number':
      case 'string':
        return token;
      case 'identifier':
        return { kind: 'identifier', name: token.text, span: token.span };
      case 'keyword':
        if (token.text === 'true' || token.text === 'false') {
          return { kind: 'boolean', value: token.text === 'true', span: token.span };
        }
        if (token.text === 'null') return { kind: 'null', span: token.span };
        break;
      case 'punctuation':
        if (token.text === '(') {
          const inner = this.parseExpr();
          const close = this.#expect(')');
          // The parentheses belong to the span, so that an error underlines what the author sees as the operand.
          return { ...inner, span: joinSpans(token.span, close.span) };
        }
        if (token.text === '[') {
          const [elements, close] = this.#parseSequence(']', () => this.parseExpr());
          return { kind: 'list', elements, span: joinSpans(token.span, close) };
        }
        if (token.text === '{') return this.#parseRecord(token.span);
        break;
      default:
        break;
    }
    throw unexpected(token, 'an expression');
  }

  #parsePostfix(primary: Expr): Expr {
    let object = primary;
    for (;;) {
      if (this.#accept('.')) {
        const name = this.#expectIdentifier('a field name');
        const span = joinSpans(object.span, name.span);
        object = { kind: 'member', object, property: name.text, propertySpan: name.span, span };
      } else if (this.#accept('[')) {
        const index = this.parseExpr();
        const close = this.#expect(']');
        object = { kind: 'index', object, index, span: joinSpans(object.span, close.span) };
      } else if (this.#accept('(')) {
        const [args, close] = this.#parseSequence(')', () => this.parseExpr());
        object = { kind: 'call', callee: object, args, span: joinSpans(object.span, close) };
      } else {
        return object;
      }
    }
  }

  #parseConditional(test: Expr): Expr {
    this.#expect('?');
    const consequent = this.parseExpr();
    this.#expect(':');
    const alternate = this.parseExpr(PRECEDENCE.conditional);
    return { kind: 'conditional', test, consequent, alternate, span: joinSpans(test.span, alternate.span) };
  }

  #parseRecord(open: Span): Expr {
    const seen = new Set<string>();
    const [fields, close] = this.#parseSequence('}', (): Field => {
      const key = this.#parseFieldName();
      if (seen.has(key.name)) throw new ExprError('parse', `field "${key.name}" is given twice`, key.span);
      seen.add(key.name);
      this.#expect(':');
      const value = this.parseExpr();
      return { name: key.name, value, span: joinSpans(key.span, value.span) };
    });
    return { kind: 'record', fields, span: joinSpans(open, close) };
  }

  #parseFieldName(): { name: string; span: Span } {
    const token = this.#next();
    if (token.kind === 'identifier') return { name: token.text, span: token.span };
    if (token.kind === 'string') return { name: token.value, span: token.span };
    throw unexpected(token, 'a field name');
  }

  #parseLet(): LetExpr {
    const keyword = this.#next();
    const name = this.#expectIdentifier('a name').text;
    this.#expect('=');
    const value = this.parseExpr();
    this.#expectKeyword('in');
    const body = this.parseExpr();
    return { kind: 'let', name, value, body, span: joinSpans(keyword.span, body.span) };
  }

  /** Looks ahead for `name =>` or for a parenthesised list that `=>` follows. */
  #startsLambda(): boolean {
    const token = this.#peek();
    if (token.kind === 'identifier') return isPunctuation(this.#peek(1), '=>');
    if (!isPunctuation(token, '(')) return false;
    let depth = 0;
    for (let ahead = 0; ; ahead += 1) {
      const next = this.#peek(ahead);
      if (next.kind === 'end') return false;
      if (isPunctuation(next, '(')) depth += 1;
      if (isPunctuation(next, ')')) depth -= 1;
      if (depth === 0) return isPunctuation(this.#peek(ahead + 1), '=>');
    }
  }

  #parseLambda(): LambdaExpr {
    const start = this.#peek().span;
    const params = this.#accept('(') ? this.#parseSequence(')', () => this.#parseParam())[0] : [this.#parseParam()];
    const names = new Set<string>();
    for (const { name, span } of params) {
      if (names.has(name)) throw new ExprError('parse', `parameter "${name}" is given twice`, span);
      names.add(name);
    }
    this.#expect('=>');
    const body = this.parseExpr();
    return { kind: 'lambda', params, body, span: joinSpans(start, body.span) };
  }

  #parseParam(): Param {
    const name = this.#expectIdentifier('a parameter name');
    if (!this.#accept(':')) return { name: name.text, span: name.span };
    return { name: name.text, annotation: this.parseType(), span: name.span };
  }

  #parseTypePrefix(): Type {
    const token = this.#next();
    if (token.kind === 'identifier') {
      const named = Object.hasOwn(NAMED_TYPES, token.text) ? NAMED_TYPES[token.text] : undefined;
      if (named !== undefined) return named;
      if (/^[A-Z]$/.test(token.text)) return { kind: 'variable', name: token.text };
      throw new ExprError('parse', `unknown type "${token.text}"`, token.span);
    }
    if (token.kind === 'keyword' && token.text === 'null') return NULL;
    if (isPunctuation(token, '{')) {
      const [fields] = this.#parseSequence('}', () => {
        const name = this.#parseFieldName().name;
        this.#expect(':');
        return [name, this.parseType()] as const;
      });
      return recordOf(fields);
    }
    if (isPunctuation(token, '(')) {
      const [types] = this.#parseSequence(')', () => this.parseType());
      const [only] = types;
      if (this.#accept('=>')) return functionOf(types, this.parseType());
      if (only !== undefined && types.length === 1) return only;
    }
    throw unexpected(token, 'a type');
  }

  /** Items between commas up to the closing token; one trailing comma is allowed. */
  #parseSequence<T>(close: Punctuation, parseItem: () => T): [items: T[], close: Span] {
    const items: T[] = [];
    while (!isPunctuation(this.#peek(), close)) {
      items.push(parseItem());
      if (!this.#accept(',')) break;
    }
    return [items, this.#expect(close).span];
  }

  #peek(ahead = 0): Token {
    const token = this.#tokens[this.#index + ahead] ?? this.#tokens.at(-1);
    if (token === undefined) throw new RangeError('a token list ends with an `end` token');
    return token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#index += 1;
    return token;
  }

  #accept(text: Punctuation): boolean {
    if (!isPunctuation(this.#peek(), text)) return false;
    this.#index += 1;
    return true;
  }

  #expect(text: Punctuation): Token {
    const token = this.#next();
    if (!isPunctuation(token, text)) throw unexpected(token, `"${text}"`);
    return token;
  }

  #expectKeyword(text: Keyword): void {
    const token = this.#next();
    if (token.kind !== 'keyword' || token.text !== text) throw unexpected(token, `"${text}"`);
  }

  #expectIdentifier(wanted: string): Extract<Token, { kind: 'identifier' }> {
    const token = this.#next();
    if (token.kind !== 'identifier') throw unexpected(token, wanted);
    return token;
  }
}

function isPunctuation(token: Token, text: Punctuation): boolean {
  return token.kind === 'punctuation' && token.text === text;
}

function unexpected(token: Token, wanted: string): ExprError {
  return new ExprError('parse', `expected ${wanted}, found ${describe(token)}`, token.span);
}

function describe(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'the end of the text';
    case 'number':
      return `the number ${token.value}`;
    case 'string':
      return 'a string';
    default:
      return `"${token.text}"`;
  }
}
