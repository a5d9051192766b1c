/**
 * Constraints: what may stand in a `:name<constraint>` segment, and what value it becomes.
 *
 * A constraint decides on the decoded text of one segment. It never sees a slash that separates segments, but it does see one that was
 * percent-encoded.
 */
export interface Constraint<T> {
  /** The value of `raw`, or `undefined` when the segment does not qualify; the route then does not match. Must not throw. */
  parse(raw: string): T | undefined;
  /** The text of `value`, for URL building. Without it the text is `String(value)`. */
  format?(value: T): string;
}

/** Custom constraints by the name that patterns use for them. */
// oxlint-disable-next-line typescript/no-explicit-any -- a map of constraints on unrelated types
export type ConstraintMap = Readonly<Record<string, Constraint<any>>>;

/** An integer in its canonical spelling (`7`, not `07` or `+7`), within the safe range. */
const int: Constraint<number> = {
  parse(raw) {
    if (!/^(?:0|-?[1-9]\d*)$/.test(raw)) return undefined;
    const value = Number(raw);
    return Number.isSafeInteger(value) ? value : undefined;
  },
};

const bool: Constraint<boolean> = {
  parse(raw) {
    if (raw === 'true') return true;
    return raw === 'false' ? false : undefined;
  },
};

/** A UUID in any case; the value is in lower case. */
const uuid: Constraint<string> = {
  parse(raw) {
    return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(raw) ? raw.toLowerCase() : undefined;
  },
};

/** Lower-case words and numbers joined by single hyphens. */
const slug: Constraint<string> = {
  parse(raw) {
    return /^[a-z\d]+(?:-[a-z\d]+)*$/.test(raw) ? raw : undefined;
  },
};

/** The constraints that every router knows. */
export const builtinConstraints = { int, bool, uuid, slug };

function oneOf(choices: readonly string[]): Constraint<string> {
  const allowed = new Set(choices);
  return { parse: (raw) => (allowed.has(raw) ? raw : undefined) };
}

/**
 * The constraint that the text between `<` and `>` stands for: a list of literal choices (`asc|desc`), a custom constraint, or a built-in
 * one. A custom constraint replaces a built-in of the same name. `undefined` when nothing has that name.
 */
export function lookUpConstraint(expression: string, custom: ConstraintMap): Constraint<unknown> | undefined {
  if (expression.includes('|')) return oneOf(expression.split('|'));
  if (Object.hasOwn(custom, expression)) return custom[expression];
  if (Object.hasOwn(builtinConstraints, expression)) {
    return builtinConstraints[expression as keyof typeof builtinConstraints] as Constraint<unknown>;
  }
  return undefined;
}
