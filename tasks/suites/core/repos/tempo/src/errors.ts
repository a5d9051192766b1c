/**
 * What a job's `result` rejects with when the scheduler, and not the job's own function, decides its fate.
 *
 *   TempoError
 *   ├── JobCancelledError       cancelled; `cause` is the reason that was given
 *   │   └── DependencyError     cancelled because a job it waits for did not succeed; `cause` is that job's error
 *   ├── JobTimeoutError         one attempt took longer than the job's `timeout`
 *   └── SchedulerClosedError    thrown by `add` once `shutdown` was called
 */
export class TempoError extends Error {
  override name = 'TempoError';
}

export class JobCancelledError extends TempoError {
  override name = 'JobCancelledError';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

export class DependencyError extends JobCancelledError {
  override name = 'DependencyError';
}

export class JobTimeoutError extends TempoError {
  override name = 'JobTimeoutError';
  readonly timeout: number;

  constructor(timeout: number) {
    super(`the attempt took longer than ${timeout} ms`);
    this.timeout = timeout;
  }
}

export class SchedulerClosedError extends TempoError {
  override name = 'SchedulerClosedError';

  constructor() {
    super('the scheduler was shut down');
  }
}
