import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  diffLines,
  diffSequences,
  diffWords,
  formatWordDiff,
  type Segment,
  splitLines,
  splitWords,
} from '../src/index.ts';

const show = (segments: readonly Segment[]): string[] =>
  segments.map(({ kind, tokens }) => `${kind} ${tokens.join('')}`);

describe('tokens', () => {
  it('join to the text', () => {
    assert.deepEqual(splitLines(''), []);
    assert.deepEqual(splitLines('a\n\nb'), ['a\n', '\n', 'b']);
    assert.deepEqual(splitLines('a\r\n'), ['a\r\n']);
    assert.deepEqual(splitWords('naïve  x_1,\n'), ['naïve', '  ', 'x_1', ',', '\n']);
    assert.equal(splitWords('a 😀\tb.').join(''), 'a 😀\tb.');
  });
});

describe('diffSequences', () => {
  it('finds a shortest script', () => {
    const cost = (a: string, b: string): number =>
      diffSequences([...a], [...b]).reduce(
        (sum, change) => sum + change.aEnd - change.aStart + change.bEnd - change.bStart,
        0,
      );
    assert.equal(cost('abcabba', 'cbabac'), 5);
    assert.equal(cost('', 'abc'), 3);
    assert.equal(cost('abc', ''), 3);
    assert.equal(cost('same', 'same'), 0);
    assert.equal(cost('kitten', 'sitting'), 5);
  });

  it('gives changes that rebuild the second sequence', () => {
    const a = [...'the quick brown fox'];
    const b = [...'a quiet brown box!'];
    const rebuilt: string[] = [];
    let position = 0;
    for (const change of diffSequences(a, b)) {
      rebuilt.push(...a.slice(position, change.aStart), ...b.slice(change.bStart, change.bEnd));
      position = change.aEnd;
    }
    rebuilt.push(...a.slice(position));
    assert.equal(rebuilt.join(''), b.join(''));
  });

  it('takes any notion of sameness', () => {
    const same = (x: string, y: string): boolean => x.toLowerCase() === y.toLowerCase();
    assert.deepEqual(diffSequences(['A', 'b'], ['a', 'c', 'B'], same), [
      { aStart: 1, aEnd: 1, bStart: 1, bEnd: 2 },
    ]);
  });
});

describe('diffLines', () => {
  it('puts deletions before insertions', () => {
    assert.deepEqual(show(diffLines('a\nb\nc\n', 'a\nx\nc\n')), [
      'equal a\n',
      'delete b\n',
      'insert x\n',
      'equal c\n',
    ]);
  });

  it('tells lines by their terminators', () => {
    assert.deepEqual(show(diffLines('a\nb', 'a\nb\n')), ['equal a\n', 'delete b', 'insert b\n']);
    assert.deepEqual(diffLines('', ''), []);
  });
});

describe('diffWords', () => {
  it('keeps blanks and punctuation', () => {
    const segments = diffWords('one, two three', 'one; two four');
    assert.equal(formatWordDiff(segments), 'one[-,-]{+;+} two [-three-]{+four+}');
  });
});
