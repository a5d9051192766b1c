/** When a failed attempt is followed by another, and how long after it. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** Milliseconds before the second attempt. Default 0. */
  readonly delay?: number;
  /** What the delay is multiplied with for each further attempt. Default 1. */
  readonly factor?: number;
  /** No delay is longer. Default: no bound. */
  readonly maxDelay?: number;
  /** The share of each delay, from 0 to 1, that is left to chance. Chance only shortens it. Default 0. */
  readonly jitter?: number;
  /** Whether this error is worth another attempt; asked after every failed attempt but the last. Default: always. */
  retryIf?(error: unknown, attempt: number): boolean;
}

/** Whether attempt number `attempt`, which failed with `error`, is followed by another. */
export function shouldRetry(policy: RetryPolicy | undefined, error: unknown, attempt: number): boolean {
  return policy !== undefined && attempt < policy.attempts && (policy.retryIf?.(error, attempt) ?? true);
}

/** Milliseconds between the failure of attempt number `attempt` and the next; `random` gives numbers from 0 up to 1. */
export function retryDelay(policy: RetryPolicy, attempt: number, random: () => number): number {
  const { delay = 0, factor = 1, maxDelay = Infinity, jitter = 0 } = policy;
  const full = Math.min(maxDelay, delay * factor ** (attempt - 1));
  return full * (1 - jitter * random());
}
