import { GraphError } from './errors.ts';
import { layersOf, neededBy, type Needs } from './order.ts';
import { execute, type RunOptions } from './run.ts';

export interface TaskContext {
  readonly name: string;
  /** Aborted when the result is of no use any more. */
  readonly signal: AbortSignal;
}

export type Work = (inputs: Record<string, unknown>, context: TaskContext) => unknown;

export interface Task {
  readonly needs: readonly string[];
  readonly work: Work;
}

/** Tasks and what each of them needs; immutable. */
export class Graph {
  readonly #tasks: ReadonlyMap<string, Task>;

  constructor(tasks: ReadonlyMap<string, Task>) {
    this.#tasks = tasks;
  }

  /** What each task needs directly, in the order in which the tasks were added. */
  get needs(): Needs {
    return new Map([...this.#tasks].map(([name, { needs }]) => [name, needs]));
  }

  /** The tasks, each behind all that it needs. */
  get order(): string[] {
    return [...this.#tasks.keys()];
  }

  get layers(): string[][] {
    return layersOf(this.needs);
  }

  has(name: string): boolean {
    return this.#tasks.has(name);
  }

  /** The graph with one more task. Throws a `GraphError` for a name that is taken and for needs that are not there. */
  add(name: string, needs: string[], work: Work): Graph {
    if (this.#tasks.has(name)) throw new GraphError(`there is a task ${JSON.stringify(name)} already`);
    for (const need of needs) {
      if (!this.#tasks.has(need)) throw new GraphError(`${name} needs ${JSON.stringify(need)}, which is not there`);
    }
    return new Graph(new Map([...this.#tasks, [name, { needs: [...needs], work }]]));
  }

  /** The tasks of both graphs. Throws a `GraphError` for a name that both have. */
  merge(other: Graph): Graph {
    const merged = new Map(this.#tasks);
    for (const [name, task] of other.#tasks) {
      if (merged.has(name)) throw new GraphError(`both graphs have a task ${JSON.stringify(name)}`);
      merged.set(name, task);
    }
    return new Graph(merged);
  }

  /** The results of the tasks that ran, by name. */
  async run(options: RunOptions = {}): Promise<Record<string, unknown>> {
    const names = options.targets === undefined ? this.order : neededBy(this.needs, options.targets);
    return execute(new Map(names.map((name) => [name, this.#tasks.get(name) as Task])), options);
  }
}

/** A graph without tasks. */
export function graph(): Graph {
  return new Graph(new Map());
}
