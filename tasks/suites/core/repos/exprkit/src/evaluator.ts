import type { BinaryExpr, BinaryOperator, CallExpr, Expr, IndexExpr, LambdaExpr, MemberExpr, UnaryExpr } from './ast.ts';
import { BuiltinError, createBuiltins } from './builtins.ts';
import { ExprError } from './errors.ts';
import { parse } from './parser.ts';
import { Scope } from './scope.ts';
import { FunctionValue, isList, isRecord, kindOf, makeRecord, valuesEqual, type RecordValue, type Value } from './value.ts';

export interface EvaluateOptions {
  /** Values by name. They hide builtins of the same name. */
  readonly variables?: RecordValue;
  /** How deeply calls may nest before the evaluation fails; 200 without it. */
  readonly maxDepth?: number;
}

/** Evaluates an expression or its source text. Throws an `ExprError` whose span is the part that failed. */
export function evaluate(expr: Expr | string, options: EvaluateOptions = {}): Value {
  const tree = typeof expr === 'string' ? parse(expr) : expr;
  return new Evaluator(options.maxDepth ?? 200).run(tree, options.variables ?? {});
}

class Evaluator {
  readonly #maxDepth: number;
  #depth = 0;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  run(expr: Expr, variables: RecordValue): Value {
    const builtins = createBuiltins((callee, args) => this.#apply(callee, args));
    return this.#evaluate(expr, new Scope<Value>(builtins).extend(Object.entries(variables)));
  }

  #evaluate(expr: Expr, scope: Scope<Value>): Value {
    switch (expr.kind) {
      case 'number':
      case 'string':
      case 'boolean':
        return expr.value;
      case 'null':
        return null;
      case 'identifier': {
        const value = scope.lookup(expr.name);
        if (value === undefined) throw failure(expr, `unknown name "${expr.name}"`);
        return value;
      }
      case 'list':
        return expr.elements.map((element) => this.#evaluate(element, scope));
      case 'record':
        return makeRecord(expr.fields.map(({ name, value }) => [name, this.#evaluate(value, scope)] as const));
      case 'unary':
        return this.#unary(expr, scope);
      case 'binary':
        return this.#binary(expr, scope);
      case 'conditional':
        return this.#boolean(expr.test, scope)
          ? this.#evaluate(expr.consequent, scope)
          : this.#evaluate(expr.alternate, scope);
      case 'member':
        return this.#member(expr, scope);
      case 'index':
        return this.#index(expr, scope);
      case 'call':
        return this.#call(expr, scope);
      case 'lambda':
        return this.#closure(expr, scope);
      case 'let':
        return this.#evaluate(expr.body, scope.extend([[expr.name, this.#evaluate(expr.value, scope)]]));
    }
  }

  #unary(expr: UnaryExpr, scope: Scope<Value>): Value {
    return expr.operator === '!' ? !this.#boolean(expr.operand, scope) : -this.#number(expr.operand, scope);
  }

  #binary(expr: BinaryExpr, scope: Scope<Value>): Value {
    switch (expr.operator) {
      case '&&':
        return this.#boolean(expr.left, scope) && this.#boolean(expr.right, scope);
      case '||':
        return this.#boolean(expr.left, scope) || this.#boolean(expr.right, scope);
      case '??':
        return this.#evaluate(expr.left, scope) ?? this.#evaluate(expr.right, scope);
      case '==':
        return valuesEqual(this.#evaluate(expr.left, scope), this.#evaluate(expr.right, scope));
      case '!=':
        return !valuesEqual(this.#evaluate(expr.left, scope), this.#evaluate(expr.right, scope));
      default: {
        const left = this.#evaluate(expr.left, scope);
        const right = this.#evaluate(expr.right, scope);
        if (typeof left === 'number' && typeof right === 'number') return arithmetic(expr, left, right);
        if (typeof left === 'string' && typeof right === 'string') return textual(expr, left, right);
        throw failure(expr, `"${expr.operator}" does not take a ${kindOf(left)} and a ${kindOf(right)}`);
      }
    }
  }

  #member(expr: MemberExpr, scope: Scope<Value>): Value {
    const object = this.#evaluate(expr.object, scope);
    if (!isRecord(object)) throw failure(expr.object, `a ${kindOf(object)} has no fields`);
    const value = Object.hasOwn(object, expr.property) ? object[expr.property] : undefined;
    if (value === undefined) {
      throw new ExprError('eval', `there is no field "${expr.property}"`, expr.propertySpan);
    }
    return value;
  }

  /** `list[i]` must be in range; `record[name]` gives null for a field that is not there. */
  #index(expr: IndexExpr, scope: Scope<Value>): Value {
    const object = this.#evaluate(expr.object, scope);
    const index = this.#evaluate(expr.index, scope);
    if (isList(object) && typeof index === 'number') {
      const item = object[index];
      if (item === undefined) throw failure(expr.index, `index ${index} is not in a list of ${object.length}`);
      return item;
    }
    if (isRecord(object) && typeof index === 'string') {
      return Object.hasOwn(object, index) ? (object[index] ?? null) : null;
    }
    throw failure(expr, `a ${kindOf(object)} has no index of kind ${kindOf(index)}`);
  }

  #call(expr: CallExpr, scope: Scope<Value>): Value {
    const callee = this.#evaluate(expr.callee, scope);
    if (!(callee instanceof FunctionValue)) throw failure(expr.callee, `a ${kindOf(callee)} cannot be called`);
    const args = expr.args.map((arg) => this.#evaluate(arg, scope));
    try {
      return this.#apply(callee, args);
    } catch (error) {
      if (error instanceof BuiltinError) throw failure(expr, error.message);
      throw error;
    }
  }

  #closure(expr: LambdaExpr, scope: Scope<Value>): FunctionValue {
    return new FunctionValue('lambda', expr.params.length, (args) => {
      const bindings = expr.params.map((param, index) => [param.name, args[index] ?? null] as const);
      return this.#evaluate(expr.body, scope.extend(bindings));
    });
  }

