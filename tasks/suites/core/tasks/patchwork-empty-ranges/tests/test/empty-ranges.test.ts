import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyPatch,
  createPatch,
  type FilePatch,
  formatPatch,
  parsePatch,
  reversePatch,
} from '../src/index.ts';

const FIVE = '1\n2\n3\n4\n5\n';

function make(oldText: string, newText: string, context = 3): FilePatch {
  return createPatch({ oldPath: 'a/f', newPath: 'b/f', oldText, newText }, { context });
}

function read(...hunks: string[]): FilePatch {
  return parsePatch(`--- a/f\n+++ b/f\n${hunks.join('')}`)[0] ?? assert.fail();
}

function headers(patch: FilePatch): string[] {
  return formatPatch(patch).match(/^@@.*@@/gm) ?? [];
}

function applied(text: string, patch: FilePatch): string {
  const result = applyPatch(text, patch, { fuzz: 0 });
  assert.ok(result.ok);
  assert.deepEqual(
    result.placements.map((placement) => placement.offset),
    patch.hunks.map(() => 0),
  );
  return result.text;
}

describe('writing empty ranges', () => {
  it('names line 0 in a new and in a deleted file', () => {
    assert.deepEqual(headers(make('', 'x\n')), ['@@ -0,0 +1 @@']);
    assert.deepEqual(headers(make('', 'x\ny')), ['@@ -0,0 +1,2 @@']);
    assert.deepEqual(headers(make('x\ny\nz\n', '')), ['@@ -1,3 +0,0 @@']);
  });

  it('names the line before an insertion', () => {
    assert.deepEqual(headers(make(FIVE, '1\n2\n3\nx\n4\n5\n', 0)), ['@@ -3,0 +4 @@']);
    assert.deepEqual(headers(make(FIVE, `x\ny\n${FIVE}`, 0)), ['@@ -0,0 +1,2 @@']);
    assert.deepEqual(headers(make(FIVE, `${FIVE}x\n`, 0)), ['@@ -5,0 +6 @@']);
  });

  it('names the line before a deletion', () => {
    assert.deepEqual(headers(make(FIVE, '1\n2\n3\n5\n', 0)), ['@@ -4 +3,0 @@']);
    assert.deepEqual(headers(make(FIVE, '3\n4\n5\n', 0)), ['@@ -1,2 +0,0 @@']);
  });

  it('leaves other ranges alone', () => {
    assert.deepEqual(headers(make(FIVE, '1\n2\nx\n4\n5\n', 0)), ['@@ -3 +3 @@']);
    assert.deepEqual(headers(make(FIVE, `x\n${FIVE}`)), ['@@ -1,3 +1,4 @@']);
    assert.deepEqual(headers(make(FIVE, `${FIVE}x\n`, 1)), ['@@ -5 +5,2 @@']);
  });

  it('counts what earlier hunks have moved', () => {
    assert.deepEqual(headers(make(FIVE, '0\n1\n3\n4\nx\n5\n', 0)), [
      '@@ -0,0 +1 @@',
      '@@ -2 +2,0 @@',
      '@@ -4,0 +5 @@',
    ]);
  });
});

describe('applying empty ranges', () => {
  it('inserts after the named line', () => {
    assert.equal(applied(FIVE, read('@@ -3,0 +4 @@\n+x\n')), '1\n2\n3\nx\n4\n5\n');
    assert.equal(applied(FIVE, read('@@ -0,0 +1 @@\n+x\n')), `x\n${FIVE}`);
    assert.equal(applied(FIVE, read('@@ -5,0 +6,2 @@\n+x\n+y\n')), `${FIVE}x\ny\n`);
    assert.equal(applied('', read('@@ -0,0 +1,2 @@\n+x\n+y\n')), 'x\ny\n');
  });

  it('deletes the named line', () => {
    assert.equal(applied(FIVE, read('@@ -4 +3,0 @@\n-4\n')), '1\n2\n3\n5\n');
    assert.equal(applied('x\n', read('@@ -1 +0,0 @@\n-x\n')), '');
  });

  it('takes several hunks', () => {
    const patch = read(
      '@@ -0,0 +1 @@\n+0\n',
      '@@ -2 +2,0 @@\n-2\n',
      '@@ -4,0 +5 @@\n+x\n',
      '@@ -5,0 +7 @@\n+y\n',
    );
    assert.equal(applied(FIVE, patch), '0\n1\n3\n4\nx\n5\ny\n');
    assert.equal(applied('0\n1\n3\n4\nx\n5\ny\n', reversePatch(patch)), FIVE);
  });

  it('keeps a missing newline', () => {
    const patch = read('@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n');
    assert.equal(applied('', patch), 'x');
    assert.equal(applied('x', reversePatch(patch)), '');
  });
});

describe('round trips', () => {
  const texts = [
    '',
    'a\n',
    FIVE,
    '1\n3\n5\n',
    '0\n1\n2\n3\n4\n5\n6',
    '2\nx\ny\n4\n',
    '5\n4\n3\n2\n1',
  ];

  it('write what was read', () => {
    const hunks = ['@@ -0,0 +1 @@\n+0\n', '@@ -2 +2,0 @@\n-2\n', '@@ -4,0 +5 @@\n+x\n'];
    const text = `--- a/f\n+++ b/f\n${hunks.join('')}`;
    assert.equal(parsePatch(text).map(formatPatch).join(''), text);
    const reversed = formatPatch(reversePatch(read(...hunks)));
    assert.deepEqual(reversed.match(/^@@.*@@/gm), [
      '@@ -1 +0,0 @@',
      '@@ -2,0 +2 @@',
      '@@ -5 +4,0 @@',
    ]);
  });

  it('read what was written', () => {
    for (const oldText of texts) {
      for (const newText of texts) {
        for (const context of [0, 1, 3]) {
          const patch = make(oldText, newText, context);
          const read = parsePatch(formatPatch(patch));
          assert.deepEqual(read, patch.hunks.length === 0 ? [] : [patch]);
        }
      }
    }
  });

  it('apply and undo at their place', () => {
    for (const oldText of texts) {
      for (const newText of texts) {
        for (const context of [0, 1, 3]) {
          const patch = make(oldText, newText, context);
          assert.equal(applied(oldText, patch), newText);
          assert.equal(applied(newText, reversePatch(patch)), oldText);
        }
      }
    }
  });
});
