import {
  isArray,
  isObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  sameValue,
} from './json.ts';
import { diffSequences } from './myers.ts';
import type { Operation } from './operation.ts';
import { formatPointer } from './pointer.ts';

type Path = readonly (string | number)[];

/**
 * The operations that turn `before` into `after`, to be applied one after the other. Only
 * `add`, `remove` and `replace` occur, and the latter two hold the value that they take
 * away. Objects are compared key by key; of arrays, the elements that stay are found first,
 * and elements in their place are compared with each other.
 */
export function diffValues(before: JsonValue, after: JsonValue): Operation[] {
  return [...compare([], before, after)];
}

function* compare(path: Path, before: JsonValue, after: JsonValue): Generator<Operation> {
  if (isArray(before) && isArray(after)) {
    yield* compareArrays(path, before, after);
  } else if (isObject(before) && isObject(after)) {
    yield* compareObjects(path, before, after);
  } else if (!sameValue(before, after)) {
    yield { op: 'replace', path: formatPointer(path), value: after, previous: before };
  }
}

function* compareObjects(
  path: Path,
  before: JsonObject,
  after: JsonObject,
): Generator<Operation> {
  for (const [key, previous] of Object.entries(before)) {
    if (!Object.hasOwn(after, key)) {
      yield { op: 'remove', path: formatPointer([...path, key]), previous };
    }
  }
  for (const [key, value] of Object.entries(after)) {
    const previous = Object.hasOwn(before, key) ? before[key] : undefined;
    if (previous === undefined) {
      yield { op: 'add', path: formatPointer([...path, key]), value };
    } else {
      yield* compare([...path, key], previous, value);
    }
  }
}

function* compareArrays(path: Path, before: JsonArray, after: JsonArray): Generator<Operation> {
  for (const { aStart, aEnd, bStart, bEnd } of diffSequences(before, after, sameValue)) {
    // All before this change is in its final shape, so indices are those of "after".
    const removed = before.slice(aStart, aEnd);
    const added = after.slice(bStart, bEnd);
    const paired = Math.min(removed.length, added.length);
    for (const [offset, value] of added.entries()) {
      const at = [...path, bStart + offset];
      if (offset < paired) yield* compare(at, removed[offset] ?? null, value);
      else yield { op: 'add', path: formatPointer(at), value };
    }
    for (const previous of removed.slice(paired)) {
      yield { op: 'remove', path: formatPointer([...path, bStart + paired]), previous };
    }
  }
}

/** The operations that undo a difference. */
export function invertOperations(operations: readonly Operation[]): Operation[] {
  return operations.toReversed().map(({ op, path, value = null, previous = null }) => {
    switch (op) {
      case 'add':
        return { op: 'remove', path, previous: value };
      case 'remove':
        return { op: 'add', path, value: previous };
      case 'replace':
        return { op, path, value: previous, previous: value };
      default:
        throw new TypeError(`"${op}" is not part of a difference`);
    }
  });
}
