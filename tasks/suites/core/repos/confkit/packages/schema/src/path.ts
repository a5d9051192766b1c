/** One step into a value: a string names a key of an object, a number an element of an array. */
export type PathSegment = string | number;

/** Where a value lies below the root; the root itself is the empty path. */
export type Path = readonly PathSegment[];

/** The text given to {@link parsePath} is not a path. */
export class PathSyntaxError extends Error {
  override readonly name = 'PathSyntaxError';
  readonly text: string;

  constructor(text: string) {
    super(`Not a path: ${JSON.stringify(text)}`);
    this.text = text;
  }
}

/** Writes a path for people: `['servers', 0, 'port']` becomes `servers[0].port`, the root the empty string. */
export function formatPath(path: Path): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return text;
}

/**
 * Reads what {@link formatPath} writes: `servers[0].port` becomes `['servers', 0, 'port']`.
 *
 * @throws {PathSyntaxError} for unbalanced brackets and empty segments.
 */
export function parsePath(text: string): Path {
  const path: PathSegment[] = [];
  const segment = /\[(\d+)\]|(\.?)([^.[\]]+)/y;
  while (segment.lastIndex < text.length) {
    const match = segment.exec(text);
    if (match === null) throw new PathSyntaxError(text);
    const [, index, dot, key] = match;
    if (index !== undefined) {
      path.push(Number(index));
    } else {
      // A dot separates: there is none before the first key, and always one before a later key.
      if ((dot === '.') !== path.length > 0) throw new PathSyntaxError(text);
      path.push(key ?? '');
    }
  }
  return path;
}
