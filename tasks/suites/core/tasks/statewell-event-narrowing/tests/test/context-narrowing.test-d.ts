import { createActor, createMachine, type Machine, type Snapshot } from '../src/index.ts';

interface User {
  readonly name: string;
}
interface Context {
  readonly user?: User;
  readonly draft?: string;
  readonly error?: Error;
}
type Event = { type: 'load' } | { type: 'edit' };
interface Known {
  ready: { readonly user: User };
  'ready.editing': { readonly draft: string };
  failed: { readonly error: Error };
}

const config = { id: 'm', context: {}, initial: 'idle', states: { idle: {} } } as const;
const machine = createMachine<Context, Event, Known>(config);
const actor = createActor(machine).start();
const { snapshot } = actor;

export function own(): string {
  if (snapshot.matches('ready')) {
    // @ts-expect-error known further inside only
    const draft: string = snapshot.context.draft;
    return snapshot.context.user.name + draft;
  }
  // @ts-expect-error not known here
  return snapshot.context.user.name;
}

export function inside(): string {
  if (snapshot.matches('ready.editing')) return snapshot.context.user.name + snapshot.context.draft.length;
  if (snapshot.matches('ready.editing.title')) return snapshot.context.user.name + snapshot.context.draft.length;
  if (snapshot.matches('ready.viewing')) {
    // @ts-expect-error a sibling of the state in which it is known
    const { length } = snapshot.context.draft;
    return snapshot.context.user.name + length;
  }
  if (snapshot.matches('failed')) return snapshot.context.error.message;
  return snapshot.status;
}

export function otherPaths(path: string): unknown[] {
  const seen: unknown[] = [];
  if (snapshot.matches('idle')) {
    // @ts-expect-error nothing is known in this state
    seen.push(snapshot.context.user.name);
  } else {
    seen.push(snapshot.value);
  }
  if (!snapshot.matches(path)) seen.push(snapshot.value);
  else {
    // @ts-expect-error the path is not known statically
    seen.push(snapshot.context.user.name);
  }
  if (snapshot.matches('readying')) {
    // @ts-expect-error not below `ready`
    seen.push(snapshot.context.user.name);
  } else {
    seen.push(snapshot.can({ type: 'load' }));
  }
  return seen;
}

export function severalPaths(path: 'ready' | 'failed' | 'idle'): unknown {
  if (snapshot.matches(path)) {
    // @ts-expect-error it may be another of the paths
    return snapshot.context.user.name;
  }
  return snapshot.value;
}

export function everySnapshot(): string[] {
  const names: string[] = [];
  if (actor.snapshot.matches('ready')) names.push(actor.snapshot.context.user.name);
  actor.subscribe((next) => {
    if (next.matches('ready')) names.push(next.context.user.name);
  });
  const started = machine.start().snapshot;
  if (started.matches('ready')) names.push(started.context.user.name);
  const moved = machine.transition(started, { type: 'load' }).snapshot;
  if (moved.matches('ready')) names.push(moved.context.user.name);
  const restored = machine.restore(started.toJSON());
  if (restored.matches('ready')) names.push(restored.context.user.name);
  const resumed = createActor(machine, { snapshot: restored });
  if (resumed.snapshot.matches('failed')) names.push(resumed.snapshot.context.error.message);
  return names;
}

// Without a third parameter there is nothing to narrow by, and nothing gets lost either.
const plain: Machine<Context, Event> = createMachine<Context, Event>(config);
const at: Snapshot<Context, Event> = plain.start().snapshot;
export function unrefined(): unknown {
  if (at.matches('ready')) {
    // @ts-expect-error nothing is known
    return at.context.user.name;
  }
  return at.value;
}

// @ts-expect-error contradicts the context
createMachine<Context, Event, { ready: { user: string } }>(config);
// @ts-expect-error not a key of the context
createMachine<Context, Event, { ready: { name: string } }>(config);
