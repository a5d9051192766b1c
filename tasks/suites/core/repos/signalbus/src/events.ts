/** The types that tie topics to payloads. An event map is any object type: topics are its keys, payloads its values. */

export interface BusEvent<Topic extends string = string, Payload = unknown> {
  readonly topic: Topic;
  readonly payload: Payload;
  /** Counts the events of the whole bus from 1, in the order in which they were emitted. */
  readonly sequence: number;
  /** When it was emitted, by the bus's clock. */
  readonly at: number;
}

export type TopicOf<Events> = keyof Events & string;

/** The event of `Topic`; for a union of topics, the union of their events, told apart by `topic`. */
export type EventOf<Events, Topic extends TopicOf<Events> = TopicOf<Events>> = {
  [Each in Topic]: BusEvent<Each, Events[Each]>;
}[Topic];

/** What a listener on `Pattern` may receive. */
export type Matched<Events, Pattern extends string> =
  Pattern extends TopicOf<Events> ? EventOf<Events, Pattern> : EventOf<Events>;

/** May return a promise, which the emission waits for. */
export type Listener<Event> = (event: Event) => unknown;
