/**
 * A registered route, and the shapes of the functions that a route and its router run.
 */
import { type BuildOptions, renderUrl } from './build.ts';
import type { UnknownParams } from './params.ts';
import type { Pattern } from './pattern.ts';
import type { Query } from './query.ts';

/** All that wayfinder needs of a request. `url` is the path with its query: `/users/7?tab=posts`. */
export interface RouterRequest {
  readonly method: string;
  readonly url: string;
}

/** What a handler and the middleware around it share during one request. */
export interface Context<Params = UnknownParams, Env = unknown> {
  readonly request: RouterRequest;
  /** Whatever the caller passed to `handle`. */
  readonly env: Env;
  /** The path of the request, still encoded, without its query. */
  readonly path: string;
  readonly params: Params;
  readonly query: Query;
  /** The route that answers; `undefined` while middleware runs for a request that none answers. */
  readonly route: Route | undefined;
  /** A place for middleware to leave things for what runs inside it. */
  readonly state: Map<unknown, unknown>;
}

export type Handler<Params = UnknownParams, Env = unknown, Result = unknown> = (
  context: Context<Params, Env>,
) => Result | Promise<Result>;

/** Runs around a handler. It may answer by itself and never call `next`. */
export type Middleware<Env = unknown, Result = unknown> = (
  context: Context<UnknownParams, Env>,
  next: () => Promise<Result>,
) => Result | Promise<Result>;

export interface RouteOptions<Env = unknown, Result = unknown> {
  /** The name for `router.url`; unique within a router. */
  readonly name?: string;
  /** Middleware for this route alone, outermost first. */
  readonly use?: readonly Middleware<Env, Result>[];
}

/** The method of a route that answers every method. */
export const ANY_METHOD = '*';

/** A handle on a registered route. */
export class Route {
  readonly method: string;
  readonly name: string | undefined;
  readonly #pattern: Pattern;

  constructor(method: string, pattern: Pattern, name: string | undefined) {
    this.method = method;
    this.name = name;
    this.#pattern = pattern;
  }

  /** The pattern as written, behind the prefixes of its groups. Mount prefixes are not part of it. */
  get pattern(): string {
    return this.#pattern.source;
  }

  /** The URL of this route within the router that owns it. Throws `BuildError`. */
  url(params: UnknownParams = {}, options: BuildOptions = {}): string {
    return renderUrl(this.#pattern, params, options);
  }
}

/** The route among `candidates` that answers `method`: one for that very method, GET for HEAD, then one for any method. */
export function selectRoute<R extends Pick<Route, 'method'>>(candidates: readonly R[], method: string): R | undefined {
  return (
    candidates.find((route) => route.method === method) ??
    (method === 'HEAD' ? candidates.find((route) => route.method === 'GET') : undefined) ??
    candidates.find((route) => route.method === ANY_METHOD)
  );
}

/** The methods that `routes` answer, sorted. A route for any method stands in the list as `*`. */
export function methodsOf(routes: Iterable<Pick<Route, 'method'>>): string[] {
  const methods = new Set<string>();
  for (const { method } of routes) {
    methods.add(method);
    if (method === 'GET') methods.add('HEAD');
  }
  return [...methods].toSorted();
}
