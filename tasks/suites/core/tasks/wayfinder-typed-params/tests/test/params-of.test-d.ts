import type { Constraint, ConstraintMap, ParamsOf } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = { [Key in keyof T]: T[Key] };
type Check<Path extends string, Expected, Constraints extends ConstraintMap = Record<never, never>> = Equal<
  Flat<ParamsOf<Path, Constraints>>,
  Expected
>;

// Plain patterns.
const root: Check<'/', {}> = true;
const fixed: Check<'/users/me', {}> = true;
const plain: Check<'/users/:id', { id: string }> = true;
const trailing: Check<'/users/:id/', { id: string }> = true;
const several: Check<'/:a/x/:b/:c', { a: string; b: string; c: string }> = true;

// Built-in constraints.
const int: Check<'/users/:id<int>/:tab', { id: number; tab: string }> = true;
const bool: Check<'/:on<bool>', { on: boolean }> = true;
const uuid: Check<'/:id<uuid>/:name<slug>', { id: string; name: string }> = true;

// Optional params.
const optional: Check<'/:lang?/about', { lang?: string }> = true;
const optionalInt: Check<'/p/:n<int>?', { n?: number }> = true;
const mixed: Check<'/:lang<de|fr>?/:page/:n<int>?', { lang?: 'de' | 'fr'; page: string; n?: number }> = true;

// Choices.
const two: Check<'/sort/:by<asc|desc>', { by: 'asc' | 'desc' }> = true;
const four: Check<'/:d<n|e|s|w>/go', { d: 'n' | 'e' | 's' | 'w' }> = true;
const namesLikeConstraints: Check<'/:kind<int|bool>', { kind: 'int' | 'bool' }> = true;

// Wildcards.
const rest: Check<'/files/*path', { path: string[] }> = true;
const maybeRest: Check<'/:user<int>/*path?', { user: number; path?: string[] }> = true;

// Custom constraints.
interface Custom {
  readonly [name: string]: Constraint<unknown>;
}
const dated: Check<'/log/:day<date>', { day: Date }, { date: Constraint<Date> }> = true;
const datedOptional: Check<'/log/:day<date>?/:n<int>', { day?: Date; n: number }, { date: Constraint<Date> }> = true;
const replaced: Check<'/:id<int>', { id: bigint }, { int: Constraint<bigint> }> = true;
const union: Check<'/:id<key>', { id: string | number }, { key: Constraint<string | number> }> = true;

// What the compiler does not know.
const unknownName: Check<'/:id<nope>', { id: unknown }> = true;
const unknownOptional: Check<'/:id<nope>?', { id?: unknown }> = true;
const wide: Equal<ParamsOf<string>, Record<string, unknown>> = true;
const wideConstraints: Check<'/:by<a|b>', { by: 'a' | 'b' }, Custom> = true;

// Unions of patterns.
type Either = ParamsOf<'/a/:x<int>' | '/b/:y?'>;
const either: Equal<Either extends infer One ? (One extends unknown ? Flat<One> : never) : never, { x: number } | { y?: string }> = true;

// An optional key is missing, not undefined.
const missing: ParamsOf<'/:lang?/about'> = {};
// @ts-expect-error -- undefined is no value of an optional param
const undefinedValue: ParamsOf<'/:lang?/about'> = { lang: undefined };
// @ts-expect-error -- the word is not among the choices
const wrongChoice: ParamsOf<'/sort/:by<asc|desc>'> = { by: 'up' };

export {
  root, fixed, plain, trailing, several, int, bool, uuid, optional, optionalInt, mixed, two, four, namesLikeConstraints, rest, maybeRest,
  dated, datedOptional, replaced, union, unknownName, unknownOptional, wide, wideConstraints, either, missing, undefinedValue, wrongChoice,
};
