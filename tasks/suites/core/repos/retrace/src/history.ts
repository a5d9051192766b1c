import { applyAll, revertAll, type Command, type Step } from './command.ts';

export interface HistoryOptions {
  /** How many steps can be undone; any number by default. */
  readonly limit?: number;
}

/** A state and the steps that led to it. */
export class History<S> {
  readonly #limit: number;
  readonly #listeners = new Set<(state: S) => void>();
  #state: S;
  #done: Step<S>[] = [];
  #undone: Step<S>[] = [];
  #open: Command<S>[] | undefined;
  #saved: number | undefined = 0;
  #isBarred = false;

  constructor(state: S, { limit = Infinity }: HistoryOptions = {}) {
    this.#state = state;
    this.#limit = limit;
  }

  get state(): S {
    return this.#state;
  }

  get isSaved(): boolean {
    return this.#saved === this.#done.length;
  }

  /** Labels of the steps that can be undone, the next one last. */
  get undoable(): string[] {
    return this.#done.map(({ label }) => label);
  }

  /** Labels of the steps that can be redone, the next one last. */
  get redoable(): string[] {
    return this.#undone.map(({ label }) => label);
  }

  markSaved(): void {
    this.#saved = this.#done.length;
  }

  /** The next command begins a step of its own. */
  barrier(): void {
    this.#isBarred = true;
  }

  execute(command: Command<S>): void {
    this.#state = command.apply(this.#state);
    if (this.#open !== undefined) this.#open.push(command);
    else this.#record({ label: command.label, merge: command.merge, commands: [command] });
    this.#tell();
  }

  /** Makes one step of all that the function executes. */
  transaction<T>(label: string, work: () => T): T {
    this.#open = [];
    try {
      const result = work();
      if (this.#open.length > 0) this.#record({ label, merge: undefined, commands: this.#open });
      return result;
    } catch (error) {
      this.#state = revertAll({ label, merge: undefined, commands: this.#open }, this.#state);
      throw error;
    } finally {
      this.#open = undefined;
    }
  }

  undo(): boolean {
    const step = this.#done.pop();
    if (step === undefined) return false;
    this.#state = revertAll(step, this.#state);
    this.#undone.push(step);
    this.#tell();
    return true;
  }

  redo(): boolean {
    const step = this.#undone.pop();
    if (step === undefined) return false;
    this.#state = applyAll(step, this.#state);
    this.#done.push(step);
    this.#tell();
    return true;
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: (state: S) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #record(step: Step<S>): void {
    this.#undone = [];
    const last = this.#done.at(-1);
    if (step.merge !== undefined && last?.merge === step.merge && !this.#isBarred) {
      this.#done[this.#done.length - 1] = { ...last, commands: [...last.commands, ...step.commands] };
    } else {
      this.#done.push(step);
      if (this.#done.length > this.#limit) this.#done.shift();
    }
    this.#isBarred = false;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#state);
  }
}
