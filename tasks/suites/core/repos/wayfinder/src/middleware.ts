import { RouterError } from './errors.ts';
import type { Context, Middleware } from './route.ts';
import type { UnknownParams } from './params.ts';

/**
 * One function that runs `stack` around `handler`, outermost first.
 *
 * A middleware that throws before its first await still gives a rejected promise. Calling `next` twice is an error: what lies inside would run
 * twice on one context.
 */
export function compose<Env, Result>(
  stack: readonly Middleware<Env, Result>[],
  handler: (context: Context<UnknownParams, Env>) => Result | Promise<Result>,
): (context: Context<UnknownParams, Env>) => Promise<Result> {
  return (context) => {
    let reached = -1;
    const run = async (index: number): Promise<Result> => {
      if (index <= reached) throw new RouterError('next() called more than once');
      reached = index;
      const middleware = stack[index];
      return middleware ? middleware(context, () => run(index + 1)) : handler(context);
    };
    return run(0);
  };
}
