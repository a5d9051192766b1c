import { History, type Command, type Immutable } from '../src/index.ts';

/** Both ways, the same keys, and not `any`. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;
type IsAny<A> = 0 extends 1 & A ? true : false;

interface Doc {
  title: string;
  items: string[];
  author: { name: string };
  marks?: Map<string, number[]>;
}
declare const history: History<Doc>;
declare const command: Command<Doc>;

// What is given out
export const state: Same<typeof history.state, Immutable<Doc>> = true;
// @ts-expect-error
history.state.items.push('x');
// @ts-expect-error
history.state.author.name = 'x';
// @ts-expect-error
history.state.marks?.set('x', []);
// @ts-expect-error there is only reading
history.state = { title: '', items: [], author: { name: '' } };
history.subscribe((doc) => [doc.items.length, doc.marks?.get('x')?.at(0)]);
// @ts-expect-error listeners cannot change it
history.subscribe((doc) => doc.items.push('x'));
// @ts-expect-error nor by their own types
history.subscribe((doc: Doc) => doc.items.push('x'));
history.subscribe((doc: Immutable<Doc>) => doc.title);
history.subscribe(({ title }: { readonly title: string }) => title);

// Commands
history.execute({ label: 'x', apply: (doc) => ({ ...doc, items: [...doc.items, 'x'] }), revert: (doc) => ({ ...doc, items: doc.items.slice(0, -1) }) });
history.execute({ label: 'x', merge: 'x', apply: (doc) => ({ ...doc, marks: new Map(doc.marks).set('x', [1]) }), revert: (doc) => doc });
history.execute({ label: 'x', apply: () => ({ title: '', items: [], author: { name: '' } }), revert: () => history.state });
const before = history.state;
export const replace = (after: Immutable<Doc>): Command<Doc> => ({ label: 'replace', apply: () => after, revert: () => before });
class Rename implements Command<Doc> {
  readonly label = 'rename';
  readonly #before: string;
  readonly #after: string;
  constructor(from: string, to: string) {
    this.#before = from;
    this.#after = to;
  }
  apply(doc: Immutable<Doc>): Immutable<Doc> {
    return { ...doc, title: this.#after };
  }
  revert(doc: Immutable<Doc>): Immutable<Doc> {
    return { ...doc, title: this.#before };
  }
}
history.execute(new Rename('a', 'b'));
// @ts-expect-error changes what it gets
history.execute({ label: 'x', apply: (doc) => (doc.items.push('x'), doc), revert: (doc) => doc });
// @ts-expect-error takes it back in place
history.execute({ label: 'x', apply: (doc) => doc, revert: (doc) => (doc.marks?.delete('x'), doc) });
// @ts-expect-error would be free to change it
history.execute({ label: 'x', apply: (doc: Doc) => doc, revert: (doc) => doc });
// @ts-expect-error would be free to change it
history.execute({ label: 'x', apply: (doc) => doc, revert: (doc: Doc) => doc });
// @ts-expect-error the same as a method
export const method: Command<Doc> = { label: 'x', apply(doc: Doc) { return doc; }, revert(doc) { return doc; } };
// @ts-expect-error gives no such state
history.execute({ label: 'x', apply: (doc) => ({ title: doc.title }), revert: (doc) => doc });
// @ts-expect-error gives none
history.execute({ label: 'x', apply: (doc) => doc, revert: () => {} });
// @ts-expect-error cannot be taken back
history.execute({ label: 'x', apply: (doc) => doc });
export const applied: Same<ReturnType<typeof command.apply>, Immutable<Doc>> = true;
export const reverted: Same<Parameters<typeof command.revert>, [Immutable<Doc>]> = true;

// For any state
export function both<S>(first: Command<S>, second: Command<S>): Command<S> {
  return { label: first.label, apply: (one) => second.apply(first.apply(one)), revert: (one) => first.revert(second.revert(one)) };
}
export function executeAll<S>(on: History<S>, commands: readonly Command<S>[]): Immutable<S> {
  for (const each of commands) on.execute(each);
  return on.state;
}
export const all: Immutable<Doc> = executeAll(history, [command, both(command, replace(before))]);
const touch = { label: 'touch', apply: <T,>(one: T): T => one, revert: <T,>(one: T): T => one };
history.execute(touch);
new History('').execute(touch);

// What it begins with
const begun = new History({ items: ['a'], at: new Date() });
export const begunIs: History<{ items: string[]; at: Date }> = begun;
export const begunState: Same<typeof begun.state, { items: readonly string[]; at: Date }> = true;
begun.execute({ label: 'x', apply: ({ items, at }) => ({ at, items: items.toReversed() }), revert: (one) => one } satisfies Command<{ items: string[]; at: Date }>);
const text = new History('', { limit: 2 });
export const textIs: History<string> = text;
const list = new History([1]);
export const listIs: History<number[]> = list;
export const listState: Same<typeof list.state, readonly number[]> = true;
const pages = new History(new Map<string, string[]>());
export const pagesIs: History<Map<string, string[]>> = pages;
export const pagesState: Same<typeof pages.state, ReadonlyMap<string, readonly string[]>> = true;
export const declared = new History<Doc>({ title: '', items: [], author: { name: '' } });
// @ts-expect-error not all of it
export const partial = new History<Doc>({ title: '' });
export const again = new History<Doc>(history.state);
again.execute(command);
const fork = new History(history.state);
export const forkState: Same<typeof fork.state, Immutable<Doc>> = true;

// Histories of other states
interface Shape {
  kind: string;
}
interface Circle extends Shape {
  radius: number;
}
declare const shapes: History<Shape>;
declare const circles: History<Circle>;
declare const ofShape: Command<Shape>;
declare const ofCircle: Command<Circle>;
circles.execute(ofCircle);
// @ts-expect-error what it makes of a circle may be none
circles.execute(ofShape);
// @ts-expect-error takes circles only
shapes.execute(ofCircle);
// @ts-expect-error takes commands that make something else of a circle
export const wider: History<Shape> = circles;
// @ts-expect-error has shapes that are no circles
export const narrower: History<Circle> = shapes;
// @ts-expect-error
export const widerCommand: Command<Shape> = ofCircle;
// @ts-expect-error
export const narrowerCommand: Command<Circle> = ofShape;
// @ts-expect-error
export const known: History<unknown> = circles;
declare const few: History<1 | 2>;
// @ts-expect-error
export const numbers: History<number> = few;
// @ts-expect-error
export const fewer: History<1> = few;
// @ts-expect-error
export const perhaps: History<string | undefined> = text;
// @ts-expect-error
executeAll(circles, [ofShape]);

// Of which nothing is known
/* oxlint-disable typescript/no-explicit-any -- that is what it is about */
declare const loose: History<any>;
declare const looseCommand: Command<any>;
export const looseState: IsAny<typeof loose.state> = true;
export const anyHistory: typeof loose = history;
export const ofAny: History<Doc> = loose;
loose.execute(command);
loose.execute({ label: 'x', apply: (one) => one.anything, revert: (one) => one });
history.execute(looseCommand);
export const anyCommand: typeof looseCommand = command;
