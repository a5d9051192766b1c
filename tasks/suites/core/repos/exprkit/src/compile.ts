import type { Expr } from './ast.ts';
import { dependencies } from './analysis.ts';
import { check, type CheckOptions } from './checker.ts';
import { evaluate } from './evaluator.ts';
import { parse } from './parser.ts';
import type { Type } from './types.ts';
import type { RecordValue, Value } from './value.ts';

export interface CompileOptions extends CheckOptions {
  readonly maxDepth?: number;
}

/** An expression that has passed the checker and is ready to run many times. */
export interface Program {
  readonly expr: Expr;
  readonly type: Type;
  /** The host variables that a run reads, as {@link dependencies} gives them. */
  readonly dependencies: readonly string[];
  run(variables?: RecordValue): Value;
}

/** Parses and checks a source text. Throws the first `ExprError`, whether of syntax or of type. */
export function compile(source: string, options: CompileOptions = {}): Program {
  const { maxDepth, ...checking } = options;
  const expr = parse(source);
  const { type, diagnostics } = check(expr, checking);
  const [first] = diagnostics;
  if (first !== undefined) throw first;
  return {
    expr,
    type,
    dependencies: dependencies(expr),
    run: (variables = {}) => evaluate(expr, maxDepth === undefined ? { variables } : { variables, maxDepth }),
  };
}
