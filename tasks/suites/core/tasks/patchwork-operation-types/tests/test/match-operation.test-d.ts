import {
  type AddOperation,
  type DiffOperation,
  diffValues,
  type JsonValue,
  matchOperation,
  ofKind,
  type Operation,
  type OperationOf,
} from '../src/index.ts';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const step: Operation;
declare const difference: DiffOperation;
declare const addition: AddOperation;
declare const either: OperationOf<'move' | 'test'>;

// The result is the union of what the handlers return.
const matched = matchOperation(difference, {
  add: ({ value }) => ({ value }),
  remove: ({ previous }) => [previous],
  replace: ({ path }) => path.length,
});
export const union: Equal<typeof matched, { value: JsonValue } | JsonValue[] | number> = true;

const length = matchOperation(step, {
  add: (operation) => operation.path.length,
  remove: (operation) => operation.path.length,
  replace: (operation) => operation.path.length,
  move: (operation) => operation.from.length,
  copy: (operation) => operation.from.length,
  test: (operation) => operation.path.length,
});
export const number: Equal<typeof length, number> = true;

// Only the kinds that occur are handled, each with its own operation.
const value = matchOperation(addition, { add: (operation) => operation.value });
export const one: Equal<typeof value, JsonValue> = true;
const two = matchOperation(either, { move: ({ from }) => from, test: () => true as const });
export const some: Equal<typeof two, string | true> = true;

// @ts-expect-error The handler for "replace" is missing.
matchOperation(difference, { add: () => 1, remove: () => 2 });
// @ts-expect-error The handlers for the kinds of other operations are missing.
matchOperation(step, { add: () => 1, remove: () => 2, replace: () => 3 });
matchOperation(either, {
  // @ts-expect-error A move has no value.
  move: (operation) => operation.value,
  test: (operation) => operation.value,
});
// @ts-expect-error A removal in general does not know what it removes.
matchOperation({ op: 'remove', path: '' } as OperationOf<'remove'>, { remove: (o) => o.previous });

// Predicates narrow what they are given.
const gone = diffValues(1, 2).filter(ofKind('remove', 'replace'));
export const previous: Equal<(typeof gone)[number]['previous'], JsonValue> = true;
export const goneKinds: Equal<(typeof gone)[number]['op'], 'remove' | 'replace'> = true;
const moved = [step].find(ofKind('move'));
export const from: Equal<NonNullable<typeof moved>['from'], string> = true;

export function narrowed(operation: Operation): JsonValue {
  if (ofKind('add', 'test')(operation)) return operation.value;
  const rest: Equal<(typeof operation)['op'], 'remove' | 'replace' | 'move' | 'copy'> = true;
  return rest;
}

// @ts-expect-error There is no such kind.
ofKind('add', 'swap');
