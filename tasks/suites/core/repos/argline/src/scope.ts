/** Which option each spelling stands for at one point of the command line. */
import type { Command } from "./command.ts";
import { longName, negatedName } from "./names.ts";
import type { Option } from "./option.ts";

export interface Match {
  readonly key: string;
  readonly option: Option;
  /** The spelling is the `--no-…` form. */
  readonly negated: boolean;
}

export interface Scope {
  /** Every option in force, by key: inherited ones first, then the innermost command's own. */
  readonly options: ReadonlyMap<string, Option>;
  /** By the name behind the dashes. */
  readonly long: ReadonlyMap<string, Match>;
  readonly short: ReadonlyMap<string, Match>;
  /** Some short option is a digit, so `-5` is an option here and not a number. */
  readonly hasDigits: boolean;
}

/**
 * The scope inside the last of `chain`, a list of commands from the root inwards. An inner command's option replaces
 * an inherited one of the same key altogether, and takes over any spelling the two share when the keys differ.
 */
export function scopeOf(chain: readonly Command[]): Scope {
  const options = new Map<string, Option>();
  for (const { options: declared } of chain) {
    for (const [key, option] of Object.entries(declared)) {
      options.delete(key);
      options.set(key, option);
    }
  }
  const long = new Map<string, Match>();
  const short = new Map<string, Match>();
  for (const [key, option] of options) {
    long.set(longName(key), { key, option, negated: false });
    if (option.negatable) long.set(negatedName(key), { key, option, negated: true });
    if (option.short !== undefined) short.set(option.short, { key, option, negated: false });
  }
  return { options, long, short, hasDigits: [...short.keys()].some((name) => /\d/.test(name)) };
}
