import { History, type Command } from '../src/index.ts';

/** Both ways, the same keys, and not `any`. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;
type IsAny<A> = 0 extends 1 & A ? true : false;

declare const history: History<{ items: string[] }>;
declare const command: Command<{ items: string[] }>;

// What is taken, and what comes back
history.transaction('t', () => history.execute(command));
history.transaction('t', () => {
  history.execute(command);
  history.transaction('inner', () => history.execute(command));
});
const nothing = history.transaction('t', () => {});
export const nothingIs: Same<typeof nothing, void> = true;
const count = history.transaction('t', () => history.state.items.length);
export const countIs: Same<typeof count, number> = true;
const state = history.transaction('t', () => history.state);
export const stateIs: Same<typeof state, typeof history.state> = true;
const made = history.transaction('t', () => ({ id: 1, names: ['x'], of: new Map([[1, [2]]]) }));
export const madeIs: Same<typeof made, { id: number; names: string[]; of: Map<number, number[]> }> = true;
declare const find: () => string | { readonly then: number } | undefined;
const found = history.transaction('t', find);
export const foundIs: Same<typeof found, string | { readonly then: number } | undefined> = true;
const work = history.transaction('t', () => () => history.execute(command));
export const workIs: Same<typeof work, () => void> = true;
const list = history.transaction('t', () => [Promise.resolve(1)]);
export const listIs: Same<typeof list, Promise<number>[]> = true;

// Nothing comes back, or nobody knows what
export const never = (): number =>
  history.transaction('t', () => {
    throw new Error('no');
  });
const parsed = history.transaction('t', () => JSON.parse('{}'));
export const parsedIs: IsAny<typeof parsed> = true;
declare const ask: () => unknown;
const asked = history.transaction('t', ask);
export const askedIs: Same<typeof asked, unknown> = true;

// Promises
// @ts-expect-error
history.transaction('t', async () => {});
// @ts-expect-error
history.transaction('t', async () => history.execute(command));
// @ts-expect-error
void history.transaction('t', () => Promise.resolve(1));
// @ts-expect-error
void history.transaction('t', () => Promise.resolve(1).then(() => history.execute(command)));
// @ts-expect-error also one that comes to nothing
void history.transaction('t', () => Promise.reject(new Error('no')));
// @ts-expect-error
void history.transaction('t', async () => JSON.parse('{}'));
// @ts-expect-error its result does not matter
history.transaction('t', async (): Promise<never> => { throw new Error('no'); });
declare const later: () => PromiseLike<number>;
// @ts-expect-error
void history.transaction('t', later);
interface Request extends Promise<string> {
  abort(): void;
}
declare const request: () => Request;
// @ts-expect-error
void history.transaction('t', request);
declare const perhaps: () => void | Promise<void>;
// @ts-expect-error
void history.transaction('t', perhaps);
declare const load: () => string | PromiseLike<string> | undefined;
// @ts-expect-error
void history.transaction('t', load);
