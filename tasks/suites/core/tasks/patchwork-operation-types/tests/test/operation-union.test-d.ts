import {
  type AddOperation,
  applyOperations,
  type CopyOperation,
  type DiffOperation,
  diffValues,
  invertOperations,
  type JsonValue,
  type MoveOperation,
  type Operation,
  type OperationKind,
  type OperationOf,
  readOperations,
  type RemoveOperation,
  type ReplaceOperation,
  type TestOperation,
} from '../src/index.ts';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = { [K in keyof T]: T[K] };
type Of<K> = Extract<DiffOperation, { op: K }>;

interface Add {
  readonly op: 'add';
  readonly path: string;
  readonly value: JsonValue;
}
interface Move {
  readonly op: 'move';
  readonly path: string;
  readonly from: string;
}

// Each kind has its own members and no others.
export const add: Equal<Flat<AddOperation>, Flat<Add>> = true;
export const move: Equal<Flat<MoveOperation>, Flat<Move>> = true;
export const copyKeys: Equal<keyof CopyOperation, 'op' | 'path' | 'from'> = true;
export const copyFrom: Equal<CopyOperation['from'], string> = true;
export const removeKeys: Equal<keyof RemoveOperation, 'op' | 'path'> = true;
export const replaceKeys: Equal<keyof ReplaceOperation, 'op' | 'path' | 'value'> = true;
export const replaceValue: Equal<ReplaceOperation['value'], JsonValue> = true;
export const testKeys: Equal<keyof TestOperation, 'op' | 'path' | 'value'> = true;

// The unions.
export const kinds: Equal<
  OperationKind,
  'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
> = true;
export const common: Equal<keyof Operation, 'op' | 'path'> = true;
export const diffKinds: Equal<DiffOperation['op'], 'add' | 'remove' | 'replace'> = true;
export const removeAway: Equal<keyof Of<'remove'>, 'op' | 'path' | 'previous'> = true;
export const replaceAway: Equal<keyof Of<'replace'>, 'op' | 'path' | 'value' | 'previous'> = true;
export const addAway: Equal<keyof Of<'add'>, 'op' | 'path' | 'value'> = true;
export const previous: Equal<Of<'remove'>['previous'], JsonValue> = true;

// Picking from a union.
export const picked: Equal<OperationOf<'add' | 'move'>['op'], 'add' | 'move'> = true;
export const pickedDiff: Equal<keyof OperationOf<'remove', DiffOperation>, keyof Of<'remove'>> =
  true;
// @ts-expect-error There is no such kind.
export type Swapped = OperationOf<'swap'>;

// What goes in and out.
export const diffed: Equal<ReturnType<typeof diffValues>, DiffOperation[]> = true;
export const inverted: Equal<ReturnType<typeof invertOperations>, DiffOperation[]> = true;
export const read: Equal<ReturnType<typeof readOperations>, Operation[]> = true;
export const operation: Operation = diffValues(1, 2)[0] ?? { op: 'remove', path: '/a' };
applyOperations(null, diffValues(null, 1));
invertOperations(diffValues(null, 1));
// @ts-expect-error Not every operation can be undone.
invertOperations(readOperations([]));

// Incomplete and mixed up operations.
export const operations: Operation[] = [
  { op: 'test', path: '/a', value: null },
  { op: 'copy', path: '/a', from: '/b' },
  // @ts-expect-error A value is missing.
  { op: 'add', path: '/a' },
  // @ts-expect-error A value may not be undefined.
  { op: 'replace', path: '/a', value: undefined },
  // @ts-expect-error The origin is missing.
  { op: 'move', path: '/a' },
  // @ts-expect-error Nothing is copied from a value.
  { op: 'copy', path: '/a', value: 1 },
  // @ts-expect-error There is no such kind.
  { op: 'swap', path: '/a' },
];

export function narrowed(step: Operation, difference: DiffOperation): JsonValue {
  if (step.op === 'move') return step.from;
  if (step.op === 'add' || step.op === 'test') return step.value;
  // @ts-expect-error It may have no value.
  const value = step.value;
  // @ts-expect-error Operations do not change.
  step.path = '/b';
  if (difference.op !== 'add') return difference.previous;
  return [difference.value, value];
}
