/** The input ended inside of a value. */
export class EndOfInputError extends Error {
  override readonly name = 'EndOfInputError';

  constructor(missing: number) {
    super(`the input ends ${missing} bytes too early`);
  }
}

/** Bytes that are read from the start to the end. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.view(1).getUint8(0);
  }

  take(size: number): Uint8Array {
    const start = this.#skip(size);
    return this.#bytes.slice(start, start + size);
  }

  view(size: number): DataView {
    const start = this.#skip(size);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, size);
  }

  #skip(size: number): number {
    if (size > this.left) throw new EndOfInputError(size - this.left);
    const start = this.#at;
    this.#at += size;
    return start;
  }
}
