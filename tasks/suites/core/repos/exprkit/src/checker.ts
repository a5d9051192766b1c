import type { BinaryExpr, CallExpr, Expr, IdentifierExpr, IndexExpr, LambdaExpr, MemberExpr } from './ast.ts';
import { ExprError } from './errors.ts';
import { parse, parseType } from './parser.ts';
import { Scope } from './scope.ts';
import { SIGNATURES } from './signatures.ts';
import {
  ANY,
  bindVariables,
  BOOLEAN,
  formatType,
  functionOf,
  isAssignable,
  joinTypes,
  listOf,
  NULL,
  NUMBER,
  recordOf,
  STRING,
  substitute,
  withoutNull,
  type Type,
} from './types.ts';

export interface CheckOptions {
  /** Types by name, as `Type` or in the type syntax. They hide builtins of the same name. */
  readonly variables?: Readonly<Record<string, Type | string>>;
}

export interface CheckResult {
  /** The type of the whole expression; parts with an error count as `any`. */
  readonly type: Type;
  /** What is wrong, in the order of the text. Empty for a well-typed expression. */
  readonly diagnostics: readonly ExprError[];
}

/**
 * Infers the type of an expression without evaluating it. Type errors are collected, not thrown; a text that cannot
 * be parsed throws.
 *
 * A comparison with null narrows a variable: in `x != null ? x + 1 : 0` the `x` of the second branch is no longer
 * nullable. `!`, `&&`, `||` and conditionals pass such knowledge on.
 */
export function check(expr: Expr | string, options: CheckOptions = {}): CheckResult {
  const tree = typeof expr === 'string' ? parse(expr) : expr;
  const variables = Object.entries(options.variables ?? {}).map(
    ([name, type]) => [name, typeof type === 'string' ? parseType(type) : type] as const,
  );
  const checker = new Checker();
  const type = checker.infer(tree, new Scope<Type>(SIGNATURES).extend(variables));
  const diagnostics = checker.diagnostics.toSorted((a, b) => a.span.start - b.span.start);
  return { type, diagnostics };
}

class Checker {
  readonly diagnostics: ExprError[] = [];

  /** What the conditions around the current expression tell about its variables. */
  #refinements: ReadonlyMap<string, Type> = new Map();

  /** The type of an expression. `expected` guides the parameters of lambdas; it is not enforced. */
  infer(expr: Expr, scope: Scope<Type>, expected: Type = ANY): Type {
    switch (expr.kind) {
      case 'number':
        return NUMBER;
      case 'string':
        return STRING;
      case 'boolean':
        return BOOLEAN;
      case 'null':
        return NULL;
      case 'identifier':
        return this.#typeOf(expr, scope) ?? this.#report(expr, `unknown name "${expr.name}"`);
      case 'list': {
        const wanted = expected.kind === 'list' ? expected.element : ANY;
        return listOf(this.#joinAll(expr.elements, scope, wanted));
      }
      case 'record': {
        const wanted = withoutNull(expected);
        return recordOf(
          expr.fields.map(({ name, value }) => {
            const hint = wanted.kind === 'record' ? wanted.fields.get(name) : undefined;
            return [name, this.infer(value, scope, hint)] as const;
          }),
        );
      }
      case 'unary': {
        const type = expr.operator === '!' ? BOOLEAN : NUMBER;
        this.#expect(expr.operand, scope, type);
        return type;
      }
      case 'binary':
        return this.#binary(expr, scope);
      case 'conditional': {
        this.#expect(expr.test, scope, BOOLEAN);
        const whenTrue = this.#narrow(expr.test, true, scope);
        const whenFalse = this.#narrow(expr.test, false, scope);
        const consequent = this.#refine(whenTrue, () => this.infer(expr.consequent, scope, expected));
        const alternate = this.#refine(whenFalse, () => this.infer(expr.alternate, scope, expected));
        return joinTypes(consequent, alternate) ?? this.#mismatch(expr, 'branches', consequent, alternate);
      }
      case 'member':
        return this.#member(expr, scope);
      case 'index':
        return this.#index(expr, scope);
      case 'call':
        return this.#call(expr, scope);
      case 'lambda':
        return this.#lambda(expr, scope, expected);
      case 'let':
        return this.infer(expr.body, scope.extend([[expr.name, this.infer(expr.value, scope)]]), expected);
    }
  }

  /** The type of a name at this place, with what is known from the conditions around it. */
  #typeOf({ name }: IdentifierExpr, scope: Scope<Type>): Type | undefined {
    return this.#refinements.get(name) ?? scope.lookup(name);
  }

