import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { merge, mergeChunks } from '../src/index.ts';

const text = (lines: string): string => lines.split(' ').map((line) => `${line}\n`).join('');

describe('merge', () => {
  const base = text('a b c d e');

  it('takes changes of both sides', () => {
    assert.deepEqual(merge(base, text('a B c d e'), text('a b c d e f')), {
      text: text('a B c d e f'),
      conflicts: 0,
    });
    assert.deepEqual(merge(base, text('b c d e'), text('a b c e')), {
      text: text('b c e'),
      conflicts: 0,
    });
  });

  it('takes a change that both sides made once', () => {
    assert.equal(merge(base, text('a X c d e'), text('a X c d e')).text, text('a X c d e'));
    assert.equal(merge(base, text('a c d E'), text('a c d e')).text, text('a c d E'));
  });

  it('marks conflicts', () => {
    assert.deepEqual(merge(base, text('a X c d e'), text('a Y c d e')), {
      text: 'a\n<<<<<<< ours\nX\n=======\nY\n>>>>>>> theirs\nc\nd\ne\n',
      conflicts: 1,
    });
  });

  it('sees a conflict in neighbouring lines', () => {
    assert.equal(merge(base, text('a B c d e'), text('a b C d e')).conflicts, 1);
    assert.equal(merge(base, text('a B c d e'), text('a b c D e')).conflicts, 0);
  });

  it('puts common lines outside of the markers', () => {
    const result = merge(base, text('a 1 2 3 c d e'), text('a 1 9 3 c d e'));
    assert.equal(
      result.text,
      'a\n1\n<<<<<<< ours\n2\n=======\n9\n>>>>>>> theirs\n3\nc\nd\ne\n',
    );
  });

  it('shows the base when asked to', () => {
    const result = merge(base, text('a X c d e'), text('a c d e'), {
      style: 'diff3',
      labels: { ours: 'HEAD', base: '4711', theirs: 'topic' },
    });
    assert.equal(
      result.text,
      'a\n<<<<<<< HEAD\nX\n||||||| 4711\nb\n=======\n>>>>>>> topic\nc\nd\ne\n',
    );
  });

  it('keeps markers on lines of their own', () => {
    assert.equal(
      merge('a\n', 'b', 'c').text,
      '<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n',
    );
  });
});

describe('mergeChunks', () => {
  it('covers the three texts', () => {
    const chunks = mergeChunks(text('a b c d e f'), text('A b c X e f'), text('a b c Y Z e'));
    assert.deepEqual(chunks.map((chunk) => chunk.kind), [
      'ours',
      'unchanged',
      'conflict',
      'unchanged',
      'theirs',
    ]);
    assert.equal(chunks.flatMap((chunk) => chunk.base).join(''), text('a b c d e f'));
    assert.equal(chunks.flatMap((chunk) => chunk.ours).join(''), text('A b c X e f'));
    assert.equal(chunks.flatMap((chunk) => chunk.theirs).join(''), text('a b c Y Z e'));
  });
});
