import { describe, expect, it } from 'vitest';
import { LayerError, dotenvLayer, environmentLayer, iniLayer, jsonLayer, type Layer } from '@confkit/loader';
import { formatPath } from '@confkit/schema';

const values = (layer: Layer): Record<string, unknown> =>
  Object.fromEntries(layer.entries().map(({ path, value }) => [formatPath(path), value]));

describe('JSON', () => {
  it('yields the leaves, lists as a whole', () => {
    expect(values(jsonLayer('a.json', '{"a": {"b": 1, "c": [1, {"d": 2}]}, "e": {}}'))).toEqual({
      'a.b': 1,
      'a.c': [1, { d: 2 }],
      e: {},
    });
  });

  it('refuses malformed documents and other roots', () => {
    expect(() => jsonLayer('a.json', '{').entries()).toThrow(LayerError);
    expect(() => jsonLayer('a.json', '[]').entries()).toThrow(/a\.json: Expected an object/);
  });
});

describe('INI', () => {
  it('reads sections, comments and quoted values', () => {
    const text = '; comment\nname = app\n\n[server.http]\nport = 80\nbanner = "  hi = there "\r\n# end\n';
    expect(values(iniLayer('a.ini', text))).toEqual({ name: 'app', 'server.http.port': '80', 'server.http.banner': '  hi = there ' });
  });

  it('knows the lines', () => {
    expect(iniLayer('a.ini', '\n[s]\nk = v').entries()[0]?.origin).toEqual({ layer: 'a.ini', place: '3', textual: true });
    expect(() => iniLayer('a.ini', 'ok = 1\nbroken').entries()).toThrow('a.ini:2: Expected');
    expect(() => iniLayer('a.ini', '[a..b]').entries()).toThrow(LayerError);
  });
});

describe('.env', () => {
  it('reads plain and quoted values', () => {
    const text = ['# comment', 'NAME=app', 'export MODE = dev ', "RAW='a\\n#b'", 'TEXT="a\\tb \\"c\\" # d" # comment', 'EMPTY='].join('\n');
    expect(values(dotenvLayer('.env', text))).toEqual({ name: 'app', mode: 'dev', raw: 'a\\n#b', text: 'a\tb "c" # d', empty: '' });
  });

  it('drops comments after plain values', () => {
    expect(values(dotenvLayer('.env', 'MODE=dev # or prod\nNOTHING= # yet'))).toEqual({ mode: 'dev', nothing: '' });
  });

  it('refuses what it cannot read', () => {
    expect(() => dotenvLayer('.env', 'A=1\nB="open').entries()).toThrow('.env:2: Unterminated quote');
    expect(() => dotenvLayer('.env', '1A=1').entries()).toThrow(LayerError);
  });
});

describe('environment variables', () => {
  it('turns names into paths', () => {
    const layer = environmentLayer(
      { APP_DB__MAX_CONNECTIONS: '5', APP_SERVERS__0__HOST: 'a', PATH: '/bin', APP_: 'x', APP_A____B: 'x', APP_UNSET: undefined },
      { prefix: 'APP_' },
    );
    expect(values(layer)).toEqual({ 'db.maxConnections': '5', 'servers[0].host': 'a' });
  });

  it('takes another separator', () => {
    expect(values(environmentLayer({ 'DB.HOST_NAME': 'a' }, { separator: '.' }))).toEqual({ 'db.hostName': 'a' });
  });
});
