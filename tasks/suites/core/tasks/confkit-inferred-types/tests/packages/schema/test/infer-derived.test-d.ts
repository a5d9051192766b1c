import * as s from '@confkit/schema';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const check = <T extends true>(): T | undefined => undefined;

const server = s.object({ host: s.string().default('localhost'), port: s.number(), tls: s.boolean().optional() });

const picked = server.pick(['host', 'tls']);
check<Equal<s.Infer<typeof picked>, { host: string; tls?: boolean }>>();
check<Equal<s.InputOf<typeof picked>, { host?: string | undefined; tls?: boolean | undefined }>>();

const omitted = server.omit(['tls']);
check<Equal<s.Infer<typeof omitted>, { host: string; port: number }>>();
check<Equal<s.InputOf<typeof omitted>, { host?: string | undefined; port: number }>>();

// @ts-expect-error The shape has no such key.
export const badPick = () => server.pick(['host', 'nope']);
// @ts-expect-error The shape has no such key.
export const badOmit = () => server.omit(['nope']);
// @ts-expect-error Not any more.
export const badSecond = () => omitted.pick(['tls']);

const extended = server.extend({ port: s.string(), name: s.string().optional() });
check<Equal<s.Infer<typeof extended>, { host: string; port: string; tls?: boolean; name?: string }>>();
check<
  Equal<s.InputOf<typeof extended>, { host?: string | undefined; port: string; tls?: boolean | undefined; name?: string | undefined }>
>();

const required = server.extend({ tls: s.boolean() });
check<Equal<s.Infer<typeof required>, { host: string; port: number; tls: boolean }>>();

const partial = server.partial();
check<Equal<s.Infer<typeof partial>, { host?: string; port?: number; tls?: boolean }>>();
check<
  Equal<s.InputOf<typeof partial>, { host?: string | undefined; port?: number | undefined; tls?: boolean | undefined }>
>();

// Derivations of derivations.
const chained = server.omit(['host']).extend({ path: s.string() }).partial().pick(['port', 'path']).extend({ port: s.number() });
check<Equal<s.Infer<typeof chained>, { port: number; path?: string }>>();
check<Equal<s.Infer<ReturnType<typeof chained.passthrough>>, { port: number; path?: string }>>();

// The members of a derived shape are schemas of their own.
check<Equal<s.Infer<(typeof extended)['shape']['port']>, string>>();
export const derived: readonly s.AnySchema[] = [picked, omitted, extended, partial, chained];
