import { describe, expect, it } from 'vitest';
import { formatPath, object, number, parsePath, PathSyntaxError, SchemaError } from '@confkit/schema';

describe('paths', () => {
  it('writes keys and indices', () => {
    expect(formatPath([])).toBe('');
    expect(formatPath(['servers', 0, 'port'])).toBe('servers[0].port');
    expect(formatPath([2, 'log-level'])).toBe('[2].log-level');
  });

  it('reads what it writes', () => {
    for (const path of [[], ['a'], ['a', 0], [0, 'a', 1, 2, 'b_c']]) expect(parsePath(formatPath(path))).toEqual(path);
  });

  it('refuses malformed paths', () => {
    for (const text of ['.a', 'a.', 'a..b', 'a[', 'a[x]', 'a]', '[0]a']) expect(() => parsePath(text)).toThrow(PathSyntaxError);
  });

  it('puts paths into error messages', () => {
    const schema = object({ server: object({ port: number() }) });
    const error = (() => {
      try {
        return schema.parse({ server: { port: 'x' } });
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(SchemaError);
    expect((error as SchemaError).message).toBe('server.port: Expected a number, received "x"');
  });
});
