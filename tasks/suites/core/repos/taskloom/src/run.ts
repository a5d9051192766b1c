import { RunError } from './errors.ts';
import type { Task } from './graph.ts';

export interface RunEvent {
  readonly type: 'start' | 'done' | 'failed';
  readonly task: string;
}

export interface RunOptions {
  /** Only these, and all that they need. */
  readonly targets?: string[];
  /** How many may run at once; 1 or more. */
  readonly concurrency?: number;
  readonly onEvent?: (event: RunEvent) => void;
}

/** Runs all of the tasks; what they need is among them, before them. */
export function execute(tasks: ReadonlyMap<string, Task>, options: RunOptions): Promise<Record<string, unknown>> {
  const { concurrency = Infinity, onEvent } = options;
  if (!(concurrency >= 1)) throw new RangeError(`concurrency must be 1 or more: ${concurrency}`);
  const results: Record<string, unknown> = {};
  const waiting = new Map(tasks);
  const controller = new AbortController();
  let running = 0;

  return new Promise((resolve, reject) => {
    const start = (name: string, task: Task): void => {
      waiting.delete(name);
      running += 1;
      onEvent?.({ type: 'start', task: name });
      const inputs = Object.fromEntries(task.needs.map((need) => [need, results[need]]));
      new Promise<unknown>((settle) => settle(task.work(inputs, { name, signal: controller.signal }))).then(
        (result) => {
          running -= 1;
          results[name] = result;
          onEvent?.({ type: 'done', task: name });
          next();
        },
        (error: unknown) => {
          running -= 1;
          onEvent?.({ type: 'failed', task: name });
          reject(new RunError(name, error));
        },
      );
    };
    const next = (): void => {
      for (const [name, task] of waiting) {
        if (running >= concurrency) return;
        if (task.needs.every((need) => Object.hasOwn(results, need))) start(name, task);
      }
      if (running === 0) resolve(results);
    };
    next();
  });
}
