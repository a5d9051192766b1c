import { isArray, isObject, type JsonValue } from './json.ts';
import { parsePointer } from './pointer.ts';

export type OperationKind = 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';

/** One step of a JSON patch (RFC 6902). */
export interface Operation {
  readonly op: OperationKind;
  /** The pointer to the place that the operation is about. */
  readonly path: string;
  /** Where `move` and `copy` take the value from. */
  readonly from?: string;
  /** What `add` and `replace` put in place, and what `test` expects. */
  readonly value?: JsonValue;
  /** In differences, what `remove` and `replace` take away. */
  readonly previous?: JsonValue;
}

const KINDS: readonly string[] = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

/**
 * Reads a JSON patch document. Throws a `SyntaxError` for anything but an array of complete
 * operations; members that an operation does not have are dropped.
 */
export function readOperations(document: JsonValue): Operation[] {
  if (!isArray(document)) throw new SyntaxError('a patch must be an array of operations');
  return document.map(readOperation);
}

function readOperation(entry: JsonValue, index: number): Operation {
  const fail = (reason: string): never => {
    throw new SyntaxError(`operation ${index}: ${reason}`);
  };
  if (!isObject(entry)) return fail('must be an object');
  const { op, path, from, value } = entry;
  if (typeof op !== 'string' || !KINDS.includes(op)) return fail('unknown "op"');
  if (typeof path !== 'string') return fail('needs a "path"');
  parsePointer(path);

  const kind = op as OperationKind;
  if (kind === 'move' || kind === 'copy') {
    if (typeof from !== 'string') return fail('needs a "from"');
    parsePointer(from);
    return { op: kind, path, from };
  }
  if (kind === 'remove') return { op: kind, path };
  if (value === undefined) return fail('needs a "value"');
  return { op: kind, path, value };
}
