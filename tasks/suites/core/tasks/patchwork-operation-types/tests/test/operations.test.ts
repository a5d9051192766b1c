import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyOperations,
  diffValues,
  invertOperations,
  matchOperation,
  ofKind,
  readOperations,
} from '../src/index.ts';

const before = { name: 'x', tags: ['a', 'b'], size: 1 };
const after = { tags: ['b', 'c'], size: 2, owner: null };

const everyKind = readOperations([
  { op: 'add', path: '/a', value: 1 },
  { op: 'copy', path: '/b', from: '/a' },
  { op: 'move', path: '/c', from: '/a' },
  { op: 'replace', path: '/b', value: [null] },
  { op: 'test', path: '/b/0', value: null },
  { op: 'remove', path: '/c' },
]);

describe('matchOperation', () => {
  it('calls the handler of the kind with the operation', () => {
    const seen = everyKind.map((operation) =>
      matchOperation(operation, {
        add: ({ op, value }) => `${op} ${JSON.stringify(value)}`,
        remove: ({ op, path }) => `${op} ${path}`,
        replace: ({ op, value }) => `${op} ${JSON.stringify(value)}`,
        move: ({ op, from }) => `${op} ${from}`,
        copy: ({ op, from }) => `${op} ${from}`,
        test: ({ op, value }) => `${op} ${JSON.stringify(value)}`,
      }),
    );
    assert.deepEqual(seen, [
      'add 1',
      'copy /a',
      'move /a',
      'replace [null]',
      'test null',
      'remove /c',
    ]);
  });

  it('passes on what the handler returns or throws', () => {
    const [operation = assert.fail()] = diffValues(1, 2);
    const result = {};
    const handlers = { add: () => null, remove: () => null, replace: () => result };
    assert.equal(matchOperation(operation, handlers), result);
    const failing = (): never => {
      throw new RangeError('no');
    };
    assert.throws(() => matchOperation(operation, { ...handlers, replace: failing }), RangeError);
  });
});

describe('ofKind', () => {
  it('filters operations', () => {
    const operations = diffValues(before, after);
    const previous = operations.filter(ofKind('remove', 'replace')).map((each) => each.previous);
    assert.deepEqual(previous, ['x', 'a', 1]);
    const values = operations.filter(ofKind('add')).map((each) => each.value);
    assert.deepEqual(values, ['c', null]);
  });

  it('refuses everything without kinds', () => {
    assert.deepEqual(everyKind.filter(ofKind()), []);
  });
});

describe('operations at run time', () => {
  it('are applied as before', () => {
    assert.deepEqual(applyOperations({}, everyKind), { b: [null] });
  });

  it('of a difference are undone', () => {
    const operations = diffValues(before, after);
    assert.deepEqual(applyOperations(before, operations), after);
    assert.deepEqual(applyOperations(after, invertOperations(operations)), before);
    assert.deepEqual(invertOperations(invertOperations(operations)), operations);
  });

  it('keep null and false as values', () => {
    const operations = diffValues({ a: null, b: false }, { a: false, b: null });
    assert.deepEqual(operations, [
      { op: 'replace', path: '/a', value: false, previous: null },
      { op: 'replace', path: '/b', value: null, previous: false },
    ]);
    assert.deepEqual(invertOperations([{ op: 'add', path: '/c', value: null }]), [
      { op: 'remove', path: '/c', previous: null },
    ]);
  });

  it('are checked when read', () => {
    for (const document of [[{ op: 'add', path: '/a' }], [{ op: 'copy', path: '/a' }], [{}], 1]) {
      assert.throws(() => readOperations(document), SyntaxError);
    }
    assert.deepEqual(readOperations([{ op: 'remove', path: '/a', previous: 1, value: 2 }]), [
      { op: 'remove', path: '/a' },
    ]);
  });
});
