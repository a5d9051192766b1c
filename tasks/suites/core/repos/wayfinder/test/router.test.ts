import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Context, MethodNotAllowedError, type Middleware, NotFoundError, Router, RouterError } from '../src/index.ts';

/** A handler that tells which route ran, and with what. */
function tell(name: string) {
  return (context: Context<unknown>) => ({ name, params: context.params });
}

function get(router: Router, url: string): Promise<unknown> {
  return router.handle({ method: 'GET', url }, undefined);
}

describe('choosing a route', () => {
  it('prefers the more specific segment, whatever the order of registration', async () => {
    const router = new Router();
    router.get('/users/*rest', tell('rest'));
    router.get('/users/:name', tell('name'));
    router.get('/users/:id<int>', tell('id'));
    router.get('/users/me', tell('me'));
    assert.deepEqual(await get(router, '/users/me'), { name: 'me', params: {} });
    assert.deepEqual(await get(router, '/users/7'), { name: 'id', params: { id: 7 } });
    assert.deepEqual(await get(router, '/users/ann'), { name: 'name', params: { name: 'ann' } });
    assert.deepEqual(await get(router, '/users/a/b'), { name: 'rest', params: { rest: ['a', 'b'] } });
  });

  it('leaves a specific branch that leads nowhere, params and all', async () => {
    const router = new Router();
    router.get('/:section<int>/a/b', tell('deep'));
    router.get('/:any/a/:last', tell('loose'));
    assert.deepEqual(await get(router, '/1/a/c'), { name: 'loose', params: { any: '1', last: 'c' } });
  });

  it('prefers the route registered first among equals', async () => {
    const router = new Router();
    router.get('/docs/:page?', tell('first'));
    router.get('/docs', tell('second'));
    assert.deepEqual(await get(router, '/docs'), { name: 'first', params: {} });
  });

  it('answers HEAD with GET unless HEAD has a route', () => {
    const router = new Router();
    const page = router.get('/page', tell('page'));
    const head = router.route('head', '/ping', tell('head'));
    router.get('/ping', tell('get'));
    const resolutions = ['/page', '/ping'].map((url) => router.resolve('HEAD', url));
    assert.deepEqual(resolutions, [
      { kind: 'match', route: page, params: {} },
      { kind: 'match', route: head, params: {} },
    ]);
  });

  it('falls back to a route for every method', async () => {
    const router = new Router();
    router.all('/x', tell('all'));
    router.post('/x', tell('post'));
    assert.deepEqual(await router.handle({ method: 'post', url: '/x' }, undefined), { name: 'post', params: {} });
    assert.deepEqual(await router.handle({ method: 'PURGE', url: '/x' }, undefined), { name: 'all', params: {} });
  });

  it('gives the query beside the params', async () => {
    const router = new Router();
    router.get('/search/:term', ({ params, query, path }) => ({ params, query: { ...query }, path }));
    assert.deepEqual(await get(router, '/search/a%20b?page=2&tag=x&tag=y#top'), {
      params: { term: 'a b' },
      query: { page: '2', tag: ['x', 'y'] },
      path: '/search/a%20b',
    });
  });

  it('notices routes that are added after a path was looked up', async () => {
    const router = new Router({ cacheSize: 1 });
    const child = new Router();
    router.mount('/child', child);
    assert.equal(router.resolve('GET', '/child/late').kind, 'notFound');
    child.get('/late', tell('late'));
    assert.deepEqual(await get(router, '/child/late'), { name: 'late', params: {} });
    assert.equal(router.resolve('GET', '/other').kind, 'notFound');
    assert.deepEqual(await get(router, '/child/late'), { name: 'late', params: {} });
  });
});

describe('when nothing answers', () => {
  it('rejects with NotFoundError or MethodNotAllowedError', async () => {
    const router = new Router();
    router.get('/a', tell('a'));
    router.delete('/a', tell('a'));
    await assert.rejects(get(router, '/b'), (error) => error instanceof NotFoundError && error.path === '/b');
    await assert.rejects(router.handle({ method: 'POST', url: '/a' }, undefined), (error) => {
      assert(error instanceof MethodNotAllowedError);
      assert.deepEqual(error.allow, ['DELETE', 'GET', 'HEAD']);
      return true;
    });
  });

  it('lets middleware answer instead', async () => {
    const router = new Router();
    router.use(async (context, next) => {
      try {
        return await next();
      } catch (error) {
        assert(error instanceof NotFoundError);
        return ['nothing here', context.route, context.params];
      }
    });
    assert.deepEqual(await get(router, '/b'), ['nothing here', undefined, {}]);
  });

  it('lists the allowed methods', () => {
    const router = new Router();
    router.get('/a', tell('a'));
    router.patch('/a', tell('a'));
    assert.deepEqual(router.allowedMethods('/a?x=1'), ['GET', 'HEAD', 'PATCH']);
    assert.deepEqual(router.allowedMethods('/b'), []);
  });
});

