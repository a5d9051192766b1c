/**
 * The router: routes, mounted routers and middleware, and the way of a request through them.
 *
 * It knows nothing of HTTP beyond the words "method" and "URL": a request is whatever has these two, and a result is whatever handlers return.
 */
import type { BuildOptions } from './build.ts';
import { LruCache } from './cache.ts';
import type { ConstraintMap } from './constraints.ts';
import { MethodNotAllowedError, NotFoundError, RouterError } from './errors.ts';
import { compose } from './middleware.ts';
import type { UnknownParams } from './params.ts';
import { parsePattern, splitPath } from './pattern.ts';
import { parseQuery } from './query.ts';
import { Registrar } from './registrar.ts';
import {
  type Context,
  type Handler,
  methodsOf,
  type Middleware,
  Route,
  type RouteOptions,
  type RouterRequest,
  selectRoute,
} from './route.ts';
import { type Found, readParams, RouteTree } from './tree.ts';

export interface RouterOptions {
  /** Constraints for the patterns of this router, by name. Mounted routers have their own. */
  readonly constraints?: ConstraintMap;
  /** How many paths to remember the outcome of the search for. Default 500. */
  readonly cacheSize?: number;
}

export type Resolution =
  | { readonly kind: 'match'; readonly route: Route; readonly params: UnknownParams }
  | { readonly kind: 'methodNotAllowed'; readonly allow: readonly string[] }
  | { readonly kind: 'notFound' };

/** A route with what it runs. */
interface Endpoint<Env, Result> {
  readonly route: Route;
  readonly method: string;
  readonly handler: Handler<UnknownParams, Env, Result>;
  readonly use: readonly Middleware<Env, Result>[];
}

type EndpointTree<Env, Result> = RouteTree<Endpoint<Env, Result>, Router<Env, Result>>;
type FoundEndpoints<Env, Result> = Found<Endpoint<Env, Result>, Router<Env, Result>>;

type Located<Env, Result> =
  | {
      readonly kind: 'match';
      readonly endpoint: Endpoint<Env, Result>;
      /** The mounted routers that lead to the endpoint, outermost first. */
      readonly routers: readonly Router<Env, Result>[];
      readonly params: UnknownParams;
    }
  | Exclude<Resolution, { kind: 'match' }>;

export class Router<Env = unknown, Result = unknown> extends Registrar<Env, Result, ''> {
  readonly #constraints: ConstraintMap;
  readonly #tree: EndpointTree<Env, Result> = new RouteTree();
  readonly #middleware: Middleware<Env, Result>[] = [];
  readonly #names = new Map<string, Route>();
  /** By path; `null` for a path that nothing matches. */
  readonly #cache: LruCache<string, FoundEndpoints<Env, Result> | null>;
  #cachedRevision = 0;

  constructor(options: RouterOptions = {}) {
    super();
    this.#constraints = options.constraints ?? {};
    this.#cache = new LruCache(options.cacheSize ?? 500);
  }

  /** Adds middleware around every route of this router, those already registered included. */
  use(...middleware: readonly Middleware<Env, Result>[]): this {
    this.#middleware.push(...middleware);
    return this;
  }

  /**
   * Lets `router` answer for the paths below `prefix`. Its routes see the prefix's params beside their own, which win where names are equal,
   * and its middleware runs inside this router's. When it has no route for a path, the search goes on in this router.
   */
  mount(prefix: string, router: Router<Env, Result>): this {
    const pattern = parsePattern(prefix, this.#constraints);
    if (pattern.segments.some((segment) => segment.kind === 'wildcard')) throw new RouterError('a mount prefix cannot have a wildcard');
    if (router.#tree.contains(this.#tree)) throw new RouterError('a router cannot be mounted within itself');
    this.#tree.graft(pattern, router.#tree, router);
    return this;
  }

  /** The URL of the route named `name`. Throws `RouterError` when there is none, `BuildError` when the params do not fit. */
  url(name: string, params: UnknownParams = {}, options: BuildOptions = {}): string {
    const route = this.#names.get(name);
    if (!route) throw new RouterError(`no route is named ${JSON.stringify(name)}`);
    return route.url(params, options);
  }

  /** What `handle` would run for this request, without running it. */
  resolve(method: string, url: string): Resolution {
    const located = this.#locate(method, pathOf(url));
    return located.kind === 'match' ? { kind: 'match', route: located.endpoint.route, params: located.params } : located;
  }

  /** The methods that this URL answers, sorted; empty when there is no route for it. */
  allowedMethods(url: string): string[] {
    const found = this.#find(pathOf(url));
    return found ? methodsOf(found.values) : [];
  }

  /**
   * Runs the middleware and the handler for a request and gives the handler's result.
   *
   * The middleware of this router also runs when no route answers; its innermost `next` then rejects with `NotFoundError` or
   * `MethodNotAllowedError`.
   */
  async handle(request: RouterRequest, env: Env): Promise<Result> {
    const path = pathOf(request.url);
    const located = this.#locate(request.method, path);
    const context: Context<UnknownParams, Env> = {
      request,
      env,
      path,
      params: located.kind === 'match' ? located.params : {},
      query: parseQuery(queryOf(request.url)),
      route: located.kind === 'match' ? located.endpoint.route : undefined,
      state: new Map(),
    };
    if (located.kind !== 'match') {
      return compose(this.#middleware, () => {
        throw located.kind === 'notFound'
          ? new NotFoundError(path)
          : new MethodNotAllowedError(path, request.method.toUpperCase(), located.allow);
      })(context);
    }
    const { endpoint, routers } = located;
    const stack = [this.#middleware, ...routers.map((router) => router.#middleware), endpoint.use].flat();
    return compose(stack, endpoint.handler)(context);
  }

  protected override register(
    method: string,
    pattern: string,
    handler: Handler<UnknownParams, Env, Result>,
    options: RouteOptions<Env, Result>,
  ): Route {
    const { name, use = [] } = options;
    if (name !== undefined && this.#names.has(name)) throw new RouterError(`the name ${JSON.stringify(name)} is taken`);
    const parsed = parsePattern(pattern, this.#constraints);
    const route = new Route(method, parsed, name);
    this.#tree.insert(parsed, { route, method, handler, use });
    if (name !== undefined) this.#names.set(name, route);
    return route;
  }

  #locate(method: string, path: string): Located<Env, Result> {
    const found = this.#find(path);
    if (!found) return { kind: 'notFound' };
    const endpoint = selectRoute(found.values, method.toUpperCase());
    if (!endpoint) return { kind: 'methodNotAllowed', allow: methodsOf(found.values) };
    return { kind: 'match', endpoint, routers: found.grafts, params: readParams(found) };
  }

  #find(path: string): FoundEndpoints<Env, Result> | undefined {
    if (this.#tree.revision !== this.#cachedRevision) {
      this.#cache.clear();
      this.#cachedRevision = this.#tree.revision;
    }
    const cached = this.#cache.get(path);
    if (cached !== undefined) return cached ?? undefined;
    const found = this.#tree.find(splitPath(path));
    this.#cache.set(path, found ?? null);
    return found;
  }
}

function pathOf(url: string): string {
  return /^[^?#]*/.exec(url)?.[0] ?? '';
}

function queryOf(url: string): string {
  return /^[^?#]*\?([^#]*)/.exec(url)?.[1] ?? '';
}
