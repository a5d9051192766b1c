import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { merge, type MergeChunk, mergeChunks } from '../src/index.ts';

type Side = 'ours' | 'theirs';

const text = (lines: string): string => lines.split(' ').map((line) => `${line}\n`).join('');
const join = (chunks: readonly MergeChunk[], part: 'base' | Side): string =>
  chunks.flatMap((chunk) => chunk[part]).join('');

/** What the chunks say when every conflict goes to one side. */
function chosen(base: string, ours: string, theirs: string, side: Side): string {
  const other = side === 'ours' ? 'theirs' : 'ours';
  return mergeChunks(base, ours, theirs)
    .flatMap((chunk) => (chunk.kind === other ? chunk[other] : chunk[side]))
    .join('');
}

/** The text of a merge after taking one side of every conflict; the texts hold no markers. */
function choose(merged: string, side: Side): string {
  let part: 'both' | 'base' | Side = 'both';
  const kept: string[] = [];
  for (const line of merged.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    if (line.startsWith('<<<<<<<')) part = 'ours';
    else if (line.startsWith('|||||||')) part = 'base';
    else if (line.startsWith('=======')) part = 'theirs';
    else if (line.startsWith('>>>>>>>')) part = 'both';
    else if (part === 'both' || part === side) kept.push(line);
  }
  return kept.join('');
}

function checkChunks(base: string, ours: string, theirs: string): void {
  const chunks = mergeChunks(base, ours, theirs);
  const where = JSON.stringify([base, ours, theirs]);
  assert.equal(join(chunks, 'base'), base, where);
  assert.equal(join(chunks, 'ours'), ours, where);
  assert.equal(join(chunks, 'theirs'), theirs, where);
  for (const [index, chunk] of chunks.entries()) {
    const [b, o, t] = [chunk.base, chunk.ours, chunk.theirs].map((lines) => lines.join(''));
    let expected = 'conflict';
    if (o === t) expected = o === b ? 'unchanged' : 'both';
    else if (o === b) expected = 'theirs';
    else if (t === b) expected = 'ours';
    assert.equal(chunk.kind, expected, where);
    const next = chunks[index + 1];
    if (next !== undefined) {
      assert.notEqual(chunk.kind === 'unchanged', next.kind === 'unchanged', where);
    }
  }
}

function checkTexts(base: string, ours: string, theirs: string): void {
  const where = JSON.stringify([base, ours, theirs]);
  for (const style of ['merge', 'diff3'] as const) {
    const merged = merge(base, ours, theirs, { style });
    for (const side of ['ours', 'theirs'] as const) {
      assert.equal(
        choose(merged.text, side),
        chosen(base, ours, theirs, side),
        `${style} ${where}`,
      );
    }
    assert.equal(merged.text.split('<<<<<<<').length - 1, merged.conflicts, where);
  }
}

/** A fixed sequence of numbers from 0 up to but not including a limit. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Texts of few different lines, edited at random, so that changes meet in every way. */
function* cases(count: number): Generator<[base: string, ours: string, theirs: string]> {
  const random = numbers(20_261_120);
  const word = (): string => 'abcde'[random(5)] ?? 'a';
  for (let index = 0; index < count; index += 1) {
    const base = Array.from({ length: 1 + random(12) }, word);
    const edit = (): string => {
      const lines = [...base];
      for (let step = random(5); step > 0; step -= 1) {
        const added = Array.from({ length: random(3) }, word);
        lines.splice(random(lines.length + 1), random(3), ...added);
      }
      return lines.map((line) => `${line}\n`).join('');
    };
    yield [base.map((line) => `${line}\n`).join(''), edit(), edit()];
  }
}

