/**
 * The scheduler: takes jobs in, decides which may run, and follows each of them to its end.
 *
 *   add ─► blocked ─► delayed ─► queued ─► running ─► succeeded | failed
 *                        ▲                    │
 *                        └────── retry ───────┘        and from anywhere: cancelled
 *
 * Jobs never start within the call that makes them ready. They start in a microtask after it, so that of several jobs added in one go the one with
 * the highest priority starts first.
 */
import { type Outcome, runAttempt } from './attempt.ts';
import { type Clock, systemClock } from './clock.ts';
import { DependencyError, JobCancelledError, SchedulerClosedError } from './errors.ts';
import { Emitter } from './emitter.ts';
import { type Job, type JobFunction, type JobOptions, type JobStatus, Task } from './job.ts';
import { type GroupLimits, Limits } from './limits.ts';
import { ReadyQueue } from './ready.ts';
import { retryDelay, shouldRetry } from './retry.ts';

export interface SchedulerOptions {
  /** How many jobs run at a time. Default 1. */
  readonly concurrency?: number;
  /** The groups that jobs may name, with their limits. */
  readonly groups?: Readonly<Record<string, GroupLimits>>;
  /** Default: the time of the system. */
  readonly clock?: Clock;
  /** For jitter: a number from 0 up to 1. Default `Math.random`. */
  readonly random?: () => number;
}

export interface SchedulerEvents {
  added: { readonly job: Job };
  started: { readonly job: Job; readonly attempt: number };
  /** An attempt failed and another will follow in `delay` milliseconds. */
  retrying: { readonly job: Job; readonly attempt: number; readonly error: unknown; readonly delay: number };
  succeeded: { readonly job: Job; readonly value: unknown };
  failed: { readonly job: Job; readonly error: unknown };
  cancelled: { readonly job: Job; readonly error: JobCancelledError };
  /** The last unsettled job has ended. */
  idle: Record<never, never>;
}

/** `drain`: let all jobs come to their end. `cancel`: cancel those that have not. */
export type ShutdownMode = 'drain' | 'cancel';

export class Scheduler {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: Limits;
  readonly #emitter = new Emitter<SchedulerEvents>();
  readonly #ready = new ReadyQueue<Task>();
  /** Those not settled, in the order in which they were added. */
  readonly #tasks = new Set<Task>();
  readonly #created = new WeakSet<Job>();
  #idleWaiters: PromiseWithResolvers<void>[] = [];
  #sequence = 0;
  #paused = false;
  #closed = false;
  #dispatchPlanned = false;
  /** Whether the `idle` event is still to come. */
  #busy = false;

  constructor(options: SchedulerOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#limits = new Limits(options.concurrency ?? 1, options.groups ?? {});
  }

  /** How many functions of jobs are running. */
  get running(): number {
    return this.#limits.running;
  }

