import { isArray, isObject, type JsonValue, sameValue } from './json.ts';
import type { Operation } from './operation.ts';
import { formatPointer, parsePointer } from './pointer.ts';

/** Thrown when an operation does not fit the document. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly operation: Operation;

  constructor(message: string, operation: Operation) {
    super(`${operation.op} ${JSON.stringify(operation.path)}: ${message}`);
    this.operation = operation;
  }
}

/**
 * Applies operations in order and returns the new document; the given one is left as it is
 * and shares what did not change. If any operation does not fit, an `OperationError` is
 * thrown.
 */
export function applyOperations(
  document: JsonValue,
  operations: readonly Operation[],
): JsonValue {
  return operations.reduce(applyOperation, document);
}

function applyOperation(document: JsonValue, operation: Operation): JsonValue {
  const fail = (message: string): never => {
    throw new OperationError(message, operation);
  };
  const path = parsePointer(operation.path);
  const value = operation.value ?? null;
  const from = parsePointer(operation.from ?? '');
  switch (operation.op) {
    case 'add':
      return insert(document, path, value, fail);
    case 'remove':
      return remove(document, path, fail);
    case 'replace':
      return replace(document, path, value, fail);
    case 'move': {
      const moved = lookUp(document, from, fail);
      if (isPrefix(from, path) && from.length < path.length) fail('cannot move into itself');
      return insert(remove(document, from, fail), path, moved, fail);
    }
    case 'copy':
      return insert(document, path, lookUp(document, from, fail), fail);
    case 'test':
      return sameValue(lookUp(document, path, fail), value) ? document : fail('differs');
  }
}

type Fail = (message: string) => never;
type Container = Readonly<Record<string, JsonValue>> | readonly JsonValue[];

function lookUp(document: JsonValue, path: readonly string[], fail: Fail): JsonValue {
  let value = document;
  for (const [depth, key] of path.entries()) {
    const next = childAt(value, key);
    if (next === undefined) {
      return fail(`nothing at ${JSON.stringify(formatPointer(path.slice(0, depth + 1)))}`);
    }
    value = next;
  }
  return value;
}

function childAt(value: JsonValue, key: string): JsonValue | undefined {
  if (isArray(value)) return value[arrayIndex(key, value.length - 1) ?? -1];
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function insert(
  document: JsonValue,
  path: readonly string[],
  value: JsonValue,
  fail: Fail,
): JsonValue {
  if (path.length === 0) return value;
  return edit(document, path, fail, (parent, key) => {
    if (!isContainerArray(parent)) return { ...parent, [key]: value };
    const index = key === '-' ? parent.length : arrayIndex(key, parent.length);
    return index === undefined ? fail('no such index') : parent.toSpliced(index, 0, value);
  });
}

function replace(
  document: JsonValue,
  path: readonly string[],
  value: JsonValue,
  fail: Fail,
): JsonValue {
  lookUp(document, path, fail);
  if (path.length === 0) return value;
  return edit(document, path, fail, (parent, key) =>
    isContainerArray(parent) ? parent.with(Number(key), value) : { ...parent, [key]: value },
  );
}

function remove(document: JsonValue, path: readonly string[], fail: Fail): JsonValue {
  lookUp(document, path, fail);
  if (path.length === 0) return fail('cannot remove the whole document');
  return edit(document, path, fail, (parent, key) => {
    if (isContainerArray(parent)) return parent.toSpliced(Number(key), 1);
    const { [key]: _, ...rest } = parent;
    return rest;
  });
}

/** Replaces the container of the last key of `path` by what `change` makes of it. */
function edit(
  document: JsonValue,
  path: readonly string[],
  fail: Fail,
  change: (parent: Container, key: string) => JsonValue,
): JsonValue {
  const [key, ...rest] = path;
  if (key === undefined || (!isArray(document) && !isObject(document))) {
    return fail('the parent is no object or array');
  }
  if (rest.length === 0) return change(document, key);
  const child = edit(lookUp(document, [key], fail), rest, fail, change);
  return isArray(document) ? document.with(Number(key), child) : { ...document, [key]: child };
}

function isContainerArray(container: Container): container is readonly JsonValue[] {
  return Array.isArray(container);
}

function arrayIndex(key: string, max: number): number | undefined {
  if (!/^(0|[1-9]\d*)$/.test(key)) return undefined;
  const index = Number(key);
  return index <= max ? index : undefined;
}

function isPrefix(prefix: readonly string[], path: readonly string[]): boolean {
  return prefix.every((key, index) => key === path[index]);
}
