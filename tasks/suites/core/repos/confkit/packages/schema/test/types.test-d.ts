import * as s from '@confkit/schema';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const check = <T extends true>(): T | undefined => undefined;

const point = s.object({ x: s.number(), y: s.number() });
const path = s.object({ name: s.string(), points: s.array(point), closed: s.boolean().nullable() });

check<Equal<s.Infer<typeof point>, { x: number; y: number }>>();
check<Equal<s.Infer<typeof path>, { name: string; points: { x: number; y: number }[]; closed: boolean | null }>>();

const size = s.string().transform((text) => text.length);
check<Equal<s.Infer<typeof size>, number>>();
check<Equal<s.InputOf<typeof size>, string>>();

const value = s.union([s.literal('auto'), s.number()]);
check<Equal<s.Infer<typeof value>, 'auto' | number>>();

// @ts-expect-error A default is an input.
s.number().default('1');
