import {
  createMachine,
  invoke,
  type InvokeConfig,
  type InvokeDoneEvent,
  type InvokeErrorEvent,
  type SystemEvent,
} from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

interface Context {
  readonly names: readonly string[];
}
type Event = { type: 'load'; page: number } | { type: 'cancel' };

createMachine<Context, Event>({
  id: 'm',
  context: { names: [] },
  invoke: invoke({
    src: async ({ context, event, signal }) => {
      const check: [
        Equal<typeof context, Context>,
        Equal<typeof event, Event | SystemEvent>,
        Equal<typeof signal, AbortSignal>,
      ] = [true, true, true];
      return check.map((_, index) => context.names[index] ?? '');
    },
    onDone: {
      target: 'ready',
      guard: ({ event }) => {
        const check: Equal<typeof event, InvokeDoneEvent<string[]>> = true;
        return check && event.data.length > 0;
      },
      actions: [
        { assign: ({ context, event }) => ({ names: [...context.names, ...event.data] }) },
        ({ event }) => {
          const check: Equal<(typeof event)['data'], string[]> = true;
          return check;
        },
      ],
    },
    onError: {
      actions: ({ event }) => {
        const check: [Equal<typeof event, InvokeErrorEvent>, Equal<(typeof event)['error'], unknown>] = [true, true];
        return check;
      },
    },
  }),
});

// Invocations of different data side by side, one of them not asynchronous, one without the helper.
createMachine<Context, Event>({
  id: 'm',
  context: { names: [] },
  initial: 'a',
  states: {
    a: {
      invoke: [
        invoke({
          id: 'count',
          src: () => 3,
          onDone: [
            {
              guard: ({ event }) => {
                const check: Equal<(typeof event)['data'], number> = true;
                return check;
              },
            },
          ],
        }),
        invoke({
          src: () => Promise.resolve({ name: 'x' }),
          onDone: { actions: { assign: ({ event }) => ({ names: [event.data.name] }) } },
        }),
        {
          src: () => Promise.resolve(1),
          onDone: {
            actions: ({ event }) => {
              const check: [Equal<typeof event, InvokeDoneEvent>, Equal<(typeof event)['data'], unknown>] = [true, true];
              return check;
            },
          },
          onError: {
            actions: ({ event }) => {
              const check: Equal<typeof event, InvokeErrorEvent> = true;
              return check;
            },
          },
        },
      ],
    },
  },
});

createMachine<Context, Event>({
  id: 'm',
  context: { names: [] },
  invoke: invoke({
    src: async () => 1,
    // @ts-expect-error a number has no length
    onDone: { guard: ({ event }) => event.data.length > 0 },
  }),
});

createMachine<Context, Event>({
  id: 'm',
  context: { names: [] },
  invoke: {
    src: async () => ['x'],
    // @ts-expect-error without the helper nothing is known of the data
    onDone: { guard: ({ event }) => event.data.length > 0 },
  },
});

export const done: InvokeDoneEvent = { type: 'done.invoke.x', data: 1 };
export const plain: InvokeConfig<Context, Event> = { src: () => undefined, onDone: 'a' };
