import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyPatch,
  createPatch,
  formatPatch,
  parsePatch,
  PatchSyntaxError,
  reversePatch,
} from '../src/index.ts';

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join('');

const between = (oldText: string, newText: string, context = 3) =>
  createPatch({ oldPath: 'a/f', newPath: 'b/f', oldText, newText }, { context });

describe('createPatch', () => {
  it('keeps context around a change', () => {
    const patch = between(numbered(1, 9), numbered(1, 4) + 'x\n' + numbered(6, 9));
    assert.equal(
      formatPatch(patch),
      '--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n',
    );
  });

  it('joins changes whose context touches', () => {
    const oldText = numbered(1, 20);
    const newText = (gap: number): string =>
      oldText.replace(/^5\n/m, 'x\n').replace(new RegExp(`^${5 + gap}\n`, 'm'), 'y\n');
    assert.equal(between(oldText, newText(7)).hunks.length, 1);
    assert.equal(between(oldText, newText(8)).hunks.length, 2);
    assert.equal(between(oldText, newText(3), 1).hunks.length, 1);
    assert.equal(between(oldText, newText(4), 1).hunks.length, 2);
  });

  it('is without hunks for equal texts', () => {
    assert.equal(formatPatch(between('a\n', 'a\n')), '');
  });

  it('refuses a context that is no count', () => {
    assert.throws(() => between('a\n', 'b\n', -1), RangeError);
  });
});

describe('the unified format', () => {
  it('marks lines without a newline', () => {
    const text = formatPatch(between('a\nb', 'a\nc'));
    assert.equal(
      text,
      '--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n' +
        '+c\n\\ No newline at end of file\n',
    );
    assert.deepEqual(parsePatch(text), [between('a\nb', 'a\nc')]);
  });

  it('is read as it was written', () => {
    const patches = [
      between(numbered(1, 40), numbered(3, 20) + 'x\ny\n' + numbered(22, 40)),
      between('a\nb\n', 'a\nb'),
      between('a\n\n\nb\n', 'a\n\nb\n', 1),
    ];
    assert.deepEqual(parsePatch(patches.map(formatPatch).join('')), patches);
  });

  it('is read out of the output of git', () => {
    const patches = parsePatch(
      [
        'diff --git a/x b/x',
        'index 83db48f..bf269f4 100644',
        '--- a/x\t2026-01-01 10:00:00',
        '+++ b/x\t2026-01-02 10:00:00',
        '@@ -1,3 +1,3 @@ function x()',
        ' one',
        '-two',
        '+-- 2',
        '',
        'diff --git a/y b/y',
        '--- a/y',
        '+++ /dev/null',
        '@@ -4 +4 @@',
        '-a',
        '+b',
      ].join('\n'),
    );
    assert.deepEqual(
      patches.map(({ oldPath, newPath }) => [oldPath, newPath]),
      [
        ['a/x', 'b/x'],
        ['a/y', null],
      ],
    );
    assert.equal(applyPatch('one\ntwo\n\n', patches[0] ?? assert.fail()).text, 'one\n-- 2\n\n');
  });

  it('is refused when malformed', () => {
    const header = '--- a\n+++ b\n';
    const bodies = [
      '',
      '@@ -1 @@\n-a\n',
      '@@ -1,2 +1,2 @@\n a\n',
      '@@ -1 +1 @@\n-a\n-b\n',
      '@@ -1 +1 @@\n*a\n',
    ];
    for (const body of bodies) assert.throws(() => parsePatch(header + body), PatchSyntaxError);
    assert.deepEqual(parsePatch('no patch here\n'), []);
  });
});

describe('applyPatch', () => {
  const oldText = numbered(1, 30);
  const newText = numbered(1, 4) + 'five\n' + numbered(6, 19) + 'x\n' + numbered(20, 30);
  const patch = between(oldText, newText);

  it('gives the new text, and the old one back', () => {
    assert.deepEqual(applyPatch(oldText, patch).text, newText);
    assert.equal(applyPatch(newText, reversePatch(patch)).text, oldText);
    assert.deepEqual(reversePatch(patch).hunks, between(newText, oldText).hunks);
    assert.equal(reversePatch(patch).oldPath, 'b/f');
  });

  it('finds hunks that have moved', () => {
    const result = applyPatch(`0\n0\n${oldText}`, patch);
    assert.equal(result.text, `0\n0\n${newText}`);
    assert.deepEqual(result.placements.map(({ offset, fuzz }) => [offset, fuzz]), [[2, 0], [2, 0]]);
  });

  it('does not look further than allowed', () => {
    const result = applyPatch(`0\n0\n${oldText}`, patch, { maxOffset: 1 });
    assert.equal(result.ok, false);
    assert.deepEqual(result.rejected, patch.hunks);
  });

  it('takes the nearest place', () => {
    const block = 'a\nb\nc\n';
    const change = between(`${numbered(1, 5)}${block}`, `${numbered(1, 5)}a\nB\nc\n`, 1);
    const text = `${block}${numbered(1, 4)}${block}`;
    assert.equal(applyPatch(text, change).text, `${block}${numbered(1, 4)}a\nB\nc\n`);
  });

  it('disregards context up to the fuzz', () => {
    const text = oldText.replace('2\n3\n', '2\nIII\n');
    assert.equal(applyPatch(text, patch, { fuzz: 0 }).rejected.length, 1);
    const result = applyPatch(text, patch, { fuzz: 2 });
    assert.ok(result.ok);
    assert.equal(result.placements[0]?.fuzz, 2);
    assert.ok(result.text.includes('III\n4\nfive\n6\n'));
  });

  it('never disregards every line that it has to hold on to', () => {
    const insertion = between('a\nb\n', 'a\nx\nb\n');
    assert.equal(applyPatch('c\nd\n', insertion, { fuzz: 5 }).ok, false);
  });

  it('applies what it can', () => {
    const result = applyPatch(oldText.replace('\n5\n', '\nV\n'), patch);
    assert.equal(result.rejected.length, 1);
    assert.ok(result.text.includes('19\nx\n20\n'));
  });
});
