export { array, record, tuple } from './collections.ts';
export { formatIssue, SchemaError, type Issue, type IssueCode } from './issue.ts';
export { object, type ObjectSchema, type Shape } from './object.ts';
export { formatPath, parsePath, PathSyntaxError, type Path, type PathSegment } from './path.ts';
export { boolean, literal, never, number, oneOf, string, unknown, type LiteralSchema, type Primitive } from './primitives.ts';
export { type AnySchema, type Infer, type InputOf, type ParseOptions, type ParseResult, type Schema } from './schema.ts';
export { lazy, union, variants } from './union.ts';
