/**
 * Everything wayfinder throws on its own account.
 *
 *   RouterError
 *   ├── PatternError            a pattern that cannot be parsed, or names an unknown constraint
 *   ├── BuildError              params that do not make a URL of the pattern
 *   ├── NotFoundError           no route has this path
 *   └── MethodNotAllowedError   routes have this path, none of them for this method
 */
export class RouterError extends Error {
  override name = 'RouterError';
}

export class PatternError extends RouterError {
  override name = 'PatternError';
  readonly pattern: string;

  constructor(pattern: string, reason: string) {
    super(`invalid pattern ${JSON.stringify(pattern)}: ${reason}`);
    this.pattern = pattern;
  }
}

export class BuildError extends RouterError {
  override name = 'BuildError';
  readonly pattern: string;

  constructor(pattern: string, reason: string) {
    super(`cannot build a URL of ${JSON.stringify(pattern)}: ${reason}`);
    this.pattern = pattern;
  }
}

export class NotFoundError extends RouterError {
  override name = 'NotFoundError';
  readonly path: string;

  constructor(path: string) {
    super(`no route for ${path}`);
    this.path = path;
  }
}

export class MethodNotAllowedError extends RouterError {
  override name = 'MethodNotAllowedError';
  readonly path: string;
  /** The methods that would have been answered, sorted: the value of an `Allow` header. */
  readonly allow: readonly string[];

  constructor(path: string, method: string, allow: readonly string[]) {
    super(`${method} is not allowed for ${path}`);
    this.path = path;
    this.allow = allow;
  }
}
