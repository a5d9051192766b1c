import {
  createMachine,
  type Action,
  type AfterEvent,
  type EventObject,
  type Guard,
  type StateConfig,
  type SystemEvent,
  type TransitionConfig,
} from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

interface Context {
  readonly count: number;
}
type Add = { type: 'cart.item.add'; sku: string };
type Remove = { type: 'cart.item.remove'; line: number };
type Clear = { type: 'cart.clear' };
type Move = { type: 'up' | 'down'; by: number };
type Event = Add | Remove | Clear | Move;

createMachine<Context, Event>({
  id: 'm',
  context: { count: 0 },
  on: {
    'cart.item.add': {
      guard: ({ event }) => {
        const check: Equal<typeof event, Add> = true;
        return check;
      },
      actions: ({ context, event }) => {
        const check: [Equal<typeof event, Add>, Equal<typeof context, Context>] = [true, true];
        return check;
      },
    },
    'cart.item.remove': [
      {
        actions: [
          { assign: ({ context, event }) => ({ count: context.count - event.line }) },
          ({ event }) => {
            const check: Equal<typeof event, Remove> = true;
            return check;
          },
        ],
      },
      {
        guard: ({ event }) => {
          const check: Equal<typeof event, Remove> = true;
          return check;
        },
      },
    ],
    'cart.item.*': {
      actions: ({ event }) => {
        const check: Equal<typeof event, Add | Remove> = true;
        return check;
      },
    },
    'cart.*': {
      actions: {
        assign: ({ event }) => {
          const check: Equal<typeof event, Add | Remove | Clear> = true;
          return { count: check ? 1 : 0 };
        },
      },
    },
    '*': {
      actions: ({ event }) => {
        const check: Equal<typeof event, Event> = true;
        return check;
      },
    },
    up: {
      actions: ({ event }) => {
        const check: [Equal<(typeof event)['type'], 'up'>, Equal<(typeof event)['by'], number>] = [true, true];
        return check;
      },
    },
    down: 'somewhere',
  },
});

// The same inside of nested states, and for definitions written on their own.
export const nested: StateConfig<Context, Event> = {
  initial: 'a',
  states: {
    a: {
      on: {
        'cart.item.remove': { target: 'b', actions: { assign: ({ event }) => ({ count: event.line }) } },
        // @ts-expect-error a property of another event
        'cart.item.add': { actions: { assign: ({ event }) => ({ count: event.line }) } },
      },
      after: {
        500: {
          guard: ({ event }) => {
            const check: Equal<typeof event, AfterEvent> = true;
            return check;
          },
        },
      },
      always: {
        guard: ({ event }) => {
          const check: Equal<typeof event, Event | SystemEvent> = true;
          return check;
        },
      },
      entry: ({ event }) => {
        const check: Equal<typeof event, Event | SystemEvent> = true;
        return check;
      },
      exit: [
        {
          assign: ({ event }) => {
            const check: Equal<typeof event, Event | SystemEvent> = true;
            return { count: check ? 1 : 0 };
          },
        },
      ],
    },
    b: {},
  },
};

export const unknownType: StateConfig<Context, Event> = {
  on: {
    // @ts-expect-error no event of this type
    'cart.item.ad': 'a',
  },
};

export const unknownPrefix: StateConfig<Context, Event> = {
  on: {
    // @ts-expect-error no event has this prefix
    'basket.*': 'a',
  },
};

export const prefixWithoutDot: StateConfig<Context, Event> = {
  on: {
    // @ts-expect-error `up` has nothing below it
    'up.*': 'a',
  },
};

export const wrongPatch: StateConfig<Context, Event> = {
  on: {
    // @ts-expect-error not a value for this key of the context
    'cart.clear': { actions: { assign: () => ({ count: 'none' }) } },
  },
};

export const raising: StateConfig<Context, Event> = {
  on: {
    'cart.clear': { actions: [{ raise: { type: 'cart.item.add', sku: 's' } }, { raise: { type: 'up', by: 1 } }] },
    // @ts-expect-error not an event of the machine
    up: { actions: { raise: { type: 'left', by: 1 } } },
    // @ts-expect-error incomplete event
    down: { actions: { raise: { type: 'cart.item.add' } } },
  },
  after: { 1: { actions: { raise: { type: 'cart.clear' } } } },
  invoke: { src: () => 1, onDone: { actions: { raise: { type: 'down', by: 2 } } } },
  entry: { raise: { type: 'cart.clear' } },
};

// What is written for any event fits everywhere.
declare const action: Action<Context, Event>;
declare const guard: Guard<Context, Event>;
declare const transition: TransitionConfig<Context, Event>;
export const shared: StateConfig<Context, Event> = {
  on: {
    'cart.clear': { guard, actions: [action, { assign: () => ({ count: 0 }) }] },
    'cart.*': transition,
    '*': [transition, { guard, actions: action }],
  },
  after: { 10: transition },
  invoke: { src: () => 1, onDone: [transition], onError: { guard, actions: [action] } },
  entry: action,
  always: transition,
};
const anyEvent: Action<Context, Event> = ({ event }) => {
  const check: Equal<typeof event, Event | SystemEvent> = true;
  return check;
};
export { anyEvent };

// Code that is generic in the machine's events keeps compiling.
export const generic: StateConfig<object, EventObject> = {
  on: { anything: 'a', 'any.*': 'b', '*': { actions: ({ event }) => event.type satisfies string } },
};
