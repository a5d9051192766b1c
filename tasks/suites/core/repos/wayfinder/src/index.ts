export { buildPath, type BuildOptions } from './build.ts';
export { type Constraint, type ConstraintMap } from './constraints.ts';
export { BuildError, MethodNotAllowedError, NotFoundError, PatternError, RouterError } from './errors.ts';
export { compose } from './middleware.ts';
export type { ParamsOf, UnknownParams } from './params.ts';
export { formatQuery, parseQuery, type Query, type QueryInput, type QueryValue } from './query.ts';
export { Group } from './registrar.ts';
export { type Context, type Handler, type Middleware, Route, type RouteOptions, type RouterRequest } from './route.ts';
export { type Resolution, Router, type RouterOptions } from './router.ts';
