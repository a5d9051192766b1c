/** Declarations of options. The type of each option's value follows from the settings it is declared with. */
import { choiceType, customType, integerType, numberType, stringType, type ValueType } from "./values.ts";

/** A declared option. `Result` is what `parse` puts under the option's key. */
export interface Option<out Result = unknown> {
  readonly kind: "flag" | "count" | "value";
  readonly short: string | undefined;
  readonly description: string;
  /** The name of the value in help; empty for flags and counts. */
  readonly placeholder: string;
  readonly choices: readonly string[];
  readonly env: string | undefined;
  readonly group: string | undefined;
  readonly hidden: boolean;
  readonly negatable: boolean;
  readonly required: boolean;
  readonly repeated: boolean;
  /** The value when neither the command line nor the environment has one. */
  readonly fallback: unknown;
  readonly convert: (raw: string) => unknown;
  /** Carries `Result` for inference; never present at run time. */
  readonly "~result"?: () => Result;
}

export interface CommonSettings {
  /** One character, so that `-o` stands for the option. */
  readonly short?: string;
  readonly description?: string;
  /** The environment variable to read when the command line does not have the option. */
  readonly env?: string;
  /** The heading in help to list the option under, instead of "Options". */
  readonly group?: string;
  /** Leave the option out of help and suggestions. */
  readonly hidden?: boolean;
}

export interface FlagSettings extends CommonSettings {
  readonly default?: boolean;
  /** Also accept `--no-<name>`. */
  readonly negatable?: boolean;
}

export interface SingleSettings<T> extends CommonSettings {
  readonly placeholder?: string;
  readonly required?: boolean;
  readonly repeated?: false;
  readonly default?: T;
}

export interface RepeatedSettings<T> extends CommonSettings {
  readonly placeholder?: string;
  /** Ask for at least one. */
  readonly required?: boolean;
  readonly repeated: true;
  readonly default?: readonly T[];
}

export type ValueSettings<T> = SingleSettings<T> | RepeatedSettings<T>;

/** The type under the option's key: an array when repeated, never undefined when required or defaulted. */
export type ValueResult<T, Settings> = Settings extends { readonly repeated: true }
  ? T[]
  : Settings extends { readonly required: true } | { readonly default: unknown }
    ? T
    : T | undefined;

/** Constructors of options, one for each type of value. */
export const option = {
  /** A switch: `--color`, and `--no-color` when negatable. Off unless `default` says otherwise. */
  flag(settings: FlagSettings = {}): Option<boolean> {
    return {
      ...commonParts(settings),
      kind: "flag",
      placeholder: "",
      choices: [],
      negatable: settings.negatable ?? false,
      required: false,
      repeated: false,
      fallback: settings.default ?? false,
      convert: (raw) => raw,
    };
  },

  /** A switch that counts how often it was given: `-vvv` is 3. */
  count(settings: CommonSettings = {}): Option<number> {
    return {
      ...commonParts(settings),
      kind: "count",
      placeholder: "",
      choices: [],
      negatable: false,
      required: false,
      repeated: false,
      fallback: 0,
      convert: integerType.convert,
    };
  },

  string<const Settings extends ValueSettings<string> = {}>(settings?: Settings): Option<ValueResult<string, Settings>> {
    return valued(stringType, settings);
  },

  number<const Settings extends ValueSettings<number> = {}>(settings?: Settings): Option<ValueResult<number, Settings>> {
    return valued(numberType, settings);
  },

  integer<const Settings extends ValueSettings<number> = {}>(settings?: Settings): Option<ValueResult<number, Settings>> {
    return valued(integerType, settings);
  },

  /** One of a fixed set of words. */
  choice<const Choice extends string, const Settings extends ValueSettings<Choice> = {}>(
    choices: readonly Choice[],
    settings?: Settings,
  ): Option<ValueResult<Choice, Settings>> {
    return valued(choiceType(choices), settings);
  },

  /** A value of the caller's own type; `convert` throws an `Error` to refuse a word. */
  custom<T, const Settings extends ValueSettings<T> = {}>(
    convert: (raw: string) => T,
    settings?: Settings,
  ): Option<ValueResult<T, Settings>> {
    return valued(customType(convert), settings);
  },
};

function valued<T, Result>(type: ValueType<T>, settings: ValueSettings<T> = {}): Option<Result> {
  const repeated = settings.repeated ?? false;
  return {
    ...commonParts(settings),
    kind: "value",
    placeholder: settings.placeholder ?? type.placeholder,
    choices: type.choices,
    negatable: false,
    required: settings.required ?? false,
    repeated,
    fallback: settings.default ?? (repeated ? [] : undefined),
    convert: type.convert,
  };
}

function commonParts(settings: CommonSettings) {
  return {
    short: settings.short,
    description: settings.description ?? "",
    env: settings.env,
    group: settings.group,
    hidden: settings.hidden ?? false,
  };
}
