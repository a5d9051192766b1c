/** A change of the state that can be taken back. */
export interface Command<S> {
  readonly label: string;
  /** Commands with the same key that follow each other are one step. */
  readonly merge?: string;
  apply(state: S): S;
  /** Gets the state that `apply` gave. */
  revert(state: S): S;
}

/** What one undo takes back. */
export interface Step<S> {
  readonly label: string;
  readonly merge: string | undefined;
  readonly commands: readonly Command<S>[];
}

export function applyAll<S>(step: Step<S>, state: S): S {
  return step.commands.reduce((before, command) => command.apply(before), state);
}

export function revertAll<S>(step: Step<S>, state: S): S {
  return step.commands.reduceRight((after, command) => command.revert(after), state);
}
