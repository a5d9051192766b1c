/**
 * Query strings. A key that occurs once has a string, a key that occurs more often the list of its values in order.
 */
export type Query = Record<string, string | string[]>;

export type QueryValue = string | number | boolean | null | undefined;

/** What `formatQuery` accepts: `null` and `undefined` leave the key out, a list repeats it. */
export type QueryInput = Readonly<Record<string, QueryValue | readonly QueryValue[]>>;

/** Parses the text behind the `?`. Text that is no valid percent-encoding is kept as it stands: a query is user input. */
export function parseQuery(text: string): Query {
  const query: Query = Object.create(null) as Query;
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1));
    const present = query[key];
    if (present === undefined) query[key] = value;
    else if (Array.isArray(present)) present.push(value);
    else query[key] = [present, value];
  }
  return query;
}

/** The text behind the `?`, in the order of the keys; empty when nothing is left. */
export function formatQuery(input: QueryInput): string {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(input)) {
    for (const one of Array.isArray(value) ? (value as readonly QueryValue[]) : [value as QueryValue]) {
      if (one !== null && one !== undefined) pairs.push(`${encodeURIComponent(key)}=${encodeURIComponent(one)}`);
    }
  }
  return pairs.join('&');
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
