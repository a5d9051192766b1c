import { type Constraint, Router } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = { [Key in keyof T]: T[Key] };

/** Fails to compile unless the params are exactly `Expected`. */
function expect<Expected>() {
  return <Actual>(_params: Actual, _equal: Equal<Flat<Actual>, Expected>): void => undefined;
}

const date: Constraint<Date> = { parse: (raw) => new Date(raw), format: (value) => value.toISOString() };
const hex = { parse: (raw: string) => (raw.startsWith('0x') ? BigInt(raw) : undefined) };

// Handlers of a router without constraints of its own.
const router = new Router();
router.get('/users/:id<int>/:tab?', ({ params }) => expect<{ id: number; tab?: string }>()(params, true));
router.post('/:by<asc|desc>', ({ params }) => expect<{ by: 'asc' | 'desc' }>()(params, true));
router.put('/*path', ({ params }) => expect<{ path: string[] }>()(params, true));
router.patch('/:on<bool>', ({ params }) => expect<{ on: boolean }>()(params, true));
router.delete('/:id<uuid>', ({ params }) => expect<{ id: string }>()(params, true));
router.all('/*path?', ({ params }) => expect<{ path?: string[] }>()(params, true));
router.route('PURGE', '/:n<int>?', ({ params }) => expect<{ n?: number }>()(params, true));
router.get('/', ({ params }) => expect<{}>()(params, true));
declare const somePattern: string;
router.get(somePattern, ({ params }) => expect<Record<string, unknown>>()(params, true));
// @ts-expect-error -- there is no such param
router.get('/users/:id<int>', ({ params }) => params.name);
// @ts-expect-error -- a handler that expects a string does not fit
router.get('/users/:id<int>', ({ params }: { params: { id: string } }) => params.id);

// Constraints of its own are inferred, inline ones too.
const logs = new Router({ constraints: { date, hex } });
logs.get('/:day<date>/:at<hex>?', ({ params }) => expect<{ day: Date; at?: bigint }>()(params, true));
logs.get('/:n<int>', ({ params }) => expect<{ n: number }>()(params, true));
new Router({ constraints: { even: { parse: (raw: string) => (Number(raw) % 2 === 0 ? Number(raw) : undefined) } } }).get('/:n<even>', ({ params }) =>
  expect<{ n: number }>()(params, true),
);

// They are the third type parameter, beside Env and Result.
const typed = new Router<{ db: string }, string, { date: Constraint<Date> }>({ constraints: { date } });
typed.get('/:day<date>', ({ params, env }) => `${env.db} ${params.day.getTime()}`);
// @ts-expect-error -- the result is a string
typed.get('/:day<date>', ({ params }) => params.day);

// Prefixes of groups count, nested ones too.
logs.group('/orgs/:org<int>', (org) => {
  org.get('/', ({ params }) => expect<{ org: number }>()(params, true));
  org.get('/:day<date>', ({ params }) => expect<{ org: number; day: Date }>()(params, true));
  org.group('/:lang<de|fr>?/x', (inner) => {
    inner.get('/*path?', ({ params }) => expect<{ org: number; lang?: 'de' | 'fr'; path?: string[] }>()(params, true));
  });
});
router.group(somePattern, (group) => {
  group.get('/:id<int>', ({ params }) => expect<Record<string, unknown>>()(params, true));
  group.group('/:deeper', (inner) => {
    inner.get('/x', ({ params }) => expect<Record<string, unknown>>()(params, true));
  });
});

// A router with any constraints can be mounted in any other.
router.mount('/logs', logs);
logs.mount('/plain', router);
logs.mount('/other', new Router({ constraints: { hex } }));
// @ts-expect-error -- the environments do not agree
new Router<{ db: string }>().mount('/x', new Router<{ cache: number }>());
