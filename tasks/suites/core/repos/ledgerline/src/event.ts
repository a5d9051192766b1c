/** An event that is not recorded yet. */
export interface NewEvent {
  readonly type: string;
  readonly data?: unknown;
}

/** An event at its place. */
export interface RecordedEvent extends NewEvent {
  readonly stream: string;
  /** From 1 on, in the stream. */
  readonly version: number;
  /** From 1 on, in the store. */
  readonly position: number;
}
