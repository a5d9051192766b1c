/**
 * One attempt at a job: the call of its function, bounded by a timeout and by cancellation.
 */
import type { Clock } from './clock.ts';
import { JobTimeoutError } from './errors.ts';
import type { Task } from './job.ts';

export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/**
 * Runs the next attempt at `task`. The outcome is that of the function, or the reason of the abort when that comes first; a function that throws at
 * once fails like one that rejects. Never rejects itself.
 */
export async function runAttempt(task: Task, controller: AbortController, clock: Clock): Promise<Outcome> {
  const { timeout, signal: outer } = task.options;
  const signal = outer ? AbortSignal.any([controller.signal, outer]) : controller.signal;
  if (signal.aborted) return { ok: false, error: signal.reason };
  const cancelTimer = timeout === undefined ? undefined : clock.setTimer(timeout, () => controller.abort(new JobTimeoutError(timeout)));
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  const call = async (): Promise<unknown> => task.run({ signal, attempt: task.attempts });
  try {
    return { ok: true, value: await Promise.race([call(), aborted]) };
  } catch (error) {
    return { ok: false, error };
  } finally {
    cancelTimer?.();
  }
}
