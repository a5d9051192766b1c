import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyPatch,
  createPatch,
  diffLines,
  type FilePatch,
  formatPatch,
  parsePatch,
  type PatchOptions,
  reversePatch,
  type WhitespaceMode,
} from '../src/index.ts';

const MODES: readonly WhitespaceMode[] = [
  'exact',
  'ignore-trailing',
  'ignore-amount',
  'ignore-all',
];

function make(oldText: string, newText: string, options: PatchOptions): FilePatch {
  return createPatch({ oldPath: 'a/f', newPath: 'b/f', oldText, newText }, options);
}

/** The modes under which two texts are the same, first letters only for brevity. */
function sameUnder(oldText: string, newText: string): WhitespaceMode[] {
  return MODES.filter((whitespace) =>
    diffLines(oldText, newText, { whitespace }).every((segment) => segment.kind === 'equal'),
  );
}

describe('modes', () => {
  const [, trailing, amount, all] = MODES;

  it('ignore whitespace at the end of a line', () => {
    for (const other of ['a b \n', 'a b\t \n', 'a b\r\n', 'a b \r\n']) {
      assert.deepEqual(sameUnder('a b\n', other), [trailing, amount, all]);
      assert.deepEqual(sameUnder(other, 'a b\n'), [trailing, amount, all]);
    }
  });

  it('ignore the amount of whitespace', () => {
    for (const other of [' a  b\n', '\ta\tb \n', '  a \t b\r\n']) {
      assert.deepEqual(sameUnder(' a b\n', other), [amount, all]);
    }
  });

  it('ignore all whitespace', () => {
    for (const other of ['a b\n', ' ab\n', '\ta\u00a0b \r\n']) {
      assert.deepEqual(sameUnder('ab\n', other), [all]);
    }
  });

  it('tell blank lines from no lines', () => {
    assert.deepEqual(sameUnder('a\n\nb\n', 'a\n \t\nb\n'), [trailing, amount, all]);
    assert.deepEqual(sameUnder('a\n\nb\n', 'a\nb\n'), []);
    assert.deepEqual(sameUnder('', '\n'), []);
    assert.deepEqual(sameUnder('', ' '), []);
  });

  it('tell lines by their newline', () => {
    assert.deepEqual(sameUnder('a\nb', 'a\nb\n'), []);
    assert.deepEqual(sameUnder('a\nb', 'a\nb \n'), []);
    assert.deepEqual(sameUnder('a\nb', 'a\nb\r'), [trailing, amount, all]);
  });

  it('are exact unless asked for', () => {
    assert.equal(diffLines('a\n', 'a \n').length, 2);
    assert.equal(diffLines('a\n', 'a \n', {}).length, 2);
    assert.equal(make('a\n', 'a \n', { context: 0 }).hunks.length, 1);
    assert.ok(!applyPatch('a\n', make('a \n', 'b\n', {})).ok);
  });
});

describe('differences', () => {
  it('have equal lines as in the old text', () => {
    assert.deepEqual(
      diffLines('a \n  b\nc\n', 'a\n\tb\nx\n', { whitespace: 'ignore-amount' }),
      [
        { kind: 'equal', tokens: ['a \n', '  b\n'] },
        { kind: 'delete', tokens: ['c\n'] },
        { kind: 'insert', tokens: ['x\n'] },
      ],
    );
  });

  it('leave nothing for a patch', () => {
    const patch = make('a\r\nb\r\n', 'a\nb\n', { whitespace: 'ignore-trailing' });
    assert.deepEqual(patch.hunks, []);
  });

  it('have context as in the old text', () => {
    const patch = make('{\n  a\n  b\n}\n', '{ \n\ta\n\tB\n} \n', { whitespace: 'ignore-all' });
    assert.equal(
      formatPatch(patch),
      '--- a/f\n+++ b/f\n@@ -1,4 +1,4 @@\n {\n   a\n-  b\n+\tB\n }\n',
    );
  });

  it('never run lines together', () => {
    for (const whitespace of MODES) {
      const patch = make('a\nb', 'a \nb\nc\n', { whitespace });
      const { ok, text } = applyPatch('a\nb', patch);
      assert.ok(ok);
      assert.equal(text, whitespace === 'exact' ? 'a \nb\nc\n' : 'a\nb\nc\n');
    }
  });
});

describe('applying', () => {
  const patch = make('one\n  two\nthree\nfour\nfive\n', 'one\n  two\n3\n4\nfive\n', {});

  it('keeps the context of the text', () => {
    const text = 'one\r\n\ttwo\r\nthree \r\nfour\r\nfive\r\n';
    assert.ok(!applyPatch(text, patch, { fuzz: 0 }).ok);
    assert.ok(!applyPatch(text, patch, { fuzz: 0, whitespace: 'ignore-trailing' }).ok);
    for (const whitespace of ['ignore-amount', 'ignore-all'] as const) {
      const result = applyPatch(text, patch, { fuzz: 0, whitespace });
      assert.ok(result.ok);
      assert.equal(result.text, 'one\r\n\ttwo\r\n3\n4\nfive\r\n');
    }
  });

  it('still counts offset and fuzz', () => {
    const text = '0\n0\nONE\ntwo\nthree\t\n fo ur\nfive\n';
    const result = applyPatch(text, patch, { fuzz: 1, whitespace: 'ignore-all' });
    assert.equal(result.text, '0\n0\nONE\ntwo\n3\n4\nfive\n');
    assert.deepEqual(
      result.placements.map(({ offset, fuzz }) => [offset, fuzz]),
      [[2, 1]],
    );
  });

  it('still rejects what is different', () => {
    const text = 'one\n  two\nthree\nfor\nfive\n';
    assert.ok(!applyPatch(text, patch, { whitespace: 'ignore-all' }).ok);
    const unterminated = make('a\nb', 'a\nc', {});
    assert.ok(!applyPatch('a\nb\n', unterminated, { fuzz: 0, whitespace: 'ignore-all' }).ok);
  });

  it('works with patches that were read', () => {
    const [read] = parsePatch(formatPatch(patch).replaceAll('\n', '\r\n'));
    const text = 'one\n  two\nthree\nfour\nfive\n';
    const result = applyPatch(text, read ?? assert.fail(), { whitespace: 'ignore-trailing' });
    assert.equal(result.text, 'one\n  two\n3\r\n4\r\nfive\n');
  });

  it('takes several hunks, there and back', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}\n`);
    const oldText = lines.join('');
    const newText = lines
      .map((line, index) => (index % 12 === 5 ? `new ${index}\n` : line.replace(' ', '   ')))
      .join('');
    const options = { whitespace: 'ignore-amount' } as const;
    const spaced = make(oldText, newText, { ...options, context: 2 });
    assert.equal(spaced.hunks.length, 3);
    assert.equal(applyPatch(oldText, spaced, { fuzz: 0 }).text, newText.replaceAll('   ', ' '));
    assert.equal(applyPatch(newText, spaced, options).ok, false);
    const spacedOld = oldText.replaceAll(' ', '   ');
    assert.equal(applyPatch(spacedOld, spaced, { ...options, fuzz: 0 }).text, newText);
    const back = applyPatch(newText, reversePatch(spaced), { ...options, fuzz: 0 });
    assert.ok(back.ok);
    assert.deepEqual(diffLines(back.text, oldText, options).map(({ kind }) => kind), ['equal']);
  });
});
