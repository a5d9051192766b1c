import { ExprError } from './errors.ts';
import type { Span } from './span.ts';

const KEYWORDS = ['true', 'false', 'null', 'let', 'in'] as const;

/** Longest first, so that `**` is not read as two stars. */
const PUNCTUATION = [
  '=>', '==', '!=', '<=', '>=', '&&', '||', '??', '**',
  '+', '-', '*', '/', '%', '<', '>', '!', '?', ':', '.', ',', '(', ')', '[', ']', '{', '}', '=',
] as const;

export type Keyword = (typeof KEYWORDS)[number];
export type Punctuation = (typeof PUNCTUATION)[number];

export type Token =
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'string'; readonly value: string; readonly span: Span }
  | { readonly kind: 'identifier'; readonly text: string; readonly span: Span }
  | { readonly kind: 'keyword'; readonly text: Keyword; readonly span: Span }
  | { readonly kind: 'punctuation'; readonly text: Punctuation; readonly span: Span }
  | { readonly kind: 'end'; readonly span: Span };

const SPACE = /(?:\s+|#[^\r\n]*)+/y;
const NUMBER = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;

/** What may follow a backslash, and what the two stand for; `\u{…}` comes beside these. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['\\', '\\'],
  ['"', '"'],
  ["'", "'"],
]);

/** True for a name that the parser reads as an identifier, so that it needs no quotes as a record field. */
export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !isKeyword(name);
}

/** A string literal that reads back as the same value. */
export function quote(text: string): string {
  return `"${text.replaceAll(/["\\]|\p{Cc}|\p{Zl}|\p{Zp}/gu, escapeCharacter)}"`;
}

/** The tokens of a source text; the last one is always `end`. Spaces and `#` comments are skipped. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  for (;;) {
    offset += matchAt(SPACE, source, offset).length;
    if (offset >= source.length) {
      tokens.push({ kind: 'end', span: { start: source.length, end: source.length } });
      return tokens;
    }
    const token = readToken(source, offset);
    tokens.push(token);
    offset = token.span.end;
  }
}

function readToken(source: string, start: number): Token {
  const number = matchAt(NUMBER, source, start);
  if (number !== '') {
    const span = { start, end: start + number.length };
    if (matchAt(WORD, source, span.end) !== '') {
      throw new ExprError('lex', 'a number must not run into a name', span);
    }
    const value = Number(number);
    if (!Number.isFinite(value)) throw new ExprError('lex', 'the number is too large', span);
    return { kind: 'number', value, span };
  }
  const word = matchAt(WORD, source, start);
  if (word !== '') {
    const span = { start, end: start + word.length };
    return isKeyword(word) ? { kind: 'keyword', text: word, span } : { kind: 'identifier', text: word, span };
  }
  const first = source.charAt(start);
  if (first === '"' || first === "'") return readString(source, start, first);
  const text = PUNCTUATION.find((candidate) => source.startsWith(candidate, start));
  if (text === undefined) {
    const character = String.fromCodePoint(source.codePointAt(start) ?? 0);
    throw new ExprError('lex', `unexpected character ${JSON.stringify(character)}`, {
      start,
      end: start + character.length,
    });
  }
  return { kind: 'punctuation', text, span: { start, end: start + text.length } };
}

function readString(source: string, start: number, delimiter: string): Token {
  let value = '';
  let offset = start + 1;
  while (offset < source.length) {
    const character = source.charAt(offset);
    if (character === delimiter) return { kind: 'string', value, span: { start, end: offset + 1 } };
    if (character === '\n' || character === '\r') break;
    if (character === '\\') {
      const escape = readEscape(source, offset);
      value += escape.value;
      offset = escape.end;
    } else {
      value += character;
      offset += 1;
    }
  }
  throw new ExprError('lex', 'unterminated string', { start, end: offset });
}

function readEscape(source: string, start: number): { value: string; end: number } {
  const unicode = matchAt(/\\u\{[0-9a-fA-F]{1,6}\}/y, source, start);
  if (unicode !== '') {
    const code = Number.parseInt(unicode.slice(3, -1), 16);
    if (code <= 0x10ffff) return { value: String.fromCodePoint(code), end: start + unicode.length };
  }
  const value = ESCAPES.get(source.charAt(start + 1));
  if (value === undefined) throw new ExprError('lex', 'unknown escape', { start, end: start + 2 });
  return { value, end: start + 2 };
}

function escapeCharacter(character: string): string {
  const letter = [...ESCAPES].find(([, meaning]) => meaning === character)?.[0];
  return letter === undefined ? `\\u{${character.charCodeAt(0).toString(16)}}` : `\\${letter}`;
}

/** The text that a sticky pattern matches at an offset, or the empty string. */
function matchAt(pattern: RegExp, source: string, offset: number): string {
  pattern.lastIndex = offset;
  return pattern.exec(source)?.[0] ?? '';
}

function isKeyword(word: string): word is Keyword {
  return (KEYWORDS as readonly string[]).includes(word);
}
