/**
 * The text formats. Each parser turns a text into the assignments that it makes, in order; it knows nothing of other
 * layers. JSON has types; INI and .env have only text and say so in the origin.
 */
import { parsePath, type Path } from '@confkit/schema';
import { LayerError } from './errors.ts';
import type { Origin } from './origin.ts';
import { isTree } from './tree.ts';

/** One value that a layer assigns. */
export interface Entry {
  readonly path: Path;
  readonly value: unknown;
  readonly origin: Origin;
}

/** A JSON document with an object at its root. */
export function parseJson(layer: string, text: string): Entry[] {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw new LayerError(layer, (error as Error).message);
  }
  if (!isTree(root)) throw new LayerError(layer, 'Expected an object at the root');
  return flatten(root, { layer, textual: false });
}

/** The leaves of a tree as entries. Arrays and empty objects are leaves. */
export function flatten(root: Readonly<Record<string, unknown>>, origin: Origin, path: Path = []): Entry[] {
  return Object.entries(root).flatMap(([key, value]) => {
    const inner = [...path, key];
    return isTree(value) && Object.keys(value).length > 0 ? flatten(value, origin, inner) : [{ path: inner, value, origin }];
  });
}

/**
 * An INI file: `[section]` headers, which may be dotted paths, and `key = value` lines. Lines that start with `;` or `#`
 * are comments; a value may be wrapped in double quotes to keep its outer spaces.
 */
export function parseIni(layer: string, text: string): Entry[] {
  const entries: Entry[] = [];
  let section: Path = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    const number = index + 1;
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue;
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) {
      section = parseSection(header[1] ?? '', layer, number);
      continue;
    }
    const equals = line.indexOf('=');
    if (equals <= 0) throw new LayerError(layer, 'Expected "key = value"', number);
    const key = line.slice(0, equals).trim();
    const value = line.slice(equals + 1).trim();
    const quoted = /^"(.*)"$/.exec(value);
    entries.push({
      path: [...section, key],
      value: quoted?.[1] ?? value,
      origin: { layer, place: String(number), textual: true },
    });
  }
  return entries;
}

function parseSection(text: string, layer: string, line: number): Path {
  try {
    return parsePath(text);
  } catch {
    throw new LayerError(layer, `Not a section: [${text}]`, line);
  }
}

/** A variable of a .env file. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

const ASSIGNMENT = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * A .env file: `NAME=value` lines, with an optional `export`. A value in double quotes knows the escapes `\n`, `\r`,
 * `\t`, `\"` and `\\`; one in single quotes is taken as it stands. A `#` starts a comment.
 */
export function parseDotenv(layer: string, text: string): Variable[] {
  const variables: Variable[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    const number = index + 1;
    if (line === '' || line.startsWith('#')) continue;
    const [, name, rest] = ASSIGNMENT.exec(line) ?? [];
    if (name === undefined || rest === undefined) throw new LayerError(layer, 'Expected "NAME=value"', number);
    variables.push({ name, value: dotenvValue(rest, layer, number), line: number });
  }
  return variables;
}

function dotenvValue(text: string, layer: string, line: number): string {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return text.replace(/#.*$/, '').trimEnd();
  const pattern = quote === '"' ? /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/ : /^'([^']*)'\s*(?:#.*)?$/;
  const content = pattern.exec(text)?.[1];
  if (content === undefined) throw new LayerError(layer, 'Unterminated quote', line);
  return quote === '"' ? content.replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? char) : content;
}
