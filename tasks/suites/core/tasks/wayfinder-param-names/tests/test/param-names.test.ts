import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Context, MethodNotAllowedError, type Middleware, Router } from '../src/index.ts';

function tell(name: string) {
  return (context: Context<unknown>) => ({ name, params: context.params });
}

function ask(router: Router, method: string, url: string): Promise<unknown> {
  return router.handle({ method, url }, undefined);
}

describe('names of params', () => {
  it('do not outweigh a more specific segment behind them', async () => {
    const router = new Router();
    router.get('/:user/:repo', tell('repo'));
    router.get('/:owner/settings', tell('settings'));
    router.get('/:name/:n<int>', tell('n'));
    assert.deepEqual(await ask(router, 'GET', '/ann/settings'), { name: 'settings', params: { owner: 'ann' } });
    assert.deepEqual(await ask(router, 'GET', '/ann/12'), { name: 'n', params: { name: 'ann', n: 12 } });
    assert.deepEqual(await ask(router, 'GET', '/ann/tool'), { name: 'repo', params: { user: 'ann', repo: 'tool' } });
  });

  it('do not outweigh the method', async () => {
    const router = new Router();
    router.all('/teams/:team', tell('all'));
    router.get('/teams/:id', tell('get'));
    router.route('HEAD', '/teams/:key', tell('head'));
    assert.deepEqual(await ask(router, 'GET', '/teams/7'), { name: 'get', params: { id: '7' } });
    assert.deepEqual(await ask(router, 'HEAD', '/teams/7'), { name: 'head', params: { key: '7' } });
    assert.deepEqual(await ask(router, 'PUT', '/teams/7'), { name: 'all', params: { team: '7' } });
  });

  it('belong to each route, even when two routes swap them', async () => {
    const router = new Router();
    router.get('/:a/to/:b', tell('get'));
    router.post('/:b/to/:a', tell('post'));
    router.put('/:a<int>/to/:c', tell('put'));
    router.delete('/:x<int>/to/:y', tell('delete'));
    assert.deepEqual(await ask(router, 'GET', '/u/to/v'), { name: 'get', params: { a: 'u', b: 'v' } });
    assert.deepEqual(await ask(router, 'POST', '/u/to/v'), { name: 'post', params: { b: 'u', a: 'v' } });
    assert.deepEqual(await ask(router, 'DELETE', '/1/to/v'), { name: 'delete', params: { x: 1, y: 'v' } });
    assert.deepEqual(await ask(router, 'POST', '/1/to/v'), { name: 'post', params: { b: '1', a: 'v' } });
  });

  it('of wildcards play no part either', async () => {
    const router = new Router();
    router.all('/files/*anything', tell('all'));
    router.get('/files/*path', tell('get'));
    router.post('/files/*target', tell('post'));
    router.all('/docs/*anything?', tell('all docs'));
    router.get('/docs/*page?', tell('get docs'));
    assert.deepEqual(await ask(router, 'GET', '/files/a/b'), { name: 'get', params: { path: ['a', 'b'] } });
    assert.deepEqual(await ask(router, 'POST', '/files/a'), { name: 'post', params: { target: ['a'] } });
    assert.deepEqual(await ask(router, 'PUT', '/files/a'), { name: 'all', params: { anything: ['a'] } });
    assert.deepEqual(await ask(router, 'GET', '/docs'), { name: 'get docs', params: {} });
    assert.deepEqual(await ask(router, 'GET', '/docs/a'), { name: 'get docs', params: { page: ['a'] } });
    assert.deepEqual(await ask(router, 'PUT', '/docs'), { name: 'all docs', params: {} });
  });

  it('stay right around optional params', async () => {
    const router = new Router();
    router.get('/:year<int>?/:month<int>?/news', tell('get'));
    router.post('/:y<int>/:slug/news', tell('post'));
    router.put('/:lang?/:page', tell('put'));
    router.patch('/:only', tell('patch'));
    assert.deepEqual(await ask(router, 'GET', '/2024/news'), { name: 'get', params: { year: 2024 } });
    assert.deepEqual(await ask(router, 'GET', '/2024/5/news'), { name: 'get', params: { year: 2024, month: 5 } });
    assert.deepEqual(await ask(router, 'POST', '/2024/5/news'), { name: 'post', params: { y: 2024, slug: '5' } });
    assert.deepEqual(await ask(router, 'PUT', '/fr'), { name: 'put', params: { page: 'fr' } });
    assert.deepEqual(await ask(router, 'PATCH', '/fr'), { name: 'patch', params: { only: 'fr' } });
    assert.deepEqual(await ask(router, 'PUT', '/fr/home'), { name: 'put', params: { lang: 'fr', page: 'home' } });
  });

  it('belong to each mount', async () => {
    const [read, write] = [new Router(), new Router()];
    read.get('/:id<int>', tell('read'));
    write.delete('/:key<int>', tell('write'));
    const router = new Router().mount('/orgs/:org', read).mount('/orgs/:tenant', write);
    router.post('/orgs/:owner/:what', tell('outer'));
    assert.deepEqual(await ask(router, 'GET', '/orgs/acme/3'), { name: 'read', params: { org: 'acme', id: 3 } });
    assert.deepEqual(await ask(router, 'DELETE', '/orgs/acme/3'), { name: 'write', params: { tenant: 'acme', key: 3 } });
    assert.deepEqual(await ask(router, 'POST', '/orgs/acme/3'), { name: 'outer', params: { owner: 'acme', what: '3' } });
  });

  it('leave the order of registration among equals', async () => {
    const router = new Router();
    router.get('/x/:first', tell('first'));
    router.get('/x/:second', tell('second'));
    router.get('/y/:z<slug>', tell('slug'));
    router.get('/y/:z<int>', tell('int'));
    assert.deepEqual(await ask(router, 'GET', '/x/1'), { name: 'first', params: { first: '1' } });
    assert.deepEqual(await ask(router, 'GET', '/y/1'), { name: 'slug', params: { z: '1' } });
  });
});

