// What a library can be made of: each export is a way for values to go between tests and source.
import { EventEmitter } from "node:events";
import fs from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export class ParseError extends Error {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.name = "ParseError";
    this.code = code;
  }
}

export class Point {
  static origin = new Point(0, 0);
  static made = 0;
  #secret = 3;
  x: number;
  y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
    Point.made += 1;
  }
  get norm(): number {
    return Math.hypot(this.x, this.y);
  }
  set scale(factor: number) {
    this.x *= factor;
    this.y *= factor;
  }
  add(other: Point): Point {
    return new Point(this.x + other.x, this.y + other.y);
  }
  count(): number {
    return this.#secret++;
  }
  toJSON(): number[] {
    return [this.x, this.y];
  }
  *[Symbol.iterator](): Generator<number> {
    yield this.x;
    yield this.y;
  }
}

export class Stack<T> extends Array<T> {
  top(): T | undefined {
    return this.at(-1);
  }
}

export class Registry extends Map<string, number> {
  total(): number {
    return [...this.values()].reduce((sum, value) => sum + value, 0);
  }
}

export class Bell extends EventEmitter {
  ring(times: number): void {
    for (let time = 1; time <= times; time += 1) this.emit("ring", time);
  }
}

export const values = {
  big: 1n,
  date: new Date(5),
  pattern: /a+/gi,
  nothing: undefined,
  none: null,
  nan: Number.NaN,
  negativeZero: -0,
  infinite: Number.NEGATIVE_INFINITY,
  bytes: Buffer.from("hi"),
  floats: new Float64Array([0.5, 2]),
  set: new Set([1, "two"]),
  map: new Map<unknown, unknown>([["a", { n: 1 }]]),
  url: new URL("https://example.org/a?b=c"),
  symbol: Symbol.for("shared"),
  holes: [1, , 3], // oxlint-disable-line no-sparse-arrays
  bare: Object.assign(Object.create(null), { own: true }),
};
export const unique = Symbol("unique");
export const tagged = { [unique]: "by symbol", ["__proto__"]: "own" };
export const frozen = Object.freeze({ list: Object.freeze([1, 2]) });
export const cyclic: { self?: unknown; name: string } = { name: "cyclic" };
cyclic.self = cyclic;
export let counter = 0;
export default function double(value: number): number {
  return value * 2;
}

export const increment = (): void => {
  counter += 1;
};
export const fail = (message: string): never => {
  throw new ParseError(message, "E_PARSE");
};
export const failWith = (value: unknown): never => {
  throw value;
};
export const push = (list: number[]): number[] => {
  list.push(9);
  return list;
};
export const rename = (object: { name: string; tags: Set<string> }): void => {
  object.name = object.name.toUpperCase();
  object.tags.add("renamed");
};
export const each = (items: readonly number[], visit: (item: number) => void): void => items.forEach((item) => visit(item));
export const sorted = (items: readonly number[], compare: (a: number, b: number) => number): number[] => [...items].sort(compare);
export const make = <T>(type: new (name: string) => T): T => new type("made");
export const same = (value: unknown): unknown => value;
export const describeValue = (value: unknown): string => Object.prototype.toString.call(value);

export function* upTo(limit: number): Generator<number, string, number | undefined> {
  for (let value = 0; value < limit; value += (yield value) ?? 1);
  return "done";
}
export async function* later(limit: number): AsyncGenerator<number> {
  try {
    for (let value = 0; value < limit; value += 1) {
      await null;
      yield value;
    }
  } finally {
    counter += 100;
  }
}
export const collect = async (source: AsyncIterable<number> | Iterable<number>): Promise<number[]> => {
  const found: number[] = [];
  for await (const value of source) found.push(value);
  return found;
};

export const delayed = async <T>(value: T, milliseconds: number): Promise<T> => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return value;
};
export const paused = (milliseconds: number, signal?: AbortSignal): Promise<void> => pause(milliseconds, undefined, { signal });
export const debounced = (call: (value: number) => void, milliseconds: number): ((value: number) => void) => {
  let timer: NodeJS.Timeout | undefined;
  return (value) => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds, value);
  };
};
export const soon = (call: () => void): void => queueMicrotask(call);
export const retried = async (attempt: () => Promise<number>, times: number): Promise<number> => {
  for (let left = times; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left <= 1) throw error;
    }
  }
};
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
export const abortable = (): { signal: AbortSignal; stop(reason: unknown): void } => {
  const controller = new AbortController();
  return { signal: controller.signal, stop: (reason) => controller.abort(reason) };
};
export const now = (): [number, number] => [Date.now(), new Date().getTime()];
export const chance = (): number => Math.random();
export const setting = (name: string): string | undefined => process.env[name];
export const say = (words: string): void => console.log(words);
export const goWrong = (): void => {
  setTimeout(() => {
    throw new ParseError("by itself", "E_LATE");
  }, 1);
};

/** What somebody who looks around finds: an error's code, or what was there. */
export const look = (action: string, path: string): string => {
  try {
    if (action === "read") return fs.readFileSync(path, "utf8");
    if (action === "write") fs.writeFileSync(path, "changed");
    if (action === "list") return fs.readdirSync(path).join(" ");
    if (action === "kill") process.kill(Number(path), 0);
    return "done";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "error";
  }
};
export const identity = (): number => process.getuid?.() ?? -1;

/** What Node loads when it is first asked for. */
export const heading = (name: string, value: string): Headers => new Headers({ [name]: value });
export const isSendersOwn = async (request: unknown): Promise<boolean> => request === (await import("node:http")).request;
export const classes = (): unknown[] => [Headers, ReadableStream];
