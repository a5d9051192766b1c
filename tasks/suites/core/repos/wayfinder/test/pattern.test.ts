import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PatternError, Router } from '../src/index.ts';

/** The params that `pattern` gives for `url`, or `undefined` when it does not match. */
function match(pattern: string, url: string): unknown {
  const router = new Router();
  router.get(pattern, () => undefined);
  const resolution = router.resolve('GET', url);
  return resolution.kind === 'match' ? resolution.params : undefined;
}

describe('patterns', () => {
  it('match static text exactly', () => {
    assert.deepEqual(match('/users/me', '/users/me'), {});
    assert.equal(match('/users/me', '/users/Me'), undefined);
    assert.equal(match('/users/me', '/users'), undefined);
    assert.equal(match('/users', '/users/me'), undefined);
  });

  it('match the root', () => {
    assert.deepEqual(match('/', '/'), {});
    assert.deepEqual(match('/', ''), {});
    assert.deepEqual(match('/', '?q=1'), {});
    assert.equal(match('/', '/a'), undefined);
  });

  it('ignore a slash at the end of a pattern and of a path', () => {
    assert.deepEqual(match('/a/', '/a'), {});
    assert.deepEqual(match('/a', '/a/'), {});
    assert.equal(match('/a', '/a//'), undefined);
  });

  it('take one segment for a param, never an empty one', () => {
    assert.deepEqual(match('/users/:id', '/users/x'), { id: 'x' });
    assert.equal(match('/users/:id', '/users/x/y'), undefined);
    assert.equal(match('/a/:id/b', '/a//b'), undefined);
  });

  it('decode after splitting', () => {
    assert.deepEqual(match('/files/:name', '/files/a%2Fb%20c'), { name: 'a/b c' });
    assert.deepEqual(match('/café/:dish', '/caf%C3%A9/cr%C3%AApe'), { dish: 'crêpe' });
  });

  it('leave an optional param out of the params when its segment is missing', () => {
    assert.deepEqual(match('/:lang?/about', '/about'), {});
    assert.deepEqual(match('/:lang?/about', '/fr/about'), { lang: 'fr' });
    assert.deepEqual(match('/:year<int>?/:month<int>?', '/2024'), { year: 2024 });
    assert.deepEqual(match('/:lang<de|fr>?/:page', '/de'), { page: 'de' });
  });

  it('take the rest of the path for a wildcard', () => {
    assert.deepEqual(match('/files/*path', '/files/a/b%2Fc'), { path: ['a', 'b/c'] });
    assert.equal(match('/files/*path', '/files'), undefined);
  });

  it('let an optional wildcard take nothing', () => {
    assert.deepEqual(match('/files/*path?', '/files'), {});
    assert.deepEqual(match('/files/*path?', '/files/a'), { path: ['a'] });
  });

  it('convert what a constraint accepts and refuse the rest', () => {
    assert.deepEqual(match('/:id<int>', '/-12'), { id: -12 });
    assert.equal(match('/:id<int>', '/012'), undefined);
    assert.equal(match('/:id<int>', '/9007199254740993'), undefined);
    assert.deepEqual(match('/:flag<bool>', '/false'), { flag: false });
    assert.deepEqual(match('/:id<uuid>', '/0F8FAD5B-D9CB-469F-A165-70867728950E'), { id: '0f8fad5b-d9cb-469f-a165-70867728950e' });
    assert.equal(match('/:name<slug>', '/two--words'), undefined);
    assert.deepEqual(match('/:by<asc|desc>', '/desc'), { by: 'desc' });
    assert.equal(match('/:by<asc|desc>', '/asc|desc'), undefined);
  });

  for (const pattern of ['users', '/a//b', '/:', '/:1st', '/:id<>', '/:id<int', '/:id<nope>', '/*rest/more', '/*', '/:id/:id', '/:id<toString>']) {
    it(`refuse ${pattern}`, () => {
      assert.throws(() => match(pattern, '/'), PatternError);
    });
  }
});

describe('custom constraints', () => {
  const date = {
    parse: (raw: string) => (/^\d{4}-\d\d-\d\d$/.test(raw) ? new Date(`${raw}T00:00:00Z`) : undefined),
    format: (value: Date) => value.toISOString().slice(0, 10),
  };

  it('give their values to the params, a new one each time', () => {
    const router = new Router({ constraints: { date } });
    router.get('/log/:day<date>', () => undefined);
    const days = [1, 2].map(() => {
      const resolution = router.resolve('GET', '/log/2024-02-29');
      assert.equal(resolution.kind, 'match');
      return resolution.params['day'];
    });
    assert.deepEqual(days[0], new Date('2024-02-29T00:00:00Z'));
    assert.notEqual(days[0], days[1]);
  });

  it('format values for URLs', () => {
    const router = new Router({ constraints: { date } });
    router.get('/log/:day<date>', () => undefined, { name: 'log' });
    assert.equal(router.url('log', { day: new Date('2024-02-29T12:00:00Z') }), '/log/2024-02-29');
  });
});
