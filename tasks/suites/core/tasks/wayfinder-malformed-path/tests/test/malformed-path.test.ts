import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NotFoundError, Router } from '../src/index.ts';

const BROKEN = ['/users/%', '/users/%E0%A4%A', '/%zz/7', '/users/ok/%C3', '/users/%ff', '/users/%/'];

function everyKindOfRoute(): Router {
  const router = new Router();
  router.get('/users/:id', () => 'user');
  router.all('/users/me', () => 'me');
  router.post('/:section<users|posts>/:page?', () => 'section');
  router.all('/', () => 'root');
  return router;
}

describe('a path that is no valid percent-encoding', () => {
  for (const path of BROKEN) {
    it(`matches nothing: ${path}`, () => {
      const router = everyKindOfRoute();
      assert.deepEqual(router.resolve('GET', path), { kind: 'notFound' });
      assert.deepEqual(router.resolve('DELETE', `${path}?a=1`), { kind: 'notFound' });
      assert.deepEqual(router.allowedMethods(path), []);
    });
  }

  it('is not matched by a catch-all', () => {
    const router = new Router();
    router.get('/*rest', () => 'rest');
    router.all('/files/*path?', () => 'files');
    router.post('/*path?', () => 'anything');
    for (const path of ['/%', '/a/%e2%82', '/files/%']) {
      assert.equal(router.resolve('GET', path).kind, 'notFound');
      assert.equal(router.resolve('POST', path).kind, 'notFound');
    }
  });

  it('is not matched below a mounted router', async () => {
    const router = new Router().mount('/:tenant', everyKindOfRoute());
    for (const path of ['/acme/users/%', '/%/users/7']) {
      assert.equal(router.resolve('GET', path).kind, 'notFound');
      await assert.rejects(router.handle({ method: 'GET', url: path }, undefined), NotFoundError);
    }
  });

  it('goes through the middleware as any path without a route', async () => {
    const router = everyKindOfRoute();
    const seen: unknown[] = [];
    router.use(async (context, next) => {
      seen.push(context.path, context.route, { ...context.query });
      return next();
    });
    await assert.rejects(
      router.handle({ method: 'GET', url: '/users/%E0%A4%A?x=1' }, undefined),
      (error) => error instanceof NotFoundError && error.path === '/users/%E0%A4%A',
    );
    assert.deepEqual(seen, ['/users/%E0%A4%A', undefined, { x: '1' }]);
  });

  it('may be answered by middleware', async () => {
    const router = everyKindOfRoute();
    router.use(async (_context, next) => {
      try {
        return await next();
      } catch (error) {
        return error instanceof NotFoundError ? 404 : 500;
      }
    });
    assert.equal(await router.handle({ method: 'GET', url: '/users/%' }, undefined), 404);
  });

  it('gives the same answer when it is asked for again', () => {
    const router = everyKindOfRoute();
    router.resolve('GET', '/users/%');
    assert.equal(router.resolve('GET', '/users/%').kind, 'notFound');
    router.get('/late', () => 'late');
    assert.equal(router.resolve('POST', '/users/%').kind, 'notFound');
  });
});

describe('a path that is valid', () => {
  it('still decodes, percent signs included', () => {
    const router = everyKindOfRoute();
    const params = ['/users/100%25', '/users/%E2%82%AC', '/users/a%2Fb'].map((path) => {
      const resolution = router.resolve('GET', path);
      return resolution.kind === 'match' ? resolution.params : resolution.kind;
    });
    assert.deepEqual(params, [{ id: '100%' }, { id: '€' }, { id: 'a/b' }]);
  });

  it('matches whatever its query is', async () => {
    const router = new Router();
    router.get('/users/:id', ({ params, query }) => ({ params, query: { ...query } }));
    const result = await router.handle({ method: 'GET', url: '/users/7?discount=50%&x=%E0%A4%A#%' }, undefined);
    assert.deepEqual(result, { params: { id: '7' }, query: { discount: '50%', x: '%E0%A4%A' } });
  });

  it('does not hide errors of handlers', async () => {
    const router = new Router();
    router.get('/decode/:text', () => decodeURIComponent('%'));
    await assert.rejects(router.handle({ method: 'GET', url: '/decode/x' }, undefined), URIError);
  });
});
