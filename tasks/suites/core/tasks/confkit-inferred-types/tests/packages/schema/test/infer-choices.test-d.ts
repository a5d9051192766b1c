import * as s from '@confkit/schema';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const check = <T extends true>(): T | undefined => undefined;

// Literals.
const level = s.oneOf(['debug', 'info']);
const mixed = s.oneOf(['a', 1, true, null]);
check<Equal<s.Infer<typeof level>, 'debug' | 'info'>>();
check<Equal<s.InputOf<typeof level>, 'debug' | 'info'>>();
check<Equal<s.Infer<typeof mixed>, 'a' | 1 | true | null>>();
const levels = ['low', 'high'] as const;
const listed = s.oneOf(levels);
check<Equal<s.Infer<typeof listed>, 'low' | 'high'>>();
level.default('info');
// @ts-expect-error Not one of the values.
level.default('loud');

// Tuples.
const pair = s.tuple([s.string(), s.number().transform(String)]);
check<Equal<s.Infer<typeof pair>, [string, string]>>();
check<Equal<s.InputOf<typeof pair>, [string, number]>>();
const rested = s.tuple([level], s.object({ a: s.number().default(1) }));
check<Equal<s.Infer<typeof rested>, ['debug' | 'info', ...{ a: number }[]]>>();
check<Equal<s.InputOf<typeof rested>, ['debug' | 'info', ...{ a?: number | undefined }[]]>>();
const empty = s.tuple([]);
check<Equal<s.Infer<typeof empty>, []>>();
const [first, second] = pair.parse(['a', 1]);
export const joined: string = first + second;
// @ts-expect-error There is no third element.
export const third = (): unknown => pair.parse([])[2];

// Variants.
const store = s.variants('kind', [
  s.object({ kind: s.literal('file'), path: s.string(), mode: s.number().optional() }),
  s.object({ kind: s.oneOf(['s3', 'gcs']), bucket: s.string().default('main') }),
]);
type Store = s.Infer<typeof store>;
check<Equal<Store, { kind: 'file'; path: string; mode?: number } | { kind: 's3' | 'gcs'; bucket: string }>>();
check<
  Equal<
    s.InputOf<typeof store>,
    { kind: 'file'; path: string; mode?: number | undefined } | { kind: 's3' | 'gcs'; bucket?: string | undefined }
  >
>();
export const place = (value: Store): string => {
  switch (value.kind) {
    case 'file':
      return value.path;
    case 's3':
    case 'gcs':
      return value.bucket;
    default: {
      const rest: never = value;
      return rest;
    }
  }
};
// @ts-expect-error Only files have a path.
export const path = (value: Store): string => value.path;
// @ts-expect-error The second alternative has no tag.
export const untagged = () => s.variants('kind', [s.object({ kind: s.literal('a') }), s.object({ path: s.string() })]);
// @ts-expect-error A string is no literal.
export const loose = () => s.variants('kind', [s.object({ kind: s.string() })]);
// @ts-expect-error Another key is not the tag.
export const mistaken = () => s.variants('type', [s.object({ kind: s.literal('a') })]);
const described = s.variants('kind', [
  s.object({ kind: s.literal('a').describe('A'), a: s.string() }).strict(),
  s.object({ kind: s.literal('b'), a: s.string() }).omit(['a']).extend({ b: s.string() }),
]);
check<Equal<s.Infer<typeof described>, { kind: 'a'; a: string } | { kind: 'b'; b: string }>>();

// Unions.
const either = s.union([s.number(), s.object({ on: s.boolean().default(true) })]);
check<Equal<s.Infer<typeof either>, number | { on: boolean }>>();
check<Equal<s.InputOf<typeof either>, number | { on?: boolean | undefined }>>();

// Refinements.
const isHex = (text: string): text is `#${string}` => text.startsWith('#');
const hex = s.string().refine(isHex, 'Not a colour');
check<Equal<s.Infer<typeof hex>, `#${string}`>>();
check<Equal<s.InputOf<typeof hex>, string>>();
const long = s.string().refine((text) => text.length > 3);
check<Equal<s.Infer<typeof long>, string>>();
const port = s.union([s.number(), s.string()]).refine((value): value is number => typeof value === 'number');
check<Equal<s.Infer<typeof port>, number>>();
check<Equal<s.InputOf<typeof port>, string | number>>();
const theme = s.object({ colour: hex.optional(), width: s.number().default(1).refine((n) => n > 0) });
check<Equal<s.Infer<typeof theme>, { colour?: `#${string}`; width: number }>>();
check<Equal<s.InputOf<typeof theme>, { colour?: string | undefined; width?: number | undefined }>>();
// @ts-expect-error The guard is for something else.
export const wrong = () => s.number().refine(isHex);

export const all: readonly s.AnySchema[] = [level, mixed, pair, rested, store, described, either, hex, port, theme];
