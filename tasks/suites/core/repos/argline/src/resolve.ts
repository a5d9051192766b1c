/** The second half of parsing: from words to values, with the environment and defaults where there are no words. */
import type { PositionalList } from "./command.ts";
import { UsageError } from "./errors.ts";
import { longName } from "./names.ts";
import type { Option } from "./option.ts";
import type { Positional } from "./positional.ts";
import type { Scope } from "./scope.ts";
import { readSwitch } from "./values.ts";
import type { Occurrence } from "./walk.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of every option in scope, by key. The command line wins over the environment, which wins over defaults. */
export function resolveOptions(
  scope: Scope,
  occurrences: ReadonlyMap<string, readonly Occurrence[]>,
  environment: Environment,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, option] of scope.options) {
    const given = occurrences.get(key) ?? [];
    const fromEnvironment = option.env === undefined ? undefined : environment[option.env];
    if (given.length > 0) {
      values[key] = fromOccurrences(option, given);
    } else if (option.env !== undefined && fromEnvironment !== undefined && fromEnvironment !== "") {
      values[key] = fromVariable(option, option.env, fromEnvironment);
    } else if (option.required && isEmpty(option.fallback)) {
      const spelling = `--${longName(key)}`;
      throw new UsageError("missing-option", spelling, `${spelling} is required`);
    } else {
      values[key] = Array.isArray(option.fallback) ? [...option.fallback] : option.fallback;
    }
  }
  return values;
}

/**
 * Hands `words` to the positionals in order. A variadic one takes what is left when every other one has had its word,
 * so `cp <sources...> <target>` gives the last word to the target.
 */
export function resolvePositionals(positionals: PositionalList, words: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  let next = 0;
  positionals.forEach((positional, index) => {
    const left = words.length - next;
    const behind = positionals.length - index - 1;
    const share = positional.variadic ? Math.max(0, left - behind) : Math.min(1, left);
    if (share === 0 && !positional.optional) {
      throw new UsageError("missing-argument", positional.name, `missing argument <${positional.name}>`);
    }
    values[positional.name] = fromWords(positional, words.slice(next, next + share));
    next += share;
  });
  const extra = words[next];
  if (extra !== undefined) throw new UsageError("unexpected-argument", extra, `unexpected argument "${extra}"`);
  return values;
}

function fromOccurrences(option: Option, given: readonly Occurrence[]): unknown {
  if (option.kind === "count") return given.length;
  if (option.kind === "flag") return !given.at(-1)?.negated;
  const values = given.map(({ spelling, value }) => convert(option, spelling, value ?? ""));
  return option.repeated ? values : values.at(-1);
}

function fromVariable(option: Option, variable: string, raw: string): unknown {
  const subject = `$${variable}`;
  if (option.kind === "flag") return convert({ convert: readSwitch }, subject, raw);
  if (!option.repeated) return convert(option, subject, raw);
  return raw.split(",").map((part) => convert(option, subject, part.trim()));
}

function fromWords(positional: Positional, words: readonly string[]): unknown {
  const subject = `<${positional.name}>`;
  const values = words.map((word) => convert(positional, subject, word));
  if (positional.variadic) return values;
  return values.length === 0 ? positional.fallback : values[0];
}

function convert(type: { convert(raw: string): unknown }, subject: string, raw: string): unknown {
  try {
    return type.convert(raw);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError("invalid-value", subject, `${subject}: ${reason}`);
  }
}

function isEmpty(fallback: unknown): boolean {
  return fallback === undefined || (Array.isArray(fallback) && fallback.length === 0);
}
