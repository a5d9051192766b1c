/** The loads under way, at most one for every key. */
export class Flights<K, V> {
  readonly #flights = new Map<K, Promise<V>>();

  has(key: K): boolean {
    return this.#flights.has(key);
  }

  /** The load that is under way for the key, or else the one that `start` begins. */
  join(key: K, start: () => Promise<V>): Promise<V> {
    const underway = this.#flights.get(key);
    if (underway !== undefined) return underway;
    const flight = start().finally(() => {
      this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }
}
