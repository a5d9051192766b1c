import { describe, expect, it } from 'vitest';
import { formatIssue, formatPath, number, object, parsePath, PathSyntaxError, record, type Path } from '@confkit/schema';

describe('formatPath', () => {
  it('writes odd keys as JSON strings in brackets', () => {
    expect(formatPath(['hosts', 'eu.west', 'port'])).toBe('hosts["eu.west"].port');
    expect(formatPath(['a.b', 0])).toBe('["a.b"][0]');
    expect(formatPath(['', 'a'])).toBe('[""].a');
    expect(formatPath(['say "hi"', 'é'])).toBe('["say \\"hi\\""]["é"]');
  });

  it('leaves plain keys as they are', () => {
    expect(formatPath(['log-level', 'max_size', '0', 'A1', 0])).toBe('log-level.max_size.0.A1[0]');
  });
});

describe('parsePath of what formatPath writes', () => {
  const keys = ['', 'a', 'a.b', '.', 'a[0]', '[0]', '0', ']', '[', '"', '\\', '\\"', '"]', 'a"].b["c', ' ', 'é', '}', '${x}', '\n', '*', '__proto__'];
  const paths: Path[] = [...keys.map((key) => [key]), ...keys.map((key) => ['x', key, 3, key]), ...keys.map((key) => [key, 'y']), keys, [0, 'a.b']];

  it('gives the same path', () => {
    for (const path of paths) expect(parsePath(formatPath(path))).toEqual(path);
  });

  it('never confuses two paths', () => {
    expect(new Set(paths.map(formatPath)).size).toBe(new Set(paths.map((path) => JSON.stringify(path))).size);
  });
});

describe('parsePath', () => {
  it('reads quoted keys', () => {
    expect(parsePath('a["b.c"].d["e"][1]')).toEqual(['a', 'b.c', 'd', 'e', 1]);
    expect(parsePath(String.raw`["\u0061\n"]`)).toEqual(['a\n']);
  });

  it('goes on reading plain paths', () => {
    expect(parsePath('')).toEqual([]);
    expect(parsePath('servers[0].log level.é')).toEqual(['servers', 0, 'log level', 'é']);
  });

  it('refuses malformed brackets', () => {
    for (const text of ['a["b]', 'a["b"', 'a[b"]', 'a["b"x]', '["\\x"]', '["a"]b', '[""].', '[]', 'a["b"]]', "['a']"]) {
      expect(() => parsePath(text), text).toThrow(PathSyntaxError);
    }
  });
});

describe('messages', () => {
  it('name odd keys without doubt', () => {
    const result = object({ ports: record(number()) }).safeParse({ ports: { 'a.b': 'x' } });
    expect(result.ok ? '' : result.issues.map(formatIssue).join()).toBe('ports["a.b"]: Expected a number, received "x"');
  });
});
