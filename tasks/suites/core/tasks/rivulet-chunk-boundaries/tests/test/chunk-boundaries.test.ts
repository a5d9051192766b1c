import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { csv, DecodeError, lines, ndjson, text, toArray, type Chunk } from '../src/index.ts';

const encode = (document: string): Uint8Array => new TextEncoder().encode(document);

/** All ways to cut a document in two, then into single units and into units of three, with empty chunks between. */
function cuts<C extends Chunk>(document: C): C[][] {
  const part = (from: number, to?: number): C => document.slice(from, to) as C;
  const units = (size: number): C[] => Array.from({ length: Math.ceil(document.length / size) }, (_, i) => part(i * size, (i + 1) * size));
  const halves = Array.from({ length: document.length + 1 }, (_, at) => [part(0, at), part(at)]);
  const spaced = units(1).flatMap((unit) => [part(0, 0), unit, part(0, 0)]);
  return [[document], ...halves, units(1), units(3), spaced];
}

type Decoder<T> = (source: Iterable<Chunk>) => AsyncIterable<T>;

/** Checks that a decoder gives the same items wherever the document is cut. */
async function same<T>(decode: Decoder<T>, document: string | Uint8Array, expected: readonly T[]): Promise<void> {
  const bytes = typeof document === 'string' ? encode(document) : document;
  for (const chunks of cuts(bytes)) {
    assert.deepEqual(await toArray(decode(chunks)), expected, `cut into ${JSON.stringify(chunks.map((chunk) => [...chunk]))}`);
  }
  if (typeof document !== 'string') return;
  for (const chunks of cuts(document)) assert.deepEqual(await toArray(decode(chunks)), expected, `cut into ${JSON.stringify(chunks)}`);
}

/** Checks that a decoder refuses a document at the same record, after the same items, wherever it is cut. */
async function refused(decode: Decoder<unknown>, document: string, record: number, before: readonly unknown[]): Promise<void> {
  for (const chunks of [...cuts(encode(document)), ...cuts(document)]) {
    const items: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const item of decode(chunks)) items.push(item);
      },
      (error: unknown) => error instanceof DecodeError && error.record === record,
      `cut into ${chunks.length}: ${JSON.stringify(chunks)}`,
    );
    assert.deepEqual(items, before);
  }
}

/** The text as a single item, after a check that no piece is empty. */
const joined: Decoder<string> = async function* (source) {
  const pieces = await toArray(text(source));
  assert.ok(!pieces.includes(''));
  yield pieces.join('');
};

describe('text, wherever it is cut', () => {
  it('decodes characters of all lengths', () => same(joined, 'aé€😀 e\u0301 ß漢字🎉!', ['aé€😀 e\u0301 ß漢字🎉!']));

  it('drops a byte order mark at the start only', () =>
    same(joined, Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xef, 0xbb, 0xbf, 0x62, 0xef, 0xbb, 0xbf), ['a\uFEFFb\uFEFF']));

  it('replaces what is malformed', () => same(joined, Uint8Array.of(0x61, 0xff, 0x62, 0xc3, 0x28, 0xe2, 0x82, 0x63), ['a\uFFFDb\uFFFD(\uFFFDc']));

  it('replaces what is incomplete at the end', async () => {
    await same(joined, Uint8Array.of(0x61, 0xc3), ['a\uFFFD']);
    await same(joined, Uint8Array.of(0xf0, 0x9f, 0x98), ['\uFFFD']);
  });

  it('yields nothing for nothing', async () => {
    assert.deepEqual(await toArray(text([])), []);
    assert.deepEqual(await toArray(text([new Uint8Array(), '', new Uint8Array()])), []);
  });
});

describe('lines, wherever they are cut', () => {
  it('end with any line end', () => same(lines, 'a\r\nbé\rc\n\r\n\r\rd\n', ['a', 'bé', 'c', '', '', '', 'd']));

  it('end with a carriage return at the very end', async () => {
    await same(lines, 'a\r', ['a']);
    await same(lines, 'a\r\r', ['a', '']);
    await same(lines, '\r\n', ['']);
    await same(lines, '\n\r\r\n\n', ['', '', '', '']);
  });

  it('come out as they become complete', async () => {
    let pulled = 0;
    const source = function* (): Generator<string, void> {
      for (const chunk of ['a\r', '\nb', '\nc\n', 'd']) {
        pulled += 1;
        yield chunk;
      }
    };
    const read = lines(source());
    const seen: [string, number][] = [];
    for await (const line of read) seen.push([line, pulled]);
    assert.deepEqual(seen.map(([line]) => line), ['a', 'b', 'c', 'd']);
    assert.ok((seen[0]?.[1] ?? 9) <= 2 && (seen[1]?.[1] ?? 9) <= 3);
  });
});

describe('ndjson, wherever it is cut', () => {
  it('gives the same documents', () => same(ndjson, '{"a":"é😀"}\r\n\r\n[1,2]\r"x"\nnull', [{ a: 'é😀' }, [1, 2], 'x', null]));

  it('refuses at the same line', () => refused(ndjson, '1\r\n\r\n2\r\n{"a":\r\n3', 4, [1, 2]));
});

describe('csv, wherever it is cut', () => {
  it('reads quotes, line ends and wide characters', () =>
    same(csv, 'name,note\r\n"Zoë","say ""hi"""\r\n😀,"a\r\nb,""",\r\n', [
      ['name', 'note'],
      ['Zoë', 'say "hi"'],
      ['😀', 'a\r\nb,"', ''],
    ]));

  it('reads fields of nothing but quotes', async () => {
    await same(csv, '"",""""\n""""""', [['', '"'], ['""']]);
    await same(csv, 'a"b,c""d', [['a"b', 'c""d']]);
    await same(csv, '""', [['']]);
  });

  it('skips empty rows', () => same(csv, '\r\na\r\r\n\nb\r\n\r\n"\r\n"\r\n', [['a'], ['b'], ['\r\n']]));

  it('takes another delimiter', () => same((source) => csv(source, { delimiter: ';' }), 'a;"b;""";c\r\n;', [['a', 'b;"', 'c'], ['', '']]));

  it('refuses the same documents', async () => {
    await refused(csv, 'a\r\n"b', 2, [['a']]);
    await refused(csv, 'a\r\nb\r\n"c""', 3, [['a'], ['b']]);
    await refused(csv, 'a\r\n"b"c\r\n', 2, [['a']]);
    await refused(csv, '"a" "b"', 1, []);
  });

  it('yields rows as they become complete', async () => {
    let pulled = 0;
    const source = function* (): Generator<string, void> {
      for (const chunk of ['a,"b', '"\r', '\nc', ',d\r\n', 'e']) {
        pulled += 1;
        yield chunk;
      }
    };
    const seen: number[] = [];
    for await (const row of csv(source())) {
      assert.ok(row.length > 0);
      seen.push(pulled);
    }
    assert.ok(seen.length === 3 && (seen[0] ?? 9) <= 3 && (seen[1] ?? 9) <= 5);
  });
});
