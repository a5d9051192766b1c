export { type CancelTimer, type Clock, ManualClock, systemClock } from './clock.ts';
export { DependencyError, JobCancelledError, JobTimeoutError, SchedulerClosedError, TempoError } from './errors.ts';
export type { Job, JobContext, JobFunction, JobOptions, JobStatus } from './job.ts';
export type { GroupLimits } from './limits.ts';
export { retryDelay, type RetryPolicy } from './retry.ts';
export { Scheduler, type SchedulerEvents, type SchedulerOptions, type ShutdownMode } from './scheduler.ts';
