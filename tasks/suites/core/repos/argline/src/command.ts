/**
 * Declarations of commands, and the checks that a declaration makes sense.
 *
 * A command does not know its own name: the program's name is the business of whoever prints help, and a subcommand
 * is named by its key in its parent.
 */
import { DeclarationError } from "./errors.ts";
import { isCommandName, isOptionKey, longName, negatedName } from "./names.ts";
import type { Option } from "./option.ts";
import type { Positional } from "./positional.ts";

export type OptionMap = Readonly<Record<string, Option>>;
export type PositionalList = readonly Positional[];

export interface Command<Options extends OptionMap = OptionMap, Positionals extends PositionalList = PositionalList> {
  readonly summary: string;
  readonly description: string;
  readonly options: Options;
  readonly positionals: Positionals;
  readonly subcommands: Readonly<Record<string, Command>>;
  /** Whether a command with subcommands may also be called without one. */
  readonly bare: boolean;
}

export interface CommandDeclaration<Options extends OptionMap, Positionals extends PositionalList> {
  /** One line, for the list of commands in the parent's help. */
  readonly summary?: string;
  /** Any number of paragraphs for the command's own help; the summary when left out. */
  readonly description?: string;
  /** Keyed in camelCase; `outDir` is spelt `--out-dir`. Subcommands inherit them. */
  readonly options?: Options;
  readonly positionals?: Positionals;
  readonly subcommands?: Readonly<Record<string, Command>>;
  readonly bare?: boolean;
}

/** Declares a command. Throws `DeclarationError` when no command line could satisfy it or names are ambiguous. */
export function command<const Options extends OptionMap = {}, const Positionals extends PositionalList = []>(
  declaration: CommandDeclaration<Options, Positionals>,
): Command<Options, Positionals> {
  const summary = declaration.summary ?? "";
  const declared: Command = {
    summary,
    description: declaration.description ?? summary,
    options: declaration.options ?? {},
    positionals: declaration.positionals ?? [],
    subcommands: declaration.subcommands ?? {},
    bare: declaration.bare ?? false,
  };
  checkOptions(declared.options);
  checkPositionals(declared.positionals);
  checkSubcommands(declared);
  return declared as Command<Options, Positionals>;
}

export function hasSubcommands(declared: Command): boolean {
  return Object.keys(declared.subcommands).length > 0;
}

function checkOptions(options: OptionMap): void {
  const taken = new Map<string, string>();
  const claim = (spelling: string, key: string) => {
    const owner = taken.get(spelling);
    if (owner !== undefined) throw new DeclarationError(`${spelling} stands for both "${owner}" and "${key}"`);
    taken.set(spelling, key);
  };
  for (const [key, declared] of Object.entries(options)) {
    if (!isOptionKey(key)) throw new DeclarationError(`"${key}" is not a camelCase option key`);
    claim(`--${longName(key)}`, key);
    if (declared.negatable) claim(`--${negatedName(key)}`, key);
    if (declared.short === undefined) continue;
    if (!/^[A-Za-z0-9?@]$/.test(declared.short)) {
      throw new DeclarationError(`"${declared.short}" is not a short option: one letter or digit is`);
    }
    claim(`-${declared.short}`, key);
  }
}

function checkPositionals(positionals: PositionalList): void {
  const names = new Set<string>();
  let variadic: string | undefined;
  let optional: string | undefined;
  for (const declared of positionals) {
    if (names.has(declared.name)) throw new DeclarationError(`there are two arguments named "${declared.name}"`);
    names.add(declared.name);
    if (declared.variadic) {
      if (variadic !== undefined) {
        throw new DeclarationError(`only one argument may be variadic, not both "${variadic}" and "${declared.name}"`);
      }
      variadic = declared.name;
    }
    if (declared.optional) optional = declared.name;
    else if (optional !== undefined) {
      throw new DeclarationError(`the argument "${declared.name}" is required but stands behind "${optional}"`);
    }
  }
}

function checkSubcommands(declared: Command): void {
  for (const name of Object.keys(declared.subcommands)) {
    if (!isCommandName(name)) throw new DeclarationError(`"${name}" cannot be the name of a subcommand`);
  }
  if (!hasSubcommands(declared)) {
    if (declared.bare) throw new DeclarationError("only a command with subcommands can be bare");
  } else if (declared.positionals.length > 0) {
    throw new DeclarationError("a command has either subcommands or positionals, not both");
  }
}
