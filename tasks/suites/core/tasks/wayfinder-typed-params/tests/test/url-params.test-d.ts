import { buildPath, type Constraint, Router } from '../src/index.ts';

declare const somePattern: string;
const date: Constraint<Date> = { parse: (raw) => new Date(raw), format: (value) => value.toISOString() };

// buildPath accepts what fits.
buildPath('/users/:id<int>', { id: 7 });
buildPath('/users/:id<int>', { id: 7 }, { query: { tab: 'posts' }, hash: 'top' });
buildPath('/sort/:by<asc|desc>/:page?', { by: 'asc' });
buildPath('/files/*path', { path: ['a', 'b'] });
buildPath(somePattern, { anything: 1 });
buildPath(somePattern);

// No argument where no param is required, options behind it all the same.
buildPath('/about');
buildPath('/:lang?/about');
buildPath('/files/*path?');
buildPath('/:lang?/about', {}, { hash: 'x' });
const built: string = buildPath('/:n<int>?', { n: 1 });

// And refuses what does not.
// @ts-expect-error -- params are required
buildPath('/users/:id<int>');
// @ts-expect-error -- id is missing
buildPath('/users/:id<int>', {});
// @ts-expect-error -- id is a number
buildPath('/users/:id<int>', { id: '7' });
// @ts-expect-error -- not among the choices
buildPath('/sort/:by<asc|desc>', { by: 'up' });
// @ts-expect-error -- a wildcard takes a list
buildPath('/files/*path', { path: 'a/b' });
// @ts-expect-error -- an optional param has a type too
buildPath('/p/:n<int>?', { n: '1' });
// @ts-expect-error -- the pattern has no such param
buildPath('/users/:id', { id: 'x', name: 'y' });
// @ts-expect-error -- sizes are not an option
buildPath('/users/:id', { id: 'x' }, { size: 1 });

// Routes know their pattern, their groups and the constraints of their router.
const router = new Router({ constraints: { date } });
const log = router.get('/log/:day<date>', () => undefined, { name: 'log' });
log.url({ day: new Date(0) });
log.url({ day: new Date(0) }, { query: { a: 1 } });
// @ts-expect-error -- params are required
log.url();
// @ts-expect-error -- day is a Date
log.url({ day: '2024-01-01' });

const home = router.all('/:lang?', () => undefined);
home.url();
home.url({ lang: 'fr' });
// @ts-expect-error -- lang is a string
home.url({ lang: 1 });

router.group('/orgs/:org', (org) => {
  org.group('/teams', (teams) => {
    const team = teams.post('/:team<int>', () => undefined);
    team.url({ org: 'acme', team: 3 });
    // @ts-expect-error -- the param of the outer group is missing
    team.url({ team: 3 });
  });
});

const purge = router.route('PURGE', '/cache/:key<slug>', () => undefined);
purge.url({ key: 'a-b' });
// @ts-expect-error -- key is missing
purge.url({});

const wide = router.get(somePattern, () => undefined);
wide.url();
wide.url({ anything: [1] });

// Names are looked up at run time: any params.
router.url('log', { day: new Date(0) });

export { built };