describe('groups and mounted routers', () => {
  it('joins prefixes of groups', async () => {
    const router = new Router();
    router.group('/orgs/:org', (org) => {
      org.get('/', tell('org'));
      org.group('/teams', (teams) => {
        teams.get('/:team<int>', tell('team'), { name: 'team' });
      });
    });
    assert.deepEqual(await get(router, '/orgs/acme'), { name: 'org', params: { org: 'acme' } });
    assert.deepEqual(await get(router, '/orgs/acme/teams/3'), { name: 'team', params: { org: 'acme', team: 3 } });
    assert.equal(router.url('team', { org: 'acme', team: 3 }), '/orgs/acme/teams/3');
  });

  it('gives a mounted router the rest of the path and the params of the prefix', async () => {
    const members = new Router();
    members.get('/', tell('list'));
    members.get('/:id<int>', tell('one'));
    const router = new Router().mount('/orgs/:org/members', members);
    assert.deepEqual(await get(router, '/orgs/acme/members'), { name: 'list', params: { org: 'acme' } });
    assert.deepEqual(await get(router, '/orgs/acme/members/4'), { name: 'one', params: { org: 'acme', id: 4 } });
  });

  it('searches on outside when a mounted router has no route', async () => {
    const admin = new Router();
    admin.get('/users', tell('users'));
    const router = new Router().mount('/admin', admin);
    router.get('/:section/:page', tell('page'));
    assert.deepEqual(await get(router, '/admin/users'), { name: 'users', params: {} });
    assert.deepEqual(await get(router, '/admin/help'), { name: 'page', params: { section: 'admin', page: 'help' } });
  });

  it('refuses to mount a router within itself, and wildcards in a prefix', () => {
    const [outer, middle, inner] = [new Router(), new Router(), new Router()];
    outer.mount('/middle', middle);
    middle.mount('/inner', inner);
    assert.throws(() => inner.mount('/outer', outer), RouterError);
    assert.throws(() => outer.mount('/self', outer), RouterError);
    assert.throws(() => outer.mount('/*rest', new Router()), RouterError);
  });

  it('runs middleware from the outside in', async () => {
    const order: string[] = [];
    const mark =
      (name: string): Middleware =>
      async (_context, next) => {
        order.push(`${name} in`);
        const result = await next();
        order.push(`${name} out`);
        return result;
      };
    const child = new Router().use(mark('child'));
    child.group(
      '/g',
      (group) => {
        group.get('/x', tell('x'), { use: [mark('route')] });
      },
      [mark('group')],
    );
    const router = new Router().use(mark('root')).mount('/c', child);
    await get(router, '/c/g/x');
    assert.deepEqual(order, ['root in', 'child in', 'group in', 'route in', 'route out', 'group out', 'child out', 'root out']);
  });
});

describe('middleware', () => {
  it('may answer without the handler', async () => {
    const router = new Router<{ user?: string }, string>();
    router.use(({ env }, next) => (env.user === undefined ? 'who are you?' : next()));
    router.get('/', ({ env }) => `hello ${env.user}`);
    assert.equal(await router.handle({ method: 'GET', url: '/' }, {}), 'who are you?');
    assert.equal(await router.handle({ method: 'GET', url: '/' }, { user: 'ann' }), 'hello ann');
  });

  it('shares state with what runs inside it', async () => {
    const router = new Router();
    router.use((context, next) => {
      context.state.set('started', 1);
      return next();
    });
    router.get('/', ({ state }) => [...state]);
    assert.deepEqual(await get(router, '/'), [['started', 1]]);
  });

  it('cannot call next twice', async () => {
    const router = new Router();
    router.use(async (_context, next) => {
      await next();
      return next();
    });
    router.get('/', tell('root'));
    await assert.rejects(get(router, '/'), RouterError);
  });

  it('turns what it throws at once into a rejection', async () => {
    const router = new Router();
    router.use(() => {
      throw new Error('at once');
    });
    router.get('/', tell('root'));
    await assert.rejects(get(router, '/'), /at once/);
  });
});
