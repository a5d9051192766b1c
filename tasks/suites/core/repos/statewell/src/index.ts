export { Actor, createActor, type ActorOptions, type Listener } from './actor.ts';
export { ManualClock, systemClock, type Clock, type TimerHandle } from './clock.ts';
export type {
  Action,
  AfterEvent,
  Args,
  AssignAction,
  EffectAction,
  EventObject,
  Guard,
  InitEvent,
  InvokeConfig,
  InvokeDoneEvent,
  InvokeErrorEvent,
  MachineConfig,
  OneOrMany,
  RaiseAction,
  StateConfig,
  SystemEvent,
  TransitionConfig,
  TransitionInput,
} from './config.ts';
export { createMachine, Machine, SnapshotError, type Outcome } from './machine.ts';
export { Snapshot, type PersistedSnapshot, type SnapshotStatus, type StateValue } from './snapshot.ts';
export { EndlessStepError, type Effect } from './step.ts';
export { DefinitionError } from './tree.ts';
