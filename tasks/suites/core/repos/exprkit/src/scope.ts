/** An immutable chain of bindings; an inner binding hides an outer one of the same name. */
export class Scope<T> {
  readonly #bindings: ReadonlyMap<string, T>;
  readonly #outer: Scope<T> | undefined;

  constructor(bindings: Iterable<readonly [string, T]>, outer?: Scope<T>) {
    this.#bindings = new Map(bindings);
    this.#outer = outer;
  }

  /** A scope inside this one. */
  extend(bindings: Iterable<readonly [string, T]>): Scope<T> {
    return new Scope(bindings, this);
  }

  /** What the name is bound to; `undefined` when nothing binds it. */
  lookup(name: string): T | undefined {
    return this.#bindings.has(name) ? this.#bindings.get(name) : this.#outer?.lookup(name);
  }
}
