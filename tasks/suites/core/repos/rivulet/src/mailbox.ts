/** A queue with one reader, who waits while it is empty. What may be put in is up to the writers. */
export class Mailbox<T> {
  private readonly letters: T[] = [];
  private wake: (() => void) | undefined;

  put(letter: T): void {
    this.letters.push(letter);
    this.wake?.();
  }

  async take(): Promise<T> {
    while (this.letters.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.wake = resolve;
      await promise;
    }
    return this.letters.shift() as T;
  }
}