describe('interlocked changes', () => {
  const base = text('a b c d e f g');

  it('of theirs across two of ours are one conflict', () => {
    assert.deepEqual(merge(base, text('A B c d E F g'), text('a X f g')), {
      text: `<<<<<<< ours\n${text('A B c d E F')}=======\n${text('a X f')}>>>>>>> theirs\ng\n`,
      conflicts: 1,
    });
    const chunks = mergeChunks(base, text('A B c d E F g'), text('a X f g'));
    assert.deepEqual(chunks.map((chunk) => chunk.kind), ['conflict', 'unchanged']);
    assert.equal(chunks[0]?.base.join(''), text('a b c d e f'));
  });

  it('of ours across two of theirs are one conflict', () => {
    assert.deepEqual(merge(base, text('a X f g'), text('A B c d E F g')), {
      text: `<<<<<<< ours\n${text('a X f')}=======\n${text('A B c d E F')}>>>>>>> theirs\ng\n`,
      conflicts: 1,
    });
  });

  it('may be a long chain', () => {
    const long = text('a b c d e f g h i j k l');
    // Ours: ab, de, gh, jk. Theirs: bcd, efg, hij.
    const ours = text('1 c 2 f 3 i 4 l');
    const theirs = text('a 5 6 7 k l');
    const chunks = mergeChunks(long, ours, theirs);
    assert.deepEqual(chunks.map((chunk) => chunk.kind), ['conflict', 'unchanged']);
    checkChunks(long, ours, theirs);
    checkTexts(long, ours, theirs);
  });

  it('need not overlap where they touch', () => {
    const chunks = mergeChunks(base, text('A b C d e f g'), text('a B c d e f g'));
    assert.deepEqual(chunks.map((chunk) => [chunk.kind, chunk.base.join('')]), [
      ['conflict', text('a b c')],
      ['unchanged', text('d e f g')],
    ]);
  });

  it('stay apart where an unchanged line is between them', () => {
    const chunks = mergeChunks(base, text('A b C d e F g'), text('a B c d E f G'));
    assert.deepEqual(chunks.map((chunk) => [chunk.kind, chunk.base.join('')]), [
      ['conflict', text('a b c')],
      ['unchanged', text('d')],
      ['conflict', text('e f g')],
    ]);
    const apart = mergeChunks(base, text('A b c d E f g'), text('a b C d e f G'));
    assert.deepEqual(
      apart.filter((chunk) => chunk.kind !== 'unchanged').map((chunk) => chunk.kind),
      ['ours', 'theirs', 'ours', 'theirs'],
    );
  });
});

describe('conflicts with common lines', () => {
  it('at both ends that are the same lines of one side', () => {
    for (const [ours, theirs] of [
      ['p x q', 'p q'],
      ['p x p', 'p'],
      ['p', 'p x p'],
      ['p', 'p p'],
      ['p q p q p', 'p q p'],
      ['p p p', 'p p'],
    ] as const) {
      const sides = [text('a b c'), text(`a ${ours} c`), text(`a ${theirs} c`)] as const;
      checkTexts(...sides);
      assert.equal(merge(...sides).conflicts, 1);
      assert.equal(choose(merge(...sides).text, 'ours'), sides[1]);
      assert.equal(choose(merge(...sides).text, 'theirs'), sides[2]);
    }
  });

  it('put them outside of the markers', () => {
    const result = merge(text('a b c'), text('a 1 2 3 c'), text('a 1 9 3 c'));
    assert.equal(result.text, 'a\n1\n<<<<<<< ours\n2\n=======\n9\n>>>>>>> theirs\n3\nc\n');
  });
});

describe('any three texts', () => {
  it('are covered by their chunks', () => {
    for (const sides of cases(1500)) checkChunks(...sides);
  });

  it('give merges that can be resolved to either side', () => {
    for (const sides of cases(1500)) checkTexts(...sides);
  });

  it('merge alike when the sides are exchanged', () => {
    for (const [base, ours, theirs] of cases(500)) {
      const exchanged = mergeChunks(base, theirs, ours).map((chunk) => ({
        ...chunk,
        kind: chunk.kind === 'ours' ? 'theirs' : chunk.kind === 'theirs' ? 'ours' : chunk.kind,
        ours: chunk.theirs,
        theirs: chunk.ours,
      }));
      assert.deepEqual(exchanged, mergeChunks(base, ours, theirs));
    }
  });

  it('merge without conflict when one side changed nothing', () => {
    for (const [base, ours, theirs] of cases(300)) {
      assert.deepEqual(merge(base, ours, base), { text: ours, conflicts: 0 });
      assert.deepEqual(merge(base, base, theirs), { text: theirs, conflicts: 0 });
      assert.deepEqual(merge(base, ours, ours), { text: ours, conflicts: 0 });
    }
  });
});