  #apply(callee: FunctionValue, args: readonly Value[]): Value {
    if (args.length !== callee.arity) {
      throw new BuiltinError(`${callee.name} takes ${callee.arity} arguments, got ${args.length}`);
    }
    if (this.#depth >= this.#maxDepth) throw new BuiltinError('calls nest too deeply');
    this.#depth += 1;
    try {
      return callee.invoke(args);
    } finally {
      this.#depth -= 1;
    }
  }

  #boolean(expr: Expr, scope: Scope<Value>): boolean {
    const value = this.#evaluate(expr, scope);
    if (typeof value !== 'boolean') throw failure(expr, `expected a boolean, got a ${kindOf(value)}`);
    return value;
  }

  #number(expr: Expr, scope: Scope<Value>): number {
    const value = this.#evaluate(expr, scope);
    if (typeof value !== 'number') throw failure(expr, `expected a number, got a ${kindOf(value)}`);
    return value;
  }
}

function arithmetic(expr: BinaryExpr, left: number, right: number): Value {
  switch (expr.operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      if (right === 0) throw failure(expr, 'division by zero');
      return left / right;
    case '%':
      if (right === 0) throw failure(expr, 'division by zero');
      return left % right;
    case '**':
      return left ** right;
    default:
      return compare(expr.operator, left, right);
  }
}

function textual(expr: BinaryExpr, left: string, right: string): Value {
  if (expr.operator === '+') return left + right;
  if (['<', '<=', '>', '>='].includes(expr.operator)) return compare(expr.operator, left, right);
  throw failure(expr, `"${expr.operator}" does not take a string and a string`);
}

function compare<T extends number | string>(operator: BinaryOperator, left: T, right: T): boolean {
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}

function failure(expr: Expr, message: string): ExprError {
  return new ExprError('eval', message, expr.span);
}
