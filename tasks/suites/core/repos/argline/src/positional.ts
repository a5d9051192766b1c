/** Declarations of positional arguments. Each has a name, which is its key in the result. */
import { choiceType, customType, integerType, numberType, stringType, type ValueType } from "./values.ts";

/** A declared positional. `Result` is what `parse` puts under `Name`. */
export interface Positional<Name extends string = string, out Result = unknown> {
  readonly name: Name;
  readonly description: string;
  readonly choices: readonly string[];
  readonly optional: boolean;
  readonly variadic: boolean;
  /** The value when the command line has no word for it. */
  readonly fallback: unknown;
  readonly convert: (raw: string) => unknown;
  /** Carries `Result` for inference; never present at run time. */
  readonly "~result"?: () => Result;
}

export interface PositionalSettings<T> {
  readonly description?: string;
  /** The word may be missing; with `variadic`, there may be none. */
  readonly optional?: boolean;
  /** Take as many words as there are, leaving enough for the positionals behind it. */
  readonly variadic?: boolean;
  /** Implies `optional`. Not for variadic positionals. */
  readonly default?: T;
}

export type PositionalResult<T, Settings> = Settings extends { readonly variadic: true }
  ? T[]
  : Settings extends { readonly default: unknown }
    ? T
    : Settings extends { readonly optional: true }
      ? T | undefined
      : T;

/** Constructors of positionals, one for each type of value. */
export const positional = {
  string<const Name extends string, const Settings extends PositionalSettings<string> = {}>(
    name: Name,
    settings?: Settings,
  ): Positional<Name, PositionalResult<string, Settings>> {
    return declare(name, stringType, settings);
  },

  number<const Name extends string, const Settings extends PositionalSettings<number> = {}>(
    name: Name,
    settings?: Settings,
  ): Positional<Name, PositionalResult<number, Settings>> {
    return declare(name, numberType, settings);
  },

  integer<const Name extends string, const Settings extends PositionalSettings<number> = {}>(
    name: Name,
    settings?: Settings,
  ): Positional<Name, PositionalResult<number, Settings>> {
    return declare(name, integerType, settings);
  },

  choice<
    const Name extends string,
    const Choice extends string,
    const Settings extends PositionalSettings<Choice> = {},
  >(name: Name, choices: readonly Choice[], settings?: Settings): Positional<Name, PositionalResult<Choice, Settings>> {
    return declare(name, choiceType(choices), settings);
  },

  custom<const Name extends string, T, const Settings extends PositionalSettings<T> = {}>(
    name: Name,
    convert: (raw: string) => T,
    settings?: Settings,
  ): Positional<Name, PositionalResult<T, Settings>> {
    return declare(name, customType(convert), settings);
  },
};

function declare<Name extends string, T, Result>(
  name: Name,
  type: ValueType<T>,
  settings: PositionalSettings<T> = {},
): Positional<Name, Result> {
  const variadic = settings.variadic ?? false;
  return {
    name,
    description: settings.description ?? "",
    choices: type.choices,
    optional: (settings.optional ?? false) || settings.default !== undefined,
    variadic,
    fallback: variadic ? [] : settings.default,
    convert: type.convert,
  };
}
