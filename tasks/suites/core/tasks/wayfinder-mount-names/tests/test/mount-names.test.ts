import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BuildError, type Context, type MountOptions, Router, RouterError } from '../src/index.ts';

function nothing(): undefined {
  return undefined;
}

const date = {
  parse: (raw: string) => (/^\d{4}-\d\d-\d\d$/.test(raw) ? new Date(`${raw}T00:00:00Z`) : undefined),
  format: (value: Date) => value.toISOString().slice(0, 10),
};

/** Runs `url` on the context of the request, in whichever handler answers it. */
type Link = (context: Context<unknown>) => unknown;
function linkFrom(router: Router, path: string, link: Link): Promise<unknown> {
  return router.handle({ method: 'GET', url: path }, link);
}
function follow(context: Context<unknown>): unknown {
  return (context.env as Link)(context);
}

describe('names of mounted routers', () => {
  it('are reached through the name of the mount', () => {
    const orgs = new Router();
    orgs.get('/', nothing, { name: 'home' });
    orgs.get('/members/:id<int>', nothing, { name: 'member' });
    const options: MountOptions = { as: 'org' };
    const router = new Router().mount('/orgs/:org', orgs, options);
    assert.equal(router.url('org.member', { org: 'a/b', id: 3 }), '/orgs/a%2Fb/members/3');
    assert.equal(router.url('org.home', { org: 'acme' }, { query: { tab: 'x' }, hash: 'top' }), '/orgs/acme?tab=x#top');
    assert.equal(orgs.url('member', { id: 3 }), '/members/3');
  });

  it('are reached at any depth, whatever is added when', () => {
    const [router, middle, inner] = [new Router(), new Router(), new Router()];
    router.mount('/orgs/:org', middle, { as: 'org' });
    middle.mount('/audit/:year<int>', inner, { as: 'audit' });
    inner.get('/:entry', nothing, { name: 'entry' });
    inner.get('/all', nothing, { name: 'list.all' });
    assert.equal(router.url('org.audit.entry', { org: 'acme', year: 2024, entry: 'x' }), '/orgs/acme/audit/2024/x');
    assert.equal(router.url('org.audit.list.all', { org: 'acme', year: 2024 }), '/orgs/acme/audit/2024/all');
    assert.equal(middle.url('audit.entry', { year: 2024, entry: 'x' }), '/audit/2024/x');
  });

  it('tell apart two mounts of one router', () => {
    const posts = new Router();
    posts.get('/:id', nothing, { name: 'show' });
    const router = new Router().mount('/blog', posts, { as: 'blog' }).mount('/news/:lang', posts, { as: 'news' });
    assert.equal(router.url('blog.show', { id: '1' }), '/blog/1');
    assert.equal(router.url('news.show', { id: '1', lang: 'fr' }), '/news/fr/1');
  });

  it('use the constraints of each router', () => {
    const log = new Router({ constraints: { date } });
    log.get('/:day<date>', nothing, { name: 'day' });
    const level = { parse: (raw: string) => (raw === 'L1' ? 1 : undefined), format: (value: number) => `L${value}` };
    const router = new Router({ constraints: { date: level } }).mount('/:level<date>', log, { as: 'log' });
    assert.equal(router.url('log.day', { level: 1, day: new Date('2024-02-29T00:00:00Z') }), '/L1/2024-02-29');
    assert.throws(() => router.url('log.day', { level: 2, day: new Date(0) }), BuildError);
  });

  it('treat optional params as one joined pattern does', () => {
    const pages = new Router();
    pages.get('/:page?', nothing, { name: 'page' });
    const router = new Router().mount('/:lang?', pages, { as: 'p' });
    assert.equal(router.url('p.page', {}), '/');
    assert.equal(router.url('p.page', { lang: 'fr' }), '/fr');
    assert.equal(router.url('p.page', { lang: 'fr', page: 'x' }), '/fr/x');
    assert.throws(() => router.url('p.page', { page: 'x' }), BuildError);
  });

  it('give way to a route of the router itself', () => {
    const child = new Router();
    child.get('/child', nothing, { name: 'x' });
    child.get('/other', nothing, { name: 'y' });
    const router = new Router().mount('/m', child, { as: 'm' });
    router.get('/own', nothing, { name: 'm.x' });
    assert.equal(router.url('m.x'), '/own');
    assert.equal(router.url('m.y'), '/m/other');
  });

  it('must exist', () => {
    const child = new Router();
    child.get('/a', nothing, { name: 'a' });
    const router = new Router().mount('/named', child, { as: 'm' }).mount('/nameless', child);
    for (const name of ['a', 'm', 'm.', 'm.b', '.a', 'm.m.a', 'n.a', '']) assert.throws(() => router.url(name), RouterError, name);
    assert.throws(() => router.url('m.b', {}), (error) => !(error instanceof BuildError));
  });

  it('refuse a mount name that is empty, dotted or taken, and mount nothing', () => {
    const child = new Router();
    child.get('/a', nothing, { name: 'a' });
    const router = new Router().mount('/one', child, { as: 'one' });
    for (const as of ['', 'a.b', '.', 'one']) assert.throws(() => router.mount('/two', child, { as }), RouterError, as);
    assert.equal(router.resolve('GET', '/two/a').kind, 'notFound');
    assert.equal(router.url('one.a'), '/one/a');
    const other = new Router().mount('/three', router, { as: 'one' });
    assert.equal(other.url('one.one.a'), '/three/one/a');
  });
});

