/** Handing events to listeners. A listener that throws or rejects never keeps an event from the others. */
import type { BusEvent } from "./events.ts";
import type { Registration, Registry } from "./registry.ts";

/** How the listeners of one event run: each after the one before it has settled, or all at once. */
export type EmissionMode = "sequential" | "parallel";

export interface ListenerFailure {
  readonly error: unknown;
  readonly event: BusEvent;
}

export interface EmitReport {
  /** How many listeners were called and did not fail. */
  readonly delivered: number;
  /** In the order in which they occurred. */
  readonly failures: readonly ListenerFailure[];
  /** Some middleware kept the event from the listeners. */
  readonly stopped: boolean;
}

/** Calls everyone in `audience` with `event`; settles when all of them have. Never rejects. */
export async function deliver(
  registry: Registry,
  audience: readonly Registration[],
  event: BusEvent,
  mode: EmissionMode,
): Promise<EmitReport> {
  let delivered = 0;
  const failures: ListenerFailure[] = [];

  async function call(registration: Registration): Promise<void> {
    if (registration.once) registry.remove(registration);
    try {
      await registration.listener(event);
      delivered += 1;
    } catch (error) {
      failures.push({ error, event });
    }
  }

  if (mode === "parallel") {
    await Promise.all(audience.map(call));
  } else {
    for (const registration of audience) await call(registration);
  }
  return { delivered, failures, stopped: false };
}

/** Hands `events` to one listener that came late, one after another. Returns the failures; never rejects. */
export async function replay(
  registry: Registry,
  registration: Registration,
  events: readonly BusEvent[],
): Promise<ListenerFailure[]> {
  const failures: ListenerFailure[] = [];
  for (const event of events) {
    if (registration.once) registry.remove(registration);
    try {
      await registration.listener(event);
    } catch (error) {
      failures.push({ error, event });
    }
  }
  return failures;
}
