import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BuildError, buildPath, formatQuery, parseQuery, Router, RouterError } from '../src/index.ts';

/** Builds from a pattern and params that are not known to fit. */
function build(pattern: string, params: Record<string, unknown> = {}): string {
  return buildPath(pattern, params);
}

describe('buildPath', () => {
  it('puts encoded params in their places', () => {
    assert.equal(build('/users/:id<int>/:tab', { id: 7, tab: 'a/b c' }), '/users/7/a%2Fb%20c');
    assert.equal(build('/café'), '/caf%C3%A9');
    assert.equal(build('/'), '/');
    assert.equal(build('/files/*path', { path: ['a', 'b/c'] }), '/files/a/b%2Fc');
  });

  it('leaves out optional params', () => {
    assert.equal(build('/:lang?/about', {}), '/about');
    assert.equal(build('/:lang?/about', { lang: 'fr' }), '/fr/about');
    assert.equal(build('/files/*path?', { path: [] }), '/files');
    assert.equal(build('/:year?/:month?', { year: 2024 }), '/2024');
  });

  it('refuses params that do not fit', () => {
    assert.throws(() => build('/users/:id', {}), BuildError);
    assert.throws(() => build('/users/:id', { id: '' }), BuildError);
    assert.throws(() => build('/users/:id<int>', { id: 1.5 }), BuildError);
    assert.throws(() => build('/users/:toString', {}), BuildError);
    assert.throws(() => build('/files/*path', { path: [] }), BuildError);
    assert.throws(() => build('/files/*path', { path: 'a/b' }), BuildError);
    assert.throws(() => build('/:year?/:month?', { month: 5 }), BuildError);
  });

  it('appends query and hash', () => {
    const url = buildPath('/search', {}, { query: { q: 'a&b', page: 0, tag: ['x', 'y'], empty: '', none: undefined }, hash: 'top 1' });
    assert.equal(url, '/search?q=a%26b&page=0&tag=x&tag=y&empty=#top%201');
    assert.equal(buildPath('/search', {}, { query: { none: null }, hash: '' }), '/search');
  });
});

describe('named routes', () => {
  it('build their URLs by name', () => {
    const router = new Router();
    const route = router.get('/users/:id', () => undefined, { name: 'user' });
    assert.equal(router.url('user', { id: 'ann' }), '/users/ann');
    assert.equal(route.url({ id: 'ann' }, { query: { tab: 'x' } }), '/users/ann?tab=x');
    assert.deepEqual([route.name, route.method, route.pattern], ['user', 'GET', '/users/:id']);
  });

  it('must be known and unique', () => {
    const router = new Router();
    router.get('/a', () => undefined, { name: 'a' });
    assert.throws(() => router.url('b'), RouterError);
    assert.throws(() => router.get('/b', () => undefined, { name: 'a' }), RouterError);
    assert.equal(router.resolve('GET', '/b').kind, 'notFound');
  });
});

describe('query strings', () => {
  it('collect repeated keys and keep what is not valid encoding', () => {
    assert.deepEqual({ ...parseQuery('a=1&b&a=2&&c=x%20y+z&d=50%&=e&a=3') }, { a: ['1', '2', '3'], b: '', c: 'x y z', d: '50%', '': 'e' });
  });

  it('survive a round trip', () => {
    const query = { 'a b': 'c&d=e', list: ['1', '2'], plus: '+', empty: '' };
    assert.deepEqual({ ...parseQuery(formatQuery(query)) }, query);
  });
});
