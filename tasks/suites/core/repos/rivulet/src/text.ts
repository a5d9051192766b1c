import type { Source } from './source.ts';

/** Bytes of UTF-8, or text that was decoded before. */
export type Chunk = Uint8Array | string;

/** Decodes chunks of UTF-8. Malformed bytes become U+FFFD; a byte order mark at the start is dropped. */
export async function* text(source: Source<Chunk>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  for await (const chunk of source) {
    const piece = typeof chunk === 'string' ? chunk : decoder.decode(chunk);
    if (piece !== '') yield piece;
  }
}

/** Splits text into lines, without their ends: `\n`, `\r\n` or `\r`. A line end at the very end starts no further line. */
export async function* lines(source: Source<Chunk>): AsyncGenerator<string, void> {
  let rest = '';
  for await (const piece of text(source)) {
    const parts = (rest + piece).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? '';
    yield* parts;
  }
  if (rest !== '') yield rest;
}
