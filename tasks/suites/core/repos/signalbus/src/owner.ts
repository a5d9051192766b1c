import { BusClosedError } from "./errors.ts";

/** The bus or scope through which a listener was registered; closing one closes those below it. */
export class Owner {
  readonly #parent: Owner | undefined;
  #closed = false;

  constructor(parent?: Owner) {
    this.#parent = parent;
  }

  get isClosed(): boolean {
    return this.#closed || (this.#parent?.isClosed ?? false);
  }

  close(): void {
    this.#closed = true;
  }

  isWithin(other: Owner): boolean {
    return this === other || (this.#parent?.isWithin(other) ?? false);
  }

  assertOpen(): void {
    if (this.isClosed) throw new BusClosedError();
  }
}
