import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { graph, RunError } from '../src/index.ts';

interface Deferred {
  readonly promise: Promise<unknown>;
  resolve(value?: unknown): void;
  reject(error: unknown): void;
}

function deferred(): Deferred {
  let resolve!: (value: unknown) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<unknown>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve: (value) => resolve(value), reject };
}

/** Rejects with the signal's reason when it is aborted. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** The outcome of a run, and whether it is there yet. */
function watch(run: Promise<unknown>): { settled: boolean; error: unknown; value: unknown } {
  const seen = { settled: false, error: undefined as unknown, value: undefined as unknown };
  run.then(
    (value) => Object.assign(seen, { settled: true, value }),
    (error: unknown) => Object.assign(seen, { settled: true, error }),
  );
  return seen;
}

const runError = (error: unknown): RunError => {
  expect(error).toBeInstanceOf(RunError);
  return error as RunError;
};

describe('a failure', () => {
  it('stops the run, which waits for what is running', async () => {
    const [slow, bad] = [deferred(), deferred()];
    const boom = new Error('boom');
    const later = vi.fn<() => void>();
    let reason: unknown;
    const seen = watch(
      graph()
        .add('first', [], () => 1)
        .add('slow', ['first'], async (_, { signal }) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason;
          });
          return slow.promise;
        })
        .add('bad', ['first'], () => bad.promise)
        .add('polite', ['first'], (_, { signal }) => untilAborted(signal))
        .add('after', ['slow'], later)
        .run(),
    );
    await turn();
    bad.reject(boom);
    await turn();
    expect(reason).toBe(boom);
    expect(seen.settled).toBe(false);
    slow.resolve('late');
    await turn();
    const error = runError(seen.error);
    expect([error.task, error.cause]).toEqual(['bad', boom]);
    expect(error.failures).toEqual([{ task: 'bad', error: boom }]);
    expect(error.results).toEqual({ first: 1, slow: 'late' });
    expect(error.cancelled).toEqual(['polite']);
    expect(error.skipped).toEqual(['after']);
    expect(later).not.toHaveBeenCalled();
  });

  it('is not the only one when others fail on their way out', async () => {
    const [a, b, c] = [deferred(), deferred(), deferred()];
    const seen = watch(
      graph()
        .add('a', [], () => a.promise)
        .add('b', [], () => b.promise)
        .add('c', [], () => c.promise)
        .run(),
    );
    c.reject('third');
    await turn();
    a.reject('first');
    await turn();
    expect(seen.settled).toBe(false);
    b.reject('second');
    await turn();
    const error = runError(seen.error);
    expect([error.task, error.cause]).toEqual(['c', 'third']);
    expect(error.failures).toEqual([
      { task: 'c', error: 'third' },
      { task: 'a', error: 'first' },
      { task: 'b', error: 'second' },
    ]);
    expect([error.cancelled, error.skipped, error.results]).toEqual([[], [], {}]);
  });

  it('keeps the tasks that wait for a place from starting', async () => {
    const started: string[] = [];
    const work = (_: unknown, { name }: { name: string }): unknown => {
      started.push(name);
      if (name === 'b') throw new Error('no');
      return name;
    };
    const run = graph().add('z', [], work).add('b', [], work).add('a', [], work).add('y', ['a'], work).run({ concurrency: 1 });
    const error = runError(await run.catch((thrown: unknown) => thrown));
    expect(started).toEqual(['z', 'b']);
    expect(error.skipped).toEqual(['a', 'y']);
    expect(error.results).toEqual({ z: 'z' });
  });

  it('may be undefined', async () => {
    const error = runError(
      await graph()
        .add('a', [], () => Promise.reject(undefined))
        .run()
        .catch((thrown: unknown) => thrown),
    );
    expect(error.failures).toEqual([{ task: 'a', error: undefined }]);
  });
});

