/**
 * The types of values an option or a positional may take: how one is read from a word, and how help names it.
 *
 * A `convert` that refuses its word throws an `Error` whose message completes the sentence "--jobs: …".
 */
export interface ValueType<T> {
  readonly placeholder: string;
  readonly choices: readonly string[];
  readonly convert: (raw: string) => T;
}

/** Decimal notation with an optional fraction and exponent; no hexadecimal, no `Infinity`, no blanks. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

const TRUE_WORDS = new Set(["1", "true", "yes", "on"]);
const FALSE_WORDS = new Set(["0", "false", "no", "off"]);

export const stringType: ValueType<string> = {
  placeholder: "string",
  choices: [],
  convert: (raw) => raw,
};

export const numberType: ValueType<number> = {
  placeholder: "number",
  choices: [],
  convert(raw) {
    const value = DECIMAL.test(raw) ? Number(raw) : Number.NaN;
    if (!Number.isFinite(value)) throw new Error(`expected a number, got "${raw}"`);
    return value;
  },
};

export const integerType: ValueType<number> = {
  placeholder: "integer",
  choices: [],
  convert(raw) {
    const value = DECIMAL.test(raw) ? Number(raw) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw new Error(`expected an integer, got "${raw}"`);
    return value;
  },
};

export function choiceType<Choice extends string>(choices: readonly Choice[]): ValueType<Choice> {
  return {
    placeholder: choices.join("|"),
    choices,
    convert(raw) {
      const found = choices.find((choice) => choice === raw);
      if (found === undefined) throw new Error(`expected one of ${choices.join(", ")}, got "${raw}"`);
      return found;
    },
  };
}

export function customType<T>(convert: (raw: string) => T): ValueType<T> {
  return { placeholder: "value", choices: [], convert };
}

/** Reads a switch from the environment, where it can only be spelt as a word. */
export function readSwitch(raw: string): boolean {
  const word = raw.trim().toLowerCase();
  if (TRUE_WORDS.has(word)) return true;
  if (FALSE_WORDS.has(word)) return false;
  throw new Error(`expected yes or no, got "${raw}"`);
}
