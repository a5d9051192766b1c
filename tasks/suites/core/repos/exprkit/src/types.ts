import { isIdentifier, quote } from './lexer.ts';

/**
 * The types of the language and the relations between them. There is no general union: a type is nullable or it is
 * not. `any` is assignable both ways and stands for what the checker cannot know.
 */
export type Type =
  | { readonly kind: 'any' }
  | { readonly kind: 'number' }
  | { readonly kind: 'string' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'null' }
  | ListType
  | RecordType
  | FunctionType
  | NullableType
  | VariableType;

export interface ListType {
  readonly kind: 'list';
  readonly element: Type;
}

export interface RecordType {
  readonly kind: 'record';
  readonly fields: ReadonlyMap<string, Type>;
}

export interface FunctionType {
  readonly kind: 'function';
  readonly params: readonly Type[];
  readonly result: Type;
}

/** `inner | null`; `inner` is never nullable, `null` or `any` itself. Build it with {@link nullable}. */
export interface NullableType {
  readonly kind: 'nullable';
  readonly inner: Type;
}

/** A type variable in the signature of a generic function, replaced at every call. */
export interface VariableType {
  readonly kind: 'variable';
  readonly name: string;
}

export const ANY: Type = { kind: 'any' };
export const NUMBER: Type = { kind: 'number' };
export const STRING: Type = { kind: 'string' };
export const BOOLEAN: Type = { kind: 'boolean' };
export const NULL: Type = { kind: 'null' };

export function listOf(element: Type): ListType {
  return { kind: 'list', element };
}

export function recordOf(fields: Iterable<readonly [string, Type]>): RecordType {
  return { kind: 'record', fields: new Map(fields) };
}

export function functionOf(params: readonly Type[], result: Type): FunctionType {
  return { kind: 'function', params, result };
}

/** `type | null`, normalised: `any`, `null` and nullable types come back as they are. */
export function nullable(type: Type): Type {
  if (type.kind === 'any' || type.kind === 'null' || type.kind === 'nullable') return type;
  return { kind: 'nullable', inner: type };
}

/** The type without null. `null` itself has nothing left and comes back as it is. */
export function withoutNull(type: Type): Type {
  return type.kind === 'nullable' ? type.inner : type;
}

/** True when a value of type `from` may stand where `to` is asked for. Records have width subtyping. */
export function isAssignable(from: Type, to: Type): boolean {
  if (from.kind === 'any' || to.kind === 'any') return true;
  if (to.kind === 'nullable') return from.kind === 'null' || isAssignable(withoutNull(from), to.inner);
  switch (from.kind) {
    case 'list':
      return to.kind === 'list' && isAssignable(from.element, to.element);
    case 'record': {
      if (to.kind !== 'record') return false;
      return [...to.fields].every(([name, wanted]) => {
        const found = from.fields.get(name);
        return found !== undefined && isAssignable(found, wanted);
      });
    }
    case 'function':
      return (
        to.kind === 'function' &&
        from.params.length === to.params.length &&
        to.params.every((param, index) => isAssignable(param, from.params[index] ?? ANY)) &&
        isAssignable(from.result, to.result)
      );
    case 'variable':
      return to.kind === 'variable' && from.name === to.name;
    default:
      return from.kind === to.kind;
  }
}

/** The smallest type that both fit in, or undefined when the two have nothing in common. */
export function joinTypes(a: Type, b: Type): Type | undefined {
  if (a.kind === 'any' || b.kind === 'any') return ANY;
  if (isAssignable(a, b)) return b;
  if (isAssignable(b, a)) return a;
  if (a.kind === 'null') return nullable(b);
  if (b.kind === 'null') return nullable(a);
  if (a.kind === 'nullable' || b.kind === 'nullable') {
    const inner = joinTypes(withoutNull(a), withoutNull(b));
    return inner && nullable(inner);
  }
  if (a.kind === 'list' && b.kind === 'list') {
    const element = joinTypes(a.element, b.element);
    return element && listOf(element);
  }
  return undefined;
}

/** Binds the variables of a signature's type to what stands in their place in an argument's type. */
export function bindVariables(pattern: Type, actual: Type, bindings: Map<string, Type>): void {
  if (pattern.kind === 'variable') {
    const bound = bindings.get(pattern.name);
    bindings.set(pattern.name, bound === undefined ? actual : (joinTypes(bound, actual) ?? bound));
  } else if (pattern.kind === 'nullable') {
    if (actual.kind !== 'null') bindVariables(pattern.inner, withoutNull(actual), bindings);
  } else if (pattern.kind === 'list' && actual.kind === 'list') {
    bindVariables(pattern.element, actual.element, bindings);
  } else if (pattern.kind === 'function' && actual.kind === 'function') {
    for (const [index, param] of pattern.params.entries()) {
      bindVariables(param, actual.params[index] ?? ANY, bindings);
    }
    bindVariables(pattern.result, actual.result, bindings);
  }
}

/** The type with its variables replaced. A variable without a binding becomes `any`. */
export function substitute(type: Type, bindings: ReadonlyMap<string, Type>): Type {
  switch (type.kind) {
    case 'variable':
      return bindings.get(type.name) ?? ANY;
    case 'list':
      return listOf(substitute(type.element, bindings));
    case 'nullable':
      return nullable(substitute(type.inner, bindings));
    case 'record':
      return recordOf([...type.fields].map(([name, field]) => [name, substitute(field, bindings)] as const));
    case 'function':
      return functionOf(
        type.params.map((param) => substitute(param, bindings)),
        substitute(type.result, bindings),
      );
    default:
      return type;
  }
}

/** The type in the syntax that `parseType` reads. */
export function formatType(type: Type): string {
  switch (type.kind) {
    case 'list':
      return `${formatOperand(type.element)}[]`;
    case 'nullable':
      return `${formatOperand(type.inner)}?`;
    case 'record': {
      const fields = [...type.fields].map(([name, field]) => `${isIdentifier(name) ? name : quote(name)}: ${formatType(field)}`);
      return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
    }
    case 'function':
      return `(${type.params.map(formatType).join(', ')}) => ${formatType(type.result)}`;
    case 'variable':
      return type.name;
    default:
      return type.kind;
  }
}

/** A type before a suffix: a function type would swallow it. */
function formatOperand(type: Type): string {
  return type.kind === 'function' ? `(${formatType(type)})` : formatType(type);
}