describe('a pattern that does not answer the method', () => {
  it('leaves the request to less specific ones', async () => {
    const router = new Router();
    router.get('/users/me', tell('me'));
    router.patch('/users/:id<int>', tell('patch'));
    router.get('/users/:id', tell('get'));
    router.delete('/users/:key', tell('delete'));
    router.route('PURGE', '/*path', tell('purge'));
    assert.deepEqual(await ask(router, 'DELETE', '/users/me'), { name: 'delete', params: { key: 'me' } });
    assert.deepEqual(await ask(router, 'DELETE', '/users/7'), { name: 'delete', params: { key: '7' } });
    assert.deepEqual(await ask(router, 'PATCH', '/users/7'), { name: 'patch', params: { id: 7 } });
    assert.deepEqual(await ask(router, 'PURGE', '/users/me'), { name: 'purge', params: { path: ['users', 'me'] } });
    assert.deepEqual(await ask(router, 'GET', '/users/me'), { name: 'me', params: {} });
  });

  it('does not give way when it answers by HEAD or by any method', async () => {
    const router = new Router();
    router.get('/a/b', tell('get'));
    router.route('HEAD', '/a/:x', tell('head'));
    router.all('/c/d', tell('all'));
    router.post('/c/:x', tell('post'));
    assert.deepEqual(await ask(router, 'HEAD', '/a/b'), { name: 'get', params: {} });
    assert.deepEqual(await ask(router, 'POST', '/c/d'), { name: 'all', params: {} });
  });

  it('adds to the methods that are allowed', async () => {
    const router = new Router();
    router.get('/users/me', tell('me'));
    router.get('/users/:id', tell('get'));
    router.delete('/users/:key', tell('delete'));
    const child = new Router();
    child.patch('/:id', tell('patch'));
    router.mount('/:section', child);
    const allow = ['DELETE', 'GET', 'HEAD', 'PATCH'];
    assert.deepEqual(router.resolve('POST', '/users/me'), { kind: 'methodNotAllowed', allow });
    assert.deepEqual(router.allowedMethods('/users/me'), allow);
    assert.deepEqual(router.allowedMethods('/teams/me'), ['PATCH']);
    assert.deepEqual(router.resolve('POST', '/a/b/c'), { kind: 'notFound' });
    await assert.rejects(ask(router, 'POST', '/users/me'), (error) => {
      assert(error instanceof MethodNotAllowedError);
      assert.deepEqual(error.allow, allow);
      return true;
    });
  });

  it('leaves its mounted router, middleware included', async () => {
    const order: string[] = [];
    const mark =
      (name: string): Middleware =>
      (_context, next) => {
        order.push(name);
        return next();
      };
    const admin = new Router().use(mark('admin'));
    admin.get('/users/:id', tell('admin'));
    const audit = new Router().use(mark('audit'));
    audit.delete('/:entry', tell('audit'));
    admin.mount('/users', audit);
    const router = new Router().use(mark('root')).mount('/:realm', admin);
    router.all('/*path', tell('outer'));
    assert.deepEqual(await ask(router, 'DELETE', '/x/users/1'), { name: 'audit', params: { realm: 'x', entry: '1' } });
    assert.deepEqual(order.splice(0), ['root', 'admin', 'audit']);
    assert.deepEqual(await ask(router, 'PUT', '/x/users/1'), { name: 'outer', params: { path: ['x', 'users', '1'] } });
    assert.deepEqual(order.splice(0), ['root']);
  });

  it('is not remembered across methods', () => {
    const router = new Router();
    const me = router.get('/users/me', tell('me'));
    const remove = router.delete('/users/:id', tell('remove'));
    for (const _ of [1, 2]) {
      assert.deepEqual(router.resolve('GET', '/users/me'), { kind: 'match', route: me, params: {} });
      assert.deepEqual(router.resolve('DELETE', '/users/me'), { kind: 'match', route: remove, params: { id: 'me' } });
      assert.equal(router.resolve('POST', '/users/me').kind, 'methodNotAllowed');
      assert.deepEqual(router.allowedMethods('/users/me'), ['DELETE', 'GET', 'HEAD']);
    }
    const post = router.post('/users/:name', tell('post'));
    assert.deepEqual(router.resolve('POST', '/users/me'), { kind: 'match', route: post, params: { name: 'me' } });
  });
});