describe("onFailure: 'continue'", () => {
  it('runs all that does not need what failed', async () => {
    const gate = deferred();
    const aborted = vi.fn<() => void>();
    const seen = watch(
      graph()
        .add('a', [], () => 'a')
        .add('bad', [], () => Promise.reject('no'))
        .add('slow', ['a'], async (_, { signal }) => {
          signal.addEventListener('abort', aborted);
          return gate.promise;
        })
        .add('c', ['bad'], () => 'never')
        .add('d', ['a', 'c'], () => 'never')
        .add('e', ['slow'], () => 'e')
        .add('worse', ['e'], () => Promise.reject('nor this'))
        .run({ onFailure: 'continue' }),
    );
    await turn();
    expect(seen.settled).toBe(false);
    gate.resolve('slow');
    await turn();
    const error = runError(seen.error);
    expect(aborted).not.toHaveBeenCalled();
    expect(error.task).toBe('bad');
    expect(error.failures).toEqual([
      { task: 'bad', error: 'no' },
      { task: 'worse', error: 'nor this' },
    ]);
    expect(error.results).toEqual({ a: 'a', slow: 'slow', e: 'e' });
    expect([error.cancelled, error.skipped]).toEqual([[], ['c', 'd']]);
  });

  it('gives the place of a failed task to the next', async () => {
    const error = runError(
      await graph()
        .add('a', [], () => Promise.reject('no'))
        .add('b', [], () => 'b')
        .run({ onFailure: 'continue', concurrency: 1 })
        .catch((thrown: unknown) => thrown),
    );
    expect(error.results).toEqual({ b: 'b' });
  });
});

describe('a signal', () => {
  it('stops the run, which rejects with its reason once all have settled', async () => {
    for (const onFailure of ['stop', 'continue'] as const) {
      const controller = new AbortController();
      const slow = deferred();
      const events: string[] = [];
      const seen = watch(
        graph()
          .add('slow', [], () => slow.promise)
          .add('polite', [], (_, { signal }) => untilAborted(signal))
          .add('after', ['slow'], () => 1)
          .run({ onFailure, signal: controller.signal, onEvent: ({ type, task }) => events.push(`${type} ${task}`) }),
      );
      await turn();
      controller.abort('enough');
      await turn();
      expect(seen.settled).toBe(false);
      slow.resolve();
      await turn();
      expect([seen.settled, seen.error]).toEqual([true, 'enough']);
      expect(events).toEqual(['start slow', 'start polite', 'cancelled polite', 'done slow']);
    }
  });

  it('gives way to a task that fails', async () => {
    const controller = new AbortController();
    const slow = deferred();
    const seen = watch(
      graph()
        .add('slow', [], () => slow.promise)
        .add('polite', [], (_, { signal }) => untilAborted(signal))
        .add('after', ['slow'], () => 1)
        .run({ signal: controller.signal }),
    );
    await turn();
    controller.abort('enough');
    slow.reject('broken');
    await turn();
    const error = runError(seen.error);
    expect(error.failures).toEqual([{ task: 'slow', error: 'broken' }]);
    expect([error.cancelled, error.skipped]).toEqual([['polite'], ['after']]);
  });

  it('that is aborted beforehand starts nothing', async () => {
    const work = vi.fn<() => void>();
    const reason = new Error('before');
    await expect(graph().add('a', [], work).run({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(graph().run({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
    await expect(graph().run({ signal: new AbortController().signal })).resolves.toEqual({});
  });

  it('counts as long as a task is running, and not after', async () => {
    const controller = new AbortController();
    const last = graph().add('a', [], () => {
      controller.abort('late');
      return 1;
    });
    await expect(last.run({ signal: controller.signal })).rejects.toBe('late');
    const other = new AbortController();
    const run = graph().add('a', [], () => 1).run({ signal: other.signal });
    await turn();
    other.abort();
    await expect(run).resolves.toEqual({ a: 1 });
  });

  it('does not change the reason after a failure', async () => {
    const controller = new AbortController();
    const [bad, slow] = [deferred(), deferred()];
    let context: AbortSignal | undefined;
    const seen = watch(
      graph()
        .add('bad', [], () => bad.promise)
        .add('slow', [], (_, { signal }) => {
          context = signal;
          return slow.promise;
        })
        .run({ signal: controller.signal }),
    );
    await turn();
    bad.reject('first');
    await turn();
    controller.abort('second');
    await turn();
    expect(context?.reason).toBe('first');
    slow.reject('second');
    await turn();
    expect(runError(seen.error).failures).toEqual([
      { task: 'bad', error: 'first' },
      { task: 'slow', error: 'second' },
    ]);
  });

  it('is left without listeners', async () => {
    const controller = new AbortController();
    await graph().add('a', [], () => 1).run({ signal: controller.signal });
    await graph()
      .add('a', [], () => Promise.reject('no'))
      .run({ signal: controller.signal })
      .catch(() => {});
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});
