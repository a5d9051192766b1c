/**
 * The registering half of a router: the same methods whether a pattern stands by itself or behind the prefix of a group.
 */
import type { ParamsOf, UnknownParams } from './params.ts';
import { joinPatterns } from './pattern.ts';
import { ANY_METHOD, type Handler, type Middleware, type Route, type RouteOptions } from './route.ts';

export abstract class Registrar<Env, Result, Prefix extends string> {
  /** Registers a route for one method, in any case. Throws `PatternError`, or `RouterError` for a name that is taken. */
  route<Path extends string>(
    method: string,
    pattern: Path,
    handler: Handler<ParamsOf<`${Prefix}${Path}`>, Env, Result>,
    options: RouteOptions<Env, Result> = {},
  ): Route {
    // What a handler expects of its params is checked here, against the pattern; from here on all handlers are alike.
    return this.register(method.toUpperCase(), pattern, handler as Handler<UnknownParams, Env, Result>, options);
  }

  get<Path extends string>(
    pattern: Path,
    handler: Handler<ParamsOf<`${Prefix}${Path}`>, Env, Result>,
    options?: RouteOptions<Env, Result>,
  ): Route {
    return this.route('GET', pattern, handler, options);
  }

  post<Path extends string>(
    pattern: Path,
    handler: Handler<ParamsOf<`${Prefix}${Path}`>, Env, Result>,
    options?: RouteOptions<Env, Result>,
  ): Route {
    return this.route('POST', pattern, handler, options);
  }

  put<Path extends string>(
    pattern: Path,
    handler: Handler<ParamsOf<`${Prefix}${Path}`>, Env, Result>,
    options?: RouteOptions<Env, Result>,
  ): Route {
    return this.route('PUT', pattern, handler, options);
  }

  patch<Path extends string>(
    pattern: Path,
    handler: Handler<ParamsOf<`${Prefix}${Path}`>, Env, Result>,
    options?: RouteOptions<Env, Result>,
  ): Route {
    return this.route('PATCH', pattern, handler, options);
  }

  delete<Path extends string>(
    pattern: Path,
    handler: Handler<ParamsOf<`${Prefix}${Path}`>, Env, Result>,
    options?: RouteOptions<Env, Result>,
  ): Route {
    return this.route('DELETE', pattern, handler, options);
  }

  /** Registers a route that answers every method, after the routes that name one. */
  all<Path extends string>(
    pattern: Path,
    handler: Handler<ParamsOf<`${Prefix}${Path}`>, Env, Result>,
    options?: RouteOptions<Env, Result>,
  ): Route {
    return this.route(ANY_METHOD, pattern, handler, options);
  }

  /** Registers routes behind a common prefix, in this router. The group's middleware runs inside the router's. */
  group<Path extends string>(
    prefix: Path,
    registerRoutes: (group: Group<Env, Result, `${Prefix}${Path}`>) => void,
    use: readonly Middleware<Env, Result>[] = [],
  ): void {
    registerRoutes(
      new Group((method, pattern, handler, options) =>
        this.register(method, joinPatterns(prefix, pattern), handler, { ...options, use: [...use, ...(options.use ?? [])] }),
      ),
    );
  }

  protected abstract register(
    method: string,
    pattern: string,
    handler: Handler<UnknownParams, Env, Result>,
    options: RouteOptions<Env, Result>,
  ): Route;
}

type Register<Env, Result> = (
  method: string,
  pattern: string,
  handler: Handler<UnknownParams, Env, Result>,
  options: RouteOptions<Env, Result>,
) => Route;

/** What `group` hands to its callback. */
export class Group<Env, Result, Prefix extends string> extends Registrar<Env, Result, Prefix> {
  readonly #register: Register<Env, Result>;

  constructor(register: Register<Env, Result>) {
    super();
    this.#register = register;
  }

  protected override register(
    method: string,
    pattern: string,
    handler: Handler<UnknownParams, Env, Result>,
    options: RouteOptions<Env, Result>,
  ): Route {
    return this.#register(method, pattern, handler, options);
  }
}