  /** How many jobs have each status that is not final. */
  get counts(): Record<'blocked' | 'delayed' | 'queued' | 'running', number> {
    const counts = { blocked: 0, delayed: 0, queued: 0, running: 0 };
    for (const { status } of this.#tasks) counts[status as keyof typeof counts] += 1;
    return counts;
  }

  /** Listens to an event; the result stops it. Listeners run synchronously, after the state they tell of has been reached. */
  on<Name extends keyof SchedulerEvents>(name: Name, listener: (event: SchedulerEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /**
   * Adds a job. Throws `SchedulerClosedError` after `shutdown`, `RangeError` for a group that is not among the scheduler's or a delay or timeout that
   * is no duration, `TypeError` for a dependency of another scheduler.
   */
  add<T>(run: JobFunction<T>, options: JobOptions = {}): Job<T> {
    if (this.#closed) throw new SchedulerClosedError();
    if (options.group !== undefined && !this.#limits.knows(options.group)) throw new RangeError(`no group is named ${options.group}`);
    requireDuration('delay', options.delay ?? 0);
    requireDuration('timeout', options.timeout ?? 0);
    const dependencies = (options.after ?? []).map((job) => this.#taskOf(job));

    this.#sequence += 1;
    const created = new Task<T>(this.#sequence, run, options, (cancelled, reason) => this.#cancel(cancelled, reason));
    const task = created as Task;
    this.#created.add(task);
    this.#tasks.add(task);
    this.#busy = true;
    for (const dependency of dependencies) {
      if (dependency.settled) continue;
      task.dependencies.add(dependency);
      dependency.dependents.add(task);
    }
    const broken = dependencies.find((dependency) => dependency.settled && dependency.status !== 'succeeded');
    if (broken === undefined && task.dependencies.size === 0) this.#enqueueAfter(task, options.delay ?? 0);
    this.#emitter.emit('added', { job: task });
    if (broken && !task.settled) this.#end(task, 'cancelled', dependencyError(task, broken));
    return created;
  }

  /** Lets no further job start until `resume`. Running jobs go on, and delays pass. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#planDispatch();
  }

  /** Resolves when all jobs have ended, those added meanwhile included; at once when there are none. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    const waiter = Promise.withResolvers<void>();
    this.#idleWaiters.push(waiter);
    return waiter.promise;
  }

  /**
   * Takes no more jobs and resolves when all have ended and none of their functions is running. A paused scheduler is resumed. May be called again,
   * to go over from draining to cancelling.
   */
  async shutdown(mode: ShutdownMode = 'drain'): Promise<void> {
    this.#closed = true;
    if (mode === 'cancel') {
      for (const task of [...this.#tasks]) this.#cancel(task, new SchedulerClosedError());
    }
    this.resume();
    await this.idle();
  }

  #enqueueAfter(task: Task, delay: number): void {
    if (delay <= 0) {
      this.#enqueue(task);
      return;
    }
    task.status = 'delayed';
    task.cancelTimer = this.#clock.setTimer(delay, () => {
      task.cancelTimer = undefined;
      this.#enqueue(task);
    });
  }

  #enqueue(task: Task): void {
    task.status = 'queued';
    this.#ready.push(task);
    this.#planDispatch();
  }

  #planDispatch(): void {
    if (this.#dispatchPlanned) return;
    this.#dispatchPlanned = true;
    queueMicrotask(() => {
      this.#dispatchPlanned = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (!this.#paused && this.#limits.hasRoom()) {
      const task = this.#ready.take((group) => this.#limits.isOpen(group));
      if (!task) return;
      const { signal } = task.options;
      if (signal?.aborted) this.#cancel(task, signal.reason);
      else void this.#run(task);
    }
  }

  async #run(task: Task): Promise<void> {
    const controller = new AbortController();
    this.#limits.acquire(task.group);
    task.status = 'running';
    task.attempts += 1;
    task.controller = controller;
    this.#emitter.emit('started', { job: task, attempt: task.attempts });
    // A listener may have cancelled the job.
    if (!task.settled) {
      const outcome = await runAttempt(task, controller, this.#clock);
      if (!task.settled) this.#conclude(task, outcome);
    }
    this.#limits.release(task.group);
    this.#planDispatch();
  }

  /** Decides what follows an attempt that has ended. */
  #conclude(task: Task, outcome: Outcome): void {
    task.controller = undefined;
    const { retry, signal } = task.options;
    if (outcome.ok) {
      this.#succeed(task, outcome.value);
    } else if (signal?.aborted) {
      this.#cancel(task, signal.reason);
    } else if (retry && shouldRetry(retry, outcome.error, task.attempts)) {
      const delay = retryDelay(retry, task.attempts, this.#random);
      this.#emitter.emit('retrying', { job: task, attempt: task.attempts, error: outcome.error, delay });
      if (!task.settled) this.#enqueueAfter(task, delay);
    } else {
      this.#end(task, 'failed', outcome.error);
    }
  }

  #cancel(task: Task, reason: unknown): void {
    if (!task.settled) this.#end(task, 'cancelled', new JobCancelledError(`${task.name} was cancelled`, reason));
  }

  #succeed(task: Task, value: unknown): void {
    this.#forget(task);
    task.succeed(value);
    this.#emitter.emit('succeeded', { job: task, value });
    for (const dependent of task.dependents) {
      dependent.dependencies.delete(task);
      if (!dependent.settled && dependent.dependencies.size === 0) this.#enqueueAfter(dependent, dependent.options.delay ?? 0);
    }
    this.#checkIdle();
  }

  /** Ends a job without success, and with it the jobs that wait for it. */
  #end(task: Task, status: 'failed' | 'cancelled', error: unknown): void {
    this.#forget(task);
    task.end(status, error);
    if (status === 'failed') this.#emitter.emit('failed', { job: task, error });
    else this.#emitter.emit('cancelled', { job: task, error: error as JobCancelledError });
    task.controller?.abort(error);
    for (const dependent of task.dependents) {
      if (!dependent.settled) this.#end(dependent, 'cancelled', dependencyError(dependent, task));
    }
    this.#checkIdle();
  }

  /** Takes the job out of wherever it waits. */
  #forget(task: Task): void {
    this.#tasks.delete(task);
    this.#ready.remove(task);
    task.cancelTimer?.();
    task.cancelTimer = undefined;
    for (const dependency of task.dependencies) dependency.dependents.delete(task);
  }

  #isIdle(): boolean {
    return this.#tasks.size === 0;
  }

  #checkIdle(): void {
    if (!this.#busy || !this.#isIdle()) return;
    this.#busy = false;
    this.#emitter.emit('idle', {});
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const waiter of waiters) waiter.resolve();
  }

  #taskOf(job: Job): Task {
    if (!(job instanceof Task) || !this.#created.has(job)) throw new TypeError(`${job.name} is no job of this scheduler`);
    return job as Task;
  }
}

function dependencyError(task: Task, dependency: Task): DependencyError {
  const status: JobStatus = dependency.status;
  return new DependencyError(`${task.name} was cancelled: ${dependency.name}, which it waits for, has ${status}`, dependency.error);
}

function requireDuration(what: string, value: number): void {
  if (!(value >= 0) || value === Infinity) throw new RangeError(`${what} must be a number of milliseconds, not ${value}`);
}
