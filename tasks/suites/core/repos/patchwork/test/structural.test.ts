import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyOperations,
  diffValues,
  formatPointer,
  invertOperations,
  type JsonValue,
  OperationError,
  parsePointer,
  readOperations,
} from '../src/index.ts';

describe('pointers', () => {
  it('escape their keys', () => {
    assert.equal(formatPointer(['a/b', 0, '~x', '']), '/a~1b/0/~0x/');
    assert.deepEqual(parsePointer('/a~1b/0/~0x/'), ['a/b', '0', '~x', '']);
    assert.deepEqual(parsePointer(''), []);
    for (const bad of ['a', '/~', '/~2']) assert.throws(() => parsePointer(bad), SyntaxError);
  });
});

describe('diffValues', () => {
  it('compares objects key by key', () => {
    assert.deepEqual(diffValues({ a: 1, b: 2, c: { d: 3 } }, { b: 2, c: { d: 4 }, e: 5 }), [
      { op: 'remove', path: '/a', previous: 1 },
      { op: 'replace', path: '/c/d', value: 4, previous: 3 },
      { op: 'add', path: '/e', value: 5 },
    ]);
  });

  it('finds the elements of arrays that stay', () => {
    assert.deepEqual(diffValues(['a', 'b', 'c'], ['x', 'a', 'c']), [
      { op: 'add', path: '/0', value: 'x' },
      { op: 'remove', path: '/2', previous: 'b' },
    ]);
    assert.deepEqual(diffValues([{ id: 1, n: 1 }, 5], [{ id: 1, n: 2 }, 5]), [
      { op: 'replace', path: '/0/n', value: 2, previous: 1 },
    ]);
  });

  it('replaces the whole document', () => {
    assert.deepEqual(diffValues([], {}), [{ op: 'replace', path: '', value: {}, previous: [] }]);
    assert.deepEqual(diffValues({ a: null }, { a: null }), []);
  });

  it('is applied and undone', () => {
    const documents: JsonValue[] = [
      null,
      [1, 2, 3, 4, 5],
      [5, 4, 3, [2], 1],
      { users: [{ name: 'a', tags: ['x', 'y'] }, { name: 'b' }], total: 2 },
      { users: [{ name: 'b', tags: [] }, { name: 'a', tags: ['y', 'x', 'z'] }], 'a/b': null },
    ];
    for (const before of documents) {
      for (const after of documents) {
        const operations = diffValues(before, after);
        assert.deepEqual(applyOperations(before, operations), after);
        assert.deepEqual(applyOperations(after, invertOperations(operations)), before);
      }
    }
  });
});

describe('applyOperations', () => {
  it('knows all kinds of operations', () => {
    const document = { list: [1, 2], name: 'x' };
    const result = applyOperations(document, [
      { op: 'test', path: '/list/1', value: 2 },
      { op: 'add', path: '/list/-', value: 3 },
      { op: 'move', path: '/first', from: '/list/0' },
      { op: 'copy', path: '/list/0', from: '/name' },
      { op: 'replace', path: '/name', value: null },
    ]);
    assert.deepEqual(result, { list: ['x', 2, 3], name: null, first: 1 });
    assert.deepEqual(document, { list: [1, 2], name: 'x' });
  });

  it('refuses operations that do not fit', () => {
    const document = { list: [1], name: 'x' };
    const operations = [
      { op: 'remove', path: '/none' },
      { op: 'remove', path: '/list/1' },
      { op: 'remove', path: '' },
      { op: 'add', path: '/list/2', value: 1 },
      { op: 'add', path: '/list/01', value: 1 },
      { op: 'add', path: '/name/x', value: 1 },
      { op: 'replace', path: '/list/-', value: 1 },
      { op: 'move', path: '/list/0', from: '/list' },
      { op: 'test', path: '/name', value: 'y' },
    ];
    for (const operation of readOperations(operations)) {
      assert.throws(() => applyOperations(document, [operation]), OperationError);
    }
  });
});

describe('readOperations', () => {
  it('drops what an operation does not have', () => {
    assert.deepEqual(
      readOperations([
        { op: 'remove', path: '/a', value: 1 },
        { op: 'copy', path: '/a', from: '/b', extra: true },
        { op: 'add', path: '/a', value: null },
      ]),
      [
        { op: 'remove', path: '/a' },
        { op: 'copy', path: '/a', from: '/b' },
        { op: 'add', path: '/a', value: null },
      ],
    );
  });

  it('refuses incomplete operations', () => {
    const documents: JsonValue[] = [
      {},
      [null],
      [{ path: '/a' }],
      [{ op: 'swap', path: '/a' }],
      [{ op: 'remove' }],
      [{ op: 'remove', path: 'a' }],
      [{ op: 'add', path: '/a' }],
      [{ op: 'move', path: '/a' }],
    ];
    for (const document of documents) assert.throws(() => readOperations(document), SyntaxError);
  });
});