  /** Runs `body` with more knowledge about variables than what is known already. */
  #refine<R>(refinements: ReadonlyMap<string, Type>, body: () => R): R {
    const outer = this.#refinements;
    this.#refinements = new Map([...outer, ...refinements]);
    try {
      return body();
    } finally {
      this.#refinements = outer;
    }
  }

  /** What a condition tells about variables once it came out as `outcome`. */
  #narrow(test: Expr, outcome: boolean, scope: Scope<Type>): ReadonlyMap<string, Type> {
    if (test.kind === 'unary' && test.operator === '!') return this.#narrow(test.operand, !outcome, scope);
    if (test.kind !== 'binary') return new Map();
    if (test.operator === (outcome ? '&&' : '||')) {
      const left = this.#narrow(test.left, outcome, scope);
      const right = this.#refine(left, () => this.#narrow(test.right, outcome, scope));
      return new Map([...left, ...right]);
    }
    if (test.operator !== '==' && test.operator !== '!=') return new Map();
    const variable = test.right.kind === 'null' ? test.left : test.right;
    if (variable.kind !== 'identifier' || (test.left.kind !== 'null' && test.right.kind !== 'null')) return new Map();
    const type = this.#typeOf(variable, scope);
    if (type?.kind !== 'nullable') return new Map();
    const isNull = (test.operator === '==') === outcome;
    return new Map([[variable.name, isNull ? NULL : type.inner]]);
  }

  #binary(expr: BinaryExpr, scope: Scope<Type>): Type {
    switch (expr.operator) {
      case '-':
      case '*':
      case '/':
      case '%':
      case '**':
        this.#expect(expr.left, scope, NUMBER);
        this.#expect(expr.right, scope, NUMBER);
        return NUMBER;
      case '&&':
      case '||': {
        this.#expect(expr.left, scope, BOOLEAN);
        const known = this.#narrow(expr.left, expr.operator === '&&', scope);
        this.#refine(known, () => this.#expect(expr.right, scope, BOOLEAN));
        return BOOLEAN;
      }
      case '??': {
        const left = this.infer(expr.left, scope);
        const right = this.infer(expr.right, scope);
        if (left.kind === 'null') return right;
        const value = withoutNull(left);
        return joinTypes(value, right) ?? this.#mismatch(expr, 'operands', value, right);
      }
      case '==':
      case '!=': {
        const left = this.infer(expr.left, scope);
        const right = this.infer(expr.right, scope);
        if (joinTypes(left, right) === undefined) this.#mismatch(expr, 'operands', left, right);
        return BOOLEAN;
      }
      default: {
        const type = this.#sameScalar(expr, scope);
        return expr.operator === '+' ? type : BOOLEAN;
      }
    }
  }

  /** `+` and the orderings take two numbers or two strings. */
  #sameScalar(expr: BinaryExpr, scope: Scope<Type>): Type {
    const left = this.infer(expr.left, scope);
    const right = this.infer(expr.right, scope);
    const type = left.kind === 'any' ? right : left;
    if (type.kind === 'any') return ANY;
    if ((type.kind === 'number' || type.kind === 'string') && isAssignable(right, type)) return type;
    return this.#report(expr, `"${expr.operator}" does not take ${formatType(left)} and ${formatType(right)}`);
  }

  #member(expr: MemberExpr, scope: Scope<Type>): Type {
    const object = this.infer(expr.object, scope);
    if (object.kind === 'any') return ANY;
    if (object.kind === 'nullable') return this.#report(expr.object, 'this may be null');
    if (object.kind !== 'record') return this.#report(expr.object, `${formatType(object)} has no fields`);
    const field = object.fields.get(expr.property);
    if (field !== undefined) return field;
    this.diagnostics.push(
      new ExprError('check', `there is no field "${expr.property}" in ${formatType(object)}`, expr.propertySpan),
    );
    return ANY;
  }

  #index(expr: IndexExpr, scope: Scope<Type>): Type {
    const object = this.infer(expr.object, scope);
    switch (object.kind) {
      case 'list':
        this.#expect(expr.index, scope, NUMBER);
        return object.element;
      case 'record':
        this.#expect(expr.index, scope, STRING);
        return (expr.index.kind === 'string' ? object.fields.get(expr.index.value) : undefined) ?? ANY;
      case 'any':
        this.infer(expr.index, scope);
        return ANY;
      default:
        this.infer(expr.index, scope);
        return object.kind === 'nullable'
          ? this.#report(expr.object, 'this may be null')
          : this.#report(expr.object, `${formatType(object)} cannot be indexed`);
    }
  }

  #call(expr: CallExpr, scope: Scope<Type>): Type {
    const callee = this.infer(expr.callee, scope);
    if (callee.kind !== 'function' || callee.params.length !== expr.args.length) {
      for (const arg of expr.args) this.infer(arg, scope);
      if (callee.kind === 'any') return ANY;
      if (callee.kind === 'nullable') return this.#report(expr.callee, 'this may be null');
      if (callee.kind !== 'function') return this.#report(expr.callee, `${formatType(callee)} cannot be called`);
      this.#report(expr, `takes ${callee.params.length} arguments, got ${expr.args.length}`);
      return substitute(callee.result, new Map());
    }
    // Left to right: what the earlier arguments bind types the parameters of the lambdas that come later.
    const bindings = new Map<string, Type>();
    for (const [index, param] of callee.params.entries()) {
      const arg = expr.args[index];
      if (arg === undefined) break;
      const actual = this.infer(arg, scope, substitute(param, bindings));
      bindVariables(param, actual, bindings);
      this.#require(arg, actual, substitute(param, bindings));
    }
    return substitute(callee.result, bindings);
  }

  #lambda(expr: LambdaExpr, scope: Scope<Type>, expected: Type): Type {
    const wanted = withoutNull(expected);
    const hints = wanted.kind === 'function' && wanted.params.length === expr.params.length ? wanted.params : [];
    const params = expr.params.map(({ name, annotation }, index) => [name, annotation ?? hints[index] ?? ANY] as const);
    const result = this.infer(expr.body, scope.extend(params), wanted.kind === 'function' ? wanted.result : ANY);
    const types = params.map(([, type]) => type);
    return functionOf(types, result);
  }

  #joinAll(elements: readonly Expr[], scope: Scope<Type>, expected: Type): Type {
    let joined: Type | undefined;
    for (const element of elements) {
      const type = this.infer(element, scope, expected);
      const next = joined === undefined ? type : joinTypes(joined, type);
      if (next === undefined) this.#mismatch(element, 'elements', joined ?? ANY, type);
      joined = next ?? ANY;
    }
    return joined ?? ANY;
  }

  /** Infers and reports when the type is not what its place takes. */
  #expect(expr: Expr, scope: Scope<Type>, wanted: Type): void {
    this.#require(expr, this.infer(expr, scope, wanted), wanted);
  }

  #require(expr: Expr, found: Type, wanted: Type): void {
    if (isAssignable(found, wanted)) return;
    if (found.kind === 'nullable' && isAssignable(found.inner, wanted)) this.#report(expr, 'this may be null');
    else this.#report(expr, `expected ${formatType(wanted)}, found ${formatType(found)}`);
  }

  #mismatch(expr: Expr, what: string, a: Type, b: Type): Type {
    return this.#report(expr, `the ${what} have no type in common: ${formatType(a)} and ${formatType(b)}`);
  }

  /** Records an error; the faulty part counts as `any`, so that one mistake is reported once. */
  #report(expr: Expr, message: string): Type {
    this.diagnostics.push(new ExprError('check', message, expr.span));
    return ANY;
  }
}