describe('context.url', () => {
  function site(): Router {
    const members = new Router();
    members.get('/', follow, { name: 'list' });
    members.get('/:id<int>', follow, { name: 'member' });
    const orgs = new Router();
    orgs.get('/', follow, { name: 'home' });
    orgs.mount('/members', members, { as: 'members' });
    const router = new Router();
    router.get('/', follow, { name: 'root' });
    router.get('/about', follow, { name: 'about' });
    router.mount('/orgs/:org', orgs, { as: 'org' });
    return router;
  }

  it('starts at the router that owns the route', async () => {
    const link: Link = ({ url }) => [url('list'), url('member', { id: 4 }), url('member', { id: 4 }, { query: { a: 1 } })];
    assert.deepEqual(await linkFrom(site(), '/orgs/a%2Fb/members/3', link), [
      '/orgs/a%2Fb/members',
      '/orgs/a%2Fb/members/4',
      '/orgs/a%2Fb/members/4?a=1',
    ]);
  });

  it('goes on outwards, one router at a time, to the nearest of equal names', async () => {
    const link: Link = ({ url }) => [url('home'), url('members.list'), url('about'), url('org.home', { org: 'other' })];
    assert.deepEqual(await linkFrom(site(), '/orgs/acme/members', link), ['/orgs/acme', '/orgs/acme/members', '/about', '/orgs/other']);

    const inner = new Router();
    inner.get('/x', follow, { name: 'same' });
    const router = new Router().mount('/in', inner, { as: 'inner' });
    router.get('/out', follow, { name: 'same' });
    assert.equal(await linkFrom(router, '/in/x', ({ url }) => url('same')), '/in/x');
    assert.equal(await linkFrom(router, '/out', ({ url }) => url('same')), '/out');
  });

  it('takes params that are given over those of the request', async () => {
    const link: Link = ({ url }) => [url('member', { id: 4, org: 'other' }), url('home', { org: 'third' })];
    assert.deepEqual(await linkFrom(site(), '/orgs/acme/members/3', link), ['/orgs/other/members/4', '/orgs/third']);
  });

  it('takes nothing but the prefixes from the request', async () => {
    const router = site();
    await assert.rejects(linkFrom(router, '/orgs/acme/members/3', ({ url }) => url('member')), BuildError);
    await assert.rejects(linkFrom(router, '/orgs/acme/members/3', ({ url }) => url('org.home')), BuildError);
    await assert.rejects(linkFrom(router, '/orgs/acme/members/3', ({ url }) => url('nope')), (error) => {
      return error instanceof RouterError && !(error instanceof BuildError);
    });
    await assert.rejects(linkFrom(router, '/about', ({ url }) => url('list')), RouterError);
  });

  it('keeps what each prefix matched when names are equal', async () => {
    const inner = new Router();
    inner.get('/', follow, { name: 'index' });
    inner.get('/items/:id', follow, { name: 'item' });
    const middle = new Router().mount('/b/:id', inner);
    const router = new Router().mount('/a/:id', middle);
    assert.equal(await linkFrom(router, '/a/1/b/2/items/3', ({ url }) => url('index')), '/a/1/b/2');
  });

  it('needs no mount names on the way, and formats typed params', async () => {
    const log = new Router();
    log.get('/:level?', follow, { name: 'level' });
    const router = new Router({ constraints: { date } }).mount('/:lang<de|fr>?/log/:day<date>', log);
    assert.equal(await linkFrom(router, '/log/2024-02-29/warn', ({ url }) => url('level')), '/log/2024-02-29');
    assert.equal(await linkFrom(router, '/fr/log/2024-02-29', ({ url }) => url('level', { level: 'info' })), '/fr/log/2024-02-29/info');
    assert.equal(await linkFrom(router, '/log/2024-02-29', ({ url }) => url('level', { lang: 'de' })), '/de/log/2024-02-29');
  });

  it('is there for middleware, also when no route matched', async () => {
    const router = site();
    const urls: string[] = [];
    router.use(async ({ url, route }, next) => {
      urls.push(route ? url('members.list') : url('org.home', { org: 'x' }), url('about'));
      return next();
    });
    await linkFrom(router, '/orgs/acme', () => undefined);
    await assert.rejects(linkFrom(router, '/nowhere', () => undefined));
    assert.deepEqual(urls, ['/orgs/acme/members', '/about', '/orgs/x', '/about']);
  });
});
