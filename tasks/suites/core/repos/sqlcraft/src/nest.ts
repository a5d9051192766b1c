/** From the flat rows of a one-to-many join to parents that hold lists of their children. */

/** The keys of a row that hold a group. */
type GroupKey<Row> = { [K in keyof Row]-?: NonNullable<Row[K]> extends object ? K : never }[keyof Row];

export type Nested<Row, Many extends GroupKey<Row>> = {
  [K in keyof Row]: K extends Many ? NonNullable<Row[K]>[] : Row[K];
};

/**
 * Merges rows with equal `by` into the first of them and collects each group named in `many` into a list. Parents keep
 * the order of their first rows and children that of theirs. Missing groups (null) add nothing. Where several groups
 * are collected, a join gives every combination of their rows; equal children, by value, are taken once then.
 */
export function nest<Row extends object, Many extends GroupKey<Row>>(
  rows: readonly Row[],
  by: keyof Row,
  ...many: readonly Many[]
): Nested<Row, Many>[] {
  const parents = new Map<unknown, { readonly parent: Record<PropertyKey, unknown>; readonly seen: Set<string> }>();
  for (const row of rows) {
    const key = row[by] instanceof Date ? row[by].getTime() : row[by];
    let entry = parents.get(key);
    if (entry === undefined) {
      const lists = Object.fromEntries(many.map((name) => [name, [] as unknown[]]));
      entry = { parent: { ...row, ...lists }, seen: new Set() };
      parents.set(key, entry);
    }
    for (const name of many) {
      const child: unknown = row[name];
      if (child === null || child === undefined) continue;
      const identity = `${String(name)} ${JSON.stringify(child)}`;
      if (many.length > 1 && entry.seen.has(identity)) continue;
      entry.seen.add(identity);
      (entry.parent[name] as unknown[]).push(child);
    }
  }
  return [...parents.values()].map(({ parent }) => parent as Nested<Row, Many>);
}
