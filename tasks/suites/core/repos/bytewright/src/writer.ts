/** Bytes that grow at the end. */
export class Writer {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** What was written so far, as a copy. */
  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    this.#room(1)[this.#length - 1] = value;
  }

  put(bytes: Uint8Array): void {
    this.#room(bytes.length).set(bytes, this.#length - bytes.length);
  }

  /** A view of the next `size` bytes, to be filled. */
  view(size: number): DataView {
    const bytes = this.#room(size);
    return new DataView(bytes.buffer, this.#length - size, size);
  }

  #room(size: number): Uint8Array {
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return this.#bytes;
  }
}
