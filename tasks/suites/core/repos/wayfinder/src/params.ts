/**
 * What the type system knows of a pattern. The runtime counterpart is `readParams` in tree.ts; the two describe the same values.
 */

type SegmentsOf<Path extends string> = Path extends `${infer Head}/${infer Tail}` ? Head | SegmentsOf<Tail> : Path;

type ParamName<Segment extends string> = Segment extends `:${infer Name}` ? Name : never;

type WildcardName<Segment extends string> = Segment extends `*${infer Name}` ? Name : never;

/** Params whose names are not known to the compiler. */
export type UnknownParams = Record<string, unknown>;

/** The params that a handler of the pattern `Path` gets. A pattern that is not a literal says nothing about them. */
export type ParamsOf<Path extends string> = string extends Path
  ? UnknownParams
  : { [Name in ParamName<SegmentsOf<Path>>]: string } & { [Name in WildcardName<SegmentsOf<Path>>]: string[] };
