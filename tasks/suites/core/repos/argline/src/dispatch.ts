import type { AnyResult } from "./result.ts";

/** A function for each command, keyed as in `result.command`. */
export type Handlers<T> = Readonly<Record<string, (result: AnyResult) => T>>;

/** Calls the handler of the command that was parsed, and returns what it returns. Throws when there is none. */
export function dispatch<T>(result: AnyResult, handlers: Handlers<T>): T {
  const handler = Object.hasOwn(handlers, result.command) ? handlers[result.command] : undefined;
  if (handler === undefined) throw new TypeError(`no handler for the command "${result.command}"`);
  return handler(result);
}
