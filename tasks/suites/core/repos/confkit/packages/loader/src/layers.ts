/** The layers that a configuration is put together from. Later layers win over earlier ones. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { Path } from '@confkit/schema';
import { LayerError } from './errors.ts';
import { flatten, parseDotenv, parseIni, parseJson, type Entry } from './formats.ts';
import type { Tree } from './tree.ts';

export interface Layer {
  readonly name: string;
  /** @throws {LayerError} when the layer cannot be read. */
  entries(): readonly Entry[];
}

export interface VariableOptions {
  /** Only variables with this prefix count; it is cut off. `APP_` turns `APP_PORT` into `port`. */
  readonly prefix?: string;
  /** Separates the keys of a path: with `__`, `DB__MAX_CONNECTIONS` becomes `db.maxConnections`. */
  readonly separator?: string;
}

/** Values from the program itself: defaults, or command-line arguments already parsed. */
export function objectLayer(name: string, values: Tree): Layer {
  return { name, entries: () => flatten(values, { layer: name, textual: false }) };
}

export function jsonLayer(name: string, text: string): Layer {
  return { name, entries: () => parseJson(name, text) };
}

export function iniLayer(name: string, text: string): Layer {
  return { name, entries: () => parseIni(name, text) };
}

export function dotenvLayer(name: string, text: string, options: VariableOptions = {}): Layer {
  return {
    name,
    entries: () =>
      parseDotenv(name, text).flatMap((variable) => {
        const path = variablePath(variable.name, options);
        return path === undefined
          ? []
          : [{ path, value: variable.value, origin: { layer: name, place: String(variable.line), textual: true } }];
      }),
  };
}

/** The variables of a process, usually `process.env`. */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>, options: VariableOptions = {}): Layer {
  const name = 'environment';
  return {
    name,
    entries: () =>
      Object.entries(environment).flatMap(([variable, value]) => {
        const path = variablePath(variable, options);
        return path === undefined || value === undefined
          ? []
          : [{ path, value, origin: { layer: name, place: variable, textual: true } }];
      }),
  };
}

/** A file in the format of its extension: `.json`, `.ini` or `.env`. An optional file may be missing. */
export function fileLayer(file: string, options: VariableOptions & { readonly optional?: boolean } = {}): Layer {
  const entries = (): readonly Entry[] => {
    if (!existsSync(file)) {
      if (options.optional === true) return [];
      throw new LayerError(file, 'No such file');
    }
    const text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
    // A file that is called just `.env` has no extension.
    switch (extname(file) || basename(file)) {
      case '.json':
        return parseJson(file, text);
      case '.ini':
        return parseIni(file, text);
      case '.env':
        return dotenvLayer(file, text, options).entries();
      default:
        throw new LayerError(file, 'Unknown format');
    }
  };
  return { name: file, entries };
}

/** Longer numbers are keys: no configuration has a list of ten thousand elements. */
const INDEX = /^(?:0|[1-9]\d{0,3})$/;

/** `DB__MAX_CONNECTIONS` becomes `['db', 'maxConnections']`, and digits an index; `undefined` for foreign variables. */
function variablePath(variable: string, { prefix = '', separator = '__' }: VariableOptions): Path | undefined {
  if (!variable.startsWith(prefix)) return undefined;
  const keys = variable.slice(prefix.length).split(separator);
  if (keys.includes('')) return undefined;
  return keys.map((key) => (INDEX.test(key) ? Number(key) : camelCase(key)));
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/(?<=[^_])_+([a-z0-9])/g, (_, char: string) => char.toUpperCase());
}
