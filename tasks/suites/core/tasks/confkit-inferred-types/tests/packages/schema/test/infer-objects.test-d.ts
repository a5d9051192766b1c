import * as s from '@confkit/schema';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const check = <T extends true>(): T | undefined => undefined;

const server = s.object({ host: s.string().default('localhost'), port: s.number(), tls: s.boolean().optional() });

// Optional keys and defaults.
check<Equal<s.Infer<typeof server>, { host: string; port: number; tls?: boolean }>>();
check<Equal<s.InputOf<typeof server>, { host?: string | undefined; port: number; tls?: boolean | undefined }>>();
check<Equal<ReturnType<typeof server.parse>, { host: string; port: number; tls?: boolean }>>();

// @ts-expect-error A present key is never undefined in an output.
export const never: s.Infer<typeof server> = { host: 'a', port: 1, tls: undefined };
export const accepted: s.InputOf<typeof server> = { port: 1, tls: undefined, host: undefined };

// Nested objects, collections and wrappers.
const app = s.object({
  server: server.optional(),
  fallback: server.default({ port: 1 }),
  servers: s.array(server).nullable(),
  byName: s.record(server),
  any: s.unknown(),
  level: s.string().nullable().optional(),
});
interface Server {
  host: string;
  port: number;
  tls?: boolean;
}
interface ServerInput {
  host?: string | undefined;
  port: number;
  tls?: boolean | undefined;
}
type Out = s.Infer<typeof app>;
check<Equal<keyof Out, 'server' | 'fallback' | 'servers' | 'byName' | 'any' | 'level'>>();
check<Equal<Out['fallback']['tls'], boolean | undefined>>();
check<Equal<Out['level'], string | null | undefined>>();
const minimal: Out = { fallback: { host: 'a', port: 1 }, servers: null, byName: {} };
const full: Out = { ...minimal, server: { host: 'a', port: 1, tls: true }, any: 1, level: null };
export const asServer: Server = full.fallback;
// @ts-expect-error An optional object is left out, not undefined.
export const undefinedServer: Out = { ...minimal, server: undefined };
// @ts-expect-error The output of a default is always there.
export const noFallback: Out = { servers: null, byName: {} };

type In = s.InputOf<typeof app>;
export const leastInput: In = { servers: [{ port: 1 }], byName: { a: { port: 1, host: undefined } } };
export const elementInput: ServerInput | undefined = leastInput.servers?.[0];
// @ts-expect-error A member without a default is required in the input.
export const badInput: In = { servers: [{}], byName: {} };

// Transforms change the output only; one that may give undefined makes the key optional.
const transformed = s.object({
  size: s.string().transform((text) => text.length),
  trimmed: s.string().transform((text): string | undefined => text.trim() || undefined),
  filled: s.number().optional().transform((value) => value ?? 0),
});
check<Equal<s.Infer<typeof transformed>, { size: number; trimmed?: string; filled: number }>>();
check<Equal<s.InputOf<typeof transformed>, { size: string; trimmed: string; filled?: number | undefined }>>();

// Defaults are inputs.
s.string().transform((text) => text.length).default('abc');
// @ts-expect-error An output is no default.
s.string().transform((text) => text.length).default(3);

// Policies for unknown keys do not touch the members.
check<Equal<s.Infer<ReturnType<typeof server.strict>>, { host: string; port: number; tls?: boolean }>>();

// Every schema is an AnySchema, and inference is not any.
export const all: readonly s.AnySchema[] = [server, app, transformed, server.default({ port: 1 }), s.array(app)];
// @ts-expect-error The output has no such key.
export const absent = (value: Out): unknown => value.nothing;
