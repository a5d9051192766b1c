/** Who listens to what, in the order in which listeners are called. */
import type { BusEvent } from "./events.ts";
import type { Owner } from "./owner.ts";

export interface Registration {
  readonly matches: (topic: string) => boolean;
  readonly listener: (event: BusEvent) => unknown;
  /** Higher ones are called first; equals in the order of registration. */
  readonly priority: number;
  readonly once: boolean;
  readonly owner: Owner;
  /** Runs when the registration ends for whatever reason. */
  readonly released?: () => void;
  /** Runs when it ends because its bus or scope was closed, behind `released`. */
  readonly closed?: () => void;
}

export class Registry {
  #registrations: Registration[] = [];

  add(registration: Registration): void {
    const behind = this.#registrations.findIndex((other) => other.priority < registration.priority);
    const index = behind === -1 ? this.#registrations.length : behind;
    this.#registrations.splice(index, 0, registration);
  }

  /** Does nothing when it has ended already. */
  remove(registration: Registration): void {
    const index = this.#registrations.indexOf(registration);
    if (index === -1) return;
    this.#registrations.splice(index, 1);
    registration.released?.();
  }

  /** Ends what was registered through `owner` or through a scope below it. */
  close(owner: Owner): void {
    for (const registration of this.#registrations.filter((each) => each.owner.isWithin(owner))) {
      this.remove(registration);
      registration.closed?.();
    }
  }

  /** Those who listen to `topic` now; later changes do not show in the list. */
  audience(topic: string): Registration[] {
    return this.#registrations.filter((registration) => registration.matches(topic));
  }
}
