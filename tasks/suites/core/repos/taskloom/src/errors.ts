/** A graph that cannot be built: an unknown or a doubled name. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

/** A task failed; `cause` is what it threw. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly task: string;

  constructor(task: string, cause: unknown) {
    super(`${task} failed`, { cause });
    this.task = task;
  }
}
