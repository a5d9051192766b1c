/**
 * A job: what its creator sees of it (`Job`), and what the scheduler keeps about it (`Task`).
 *
 * `Task` holds state and answers questions about it; the transitions are the scheduler's.
 */
import type { CancelTimer } from './clock.ts';
import type { Ranked } from './ready.ts';
import type { RetryPolicy } from './retry.ts';

/**
 * `blocked`: waits for other jobs. `delayed`: waits for time to pass, before the first attempt or between two. `queued`: waits for a slot.
 * The last three are final.
 */
export type JobStatus = 'blocked' | 'delayed' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** What a job's function is called with. */
export interface JobContext {
  /** Aborted when the job is cancelled and when the attempt exceeds its timeout. A function that ignores it cannot be stopped. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

export type JobFunction<T> = (context: JobContext) => T | PromiseLike<T>;

export interface JobOptions {
  /** For people; need not be unique. Default: `job <sequence>`. */
  readonly name?: string;
  /** Jobs of higher priority start first; among equals, the one added first. Default 0. */
  readonly priority?: number;
  /** The group whose limits the job counts against, besides those of the scheduler. */
  readonly group?: string;
  /** Milliseconds to wait before the job is queued, from when it is added or its last dependency has succeeded. Default 0. */
  readonly delay?: number;
  /** Jobs of the same scheduler that must succeed first. */
  readonly after?: readonly Job[];
  /** Milliseconds that one attempt may take. A timeout is a failure like others and can be retried. */
  readonly timeout?: number;
  /** Default: one attempt. */
  readonly retry?: RetryPolicy;
  /** Cancels the job. */
  readonly signal?: AbortSignal;
}

/** A handle on a job. */
export interface Job<T = unknown> {
  readonly name: string;
  readonly group: string | undefined;
  readonly priority: number;
  readonly status: JobStatus;
  /** Attempts that have started. */
  readonly attempts: number;
  /**
   * What the function gave in the end. A rejection that nobody handles is no unhandled rejection: jobs may be added for their effects alone, and
   * the `failed` event tells of them all.
   */
  readonly result: Promise<T>;
  /**
   * Ends the job, wherever it is, unless it has ended: `result` rejects with `JobCancelledError` whose `cause` is `reason`, the signal of a
   * running attempt is aborted, and jobs that depend on this one are cancelled too.
   */
  cancel(reason?: unknown): void;
}

export class Task<T = unknown> implements Job<T>, Ranked {
  readonly sequence: number;
  readonly run: JobFunction<T>;
  readonly options: JobOptions;
  readonly #result = Promise.withResolvers<T>();
  readonly #cancel: (task: Task, reason: unknown) => void;

  status: JobStatus = 'blocked';
  attempts = 0;
  /** Unsettled jobs that this one waits for. */
  readonly dependencies = new Set<Task>();
  /** Jobs that wait for this one. */
  readonly dependents = new Set<Task>();
  /** Calls off the delay that the job waits for, if any. */
  cancelTimer: CancelTimer | undefined;
  /** Of the running attempt. */
  controller: AbortController | undefined;
  /** Why the job did not succeed, once that is so. */
  error: unknown;

  constructor(sequence: number, run: JobFunction<T>, options: JobOptions, cancel: (task: Task, reason: unknown) => void) {
    this.sequence = sequence;
    this.run = run;
    this.options = options;
    this.#cancel = cancel;
    this.#result.promise.catch(() => undefined);
  }

  get name(): string {
    return this.options.name ?? `job ${this.sequence}`;
  }

  get group(): string | undefined {
    return this.options.group;
  }

  get priority(): number {
    return this.options.priority ?? 0;
  }

  get result(): Promise<T> {
    return this.#result.promise;
  }

  get settled(): boolean {
    return this.status === 'succeeded' || this.status === 'failed' || this.status === 'cancelled';
  }

  cancel(reason?: unknown): void {
    this.#cancel(this as Task, reason);
  }

  succeed(value: T): void {
    this.status = 'succeeded';
    this.#result.resolve(value);
  }

  end(status: 'failed' | 'cancelled', error: unknown): void {
    this.status = status;
    this.error = error;
    this.#result.reject(error);
  }
}
