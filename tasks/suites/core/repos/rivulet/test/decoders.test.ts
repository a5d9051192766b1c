import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { csv, DecodeError, lines, ndjson, text, toArray, type CsvOptions } from '../src/index.ts';

const bytes = (string: string): Uint8Array => new TextEncoder().encode(string);
const rows = (document: string, options?: CsvOptions): Promise<string[][]> => toArray(csv([document], options));

describe('text', () => {
  it('decodes bytes and passes text through', async () => {
    assert.deepEqual(await toArray(text([bytes('héllo '), new Uint8Array(), 'wörld'])), ['héllo ', 'wörld']);
  });

  it('drops a byte order mark', async () => {
    assert.deepEqual(await toArray(text([Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)])), ['a']);
  });
});

describe('lines', () => {
  it('knows all line ends', async () => {
    assert.deepEqual(await toArray(lines(['a\nb\r\nc\rd\n\ne'])), ['a', 'b', 'c', 'd', '', 'e']);
  });

  it('puts lines together from chunks', async () => {
    assert.deepEqual(await toArray(lines(['a', 'b\nc', '', 'd\n'])), ['ab', 'cd']);
    assert.deepEqual(await toArray(lines([])), []);
  });
});

describe('ndjson', () => {
  it('parses a document per line', async () => {
    assert.deepEqual(await toArray(ndjson([bytes('{"a": 1}\n\n[2]\r\n"x'), bytes('"')])), [{ a: 1 }, [2], 'x']);
  });

  it('names the line that it cannot read', async () => {
    await assert.rejects(toArray(ndjson(['1\n\n{'])), (error: unknown) => error instanceof DecodeError && error.record === 3);
  });
});

describe('csv', () => {
  it('reads plain rows', async () => {
    assert.deepEqual(await rows('a,b\r\nc,\n\n,d'), [
      ['a', 'b'],
      ['c', ''],
      ['', 'd'],
    ]);
  });

  it('reads quoted fields', async () => {
    assert.deepEqual(await rows('"a,b","c\r\nd","e ""f"""\n"",g"h'), [
      ['a,b', 'c\r\nd', 'e "f"'],
      ['', 'g"h'],
    ]);
  });

  it('puts rows together from chunks', async () => {
    assert.deepEqual(await toArray(csv(['a,', 'b', 'b\nc', ',"d', '\n"'])), [
      ['a', 'bb'],
      ['c', 'd\n'],
    ]);
  });

  it('takes another delimiter', async () => {
    assert.deepEqual(await rows('a;"b;c";d,e', { delimiter: ';' }), [['a', 'b;c', 'd,e']]);
  });

  it('names the row that it cannot read', async () => {
    await assert.rejects(rows('a\n"b'), (error: unknown) => error instanceof DecodeError && error.record === 2);
    await assert.rejects(rows('"a"b'), DecodeError);
  });
});
