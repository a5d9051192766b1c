import { Glob, type GlobOptions } from './glob.ts';

/** The paths that the last pattern with something to say of them includes. */
export function select(paths: readonly string[], patterns: readonly string[], options?: GlobOptions): string[] {
  const rules = patterns.map((pattern) => {
    const isExcluding = pattern.startsWith('!');
    return { isExcluding, glob: new Glob(isExcluding ? pattern.slice(1) : pattern, options) };
  });
  return paths.filter((path) => rules.findLast(({ glob }) => glob.match(path))?.isExcluding === false);
}
