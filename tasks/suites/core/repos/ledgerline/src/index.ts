export { aggregate, type Aggregate, type AggregateDefinition, type Loaded } from './aggregate.ts';
export { ConcurrencyError } from './errors.ts';
export type { NewEvent, RecordedEvent } from './event.ts';
export { MemoryLog, type Log } from './log.ts';
export { project } from './projection.ts';
export { EventStore, type AppendOptions, type Listener } from './store.ts';
