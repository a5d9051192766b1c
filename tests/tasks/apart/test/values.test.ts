import assert from "node:assert/strict";
import http from "node:http";
import { describe, it } from "node:test";
import double, * as everything from "../src/index.ts";
import {
  abortable, Bell, chance, classes, collect, counter, cyclic, debounced, delayed, describeValue, each, fail, failWith, frozen, heading, increment, isSendersOwn, later, make,
  now, ParseError, paused, Point, push, Registry, rename, retried, same, say, setting, soon, sorted, Stack, tagged, unique, untilAborted, upTo,
  values,
} from "../src/index.ts";

describe("values", () => {
  it("are what they were", () => {
    assert.deepEqual(values, {
      big: 1n, date: new Date(5), pattern: /a+/gi, nothing: undefined, none: null, nan: Number.NaN, negativeZero: -0,
      infinite: Number.NEGATIVE_INFINITY, bytes: Buffer.from("hi"), floats: new Float64Array([0.5, 2]), set: new Set([1, "two"]),
      map: new Map([["a", { n: 1 }]]), url: new URL("https://example.org/a?b=c"), symbol: Symbol.for("shared"), holes: [1, , 3],
      bare: Object.assign(Object.create(null), { own: true }),
    });
    assert.ok(!(1 in values.holes));
    assert.equal(tagged[unique], "by symbol");
    assert.deepEqual(Object.keys(tagged), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(tagged), Object.prototype);
    assert.ok(Object.isFrozen(frozen) && Object.isFrozen(frozen.list));
    assert.equal(cyclic.self, cyclic);
    assert.equal("\u{1F600}\uD800", same("\u{1F600}\uD800"));
  });
  it("are the same when they come back", () => {
    for (const value of [{}, [], () => {}, new Date(), Symbol("own"), new Map(), values.map, Point, unique, Promise.resolve()]) {
      assert.equal(same(value), value);
    }
    assert.equal(Point.origin, Point.origin);
  });
  it("are of the same kind there", () => {
    for (const value of [[], new Map(), new Date(), /x/, new Error("x"), Promise.resolve(), new Uint8Array(1), null, undefined, 1n]) {
      assert.equal(describeValue(value), Object.prototype.toString.call(value));
    }
  });
  it("follow each other's changes", () => {
    const list = [1];
    assert.equal(push(list), list);
    assert.deepEqual(list, [1, 9]);
    const object = { name: "a", tags: new Set<string>() };
    rename(object);
    assert.deepEqual(object, { name: "A", tags: new Set(["renamed"]) });
    object.name = "again";
    rename(object);
    assert.equal(object.name, "AGAIN");
  });
  it("of a module are live", () => {
    const before = counter;
    increment();
    assert.deepEqual([counter, everything.counter], [before + 1, before + 1]);
    assert.equal(double(21), 42);
  });
});

describe("classes", () => {
  it("have instances with fields, accessors, methods and private state", () => {
    const point = new Point(3, 4);
    assert.equal(point.norm, 5);
    assert.deepEqual(point.add(point), new Point(6, 8));
    assert.notDeepEqual(point, new Point(3, 5));
    assert.notDeepEqual(point, { x: 3, y: 4 });
    point.scale = 2;
    assert.equal(point.x, 6);
    point.x = 1;
    assert.equal(point.norm, Math.hypot(1, 8));
    assert.deepEqual([point.count(), point.count(), [...point], JSON.stringify(point)], [3, 4, [1, 8], "[1,8]"]);
    assert.ok(point instanceof Point);
    assert.throws(() => (Point as unknown as () => void)(), TypeError);
    const made = Point.made;
    new Point(1, 1);
    assert.equal(Point.made, made + 1);
  });
  it("can be extended by a test", () => {
    class Named extends Point {
      #name: string;
      constructor(name: string) {
        super(3, 4);
        this.#name = name;
      }
      override get norm(): number {
        return -super.norm;
      }
      get label(): string {
        return `${this.#name} ${this.norm}`;
      }
    }
    const named = new Named("p");
    assert.equal(named.label, "p -5");
    assert.ok(named instanceof Point);
    assert.equal(named.add(new Point(1, 1)).x, 4);
  });
  it("of the language can be extended by the source", () => {
    const stack = new Stack<number>();
    stack.push(1, 2);
    assert.deepEqual([stack.top(), stack.length, Array.isArray(stack)], [2, 2, true]);
    const registry = new Registry([["a", 1]]);
    registry.set("b", 2);
    assert.deepEqual([registry.total(), registry.size, registry instanceof Map], [3, 2, true]);
    const bell = new Bell();
    const heard: number[] = [];
    bell.on("ring", (time: number) => heard.push(time));
    bell.ring(2);
    assert.deepEqual(heard, [1, 2]);
  });
  it("of a test can be used by the source", () => {
    class Thing {
      name: string;
      constructor(name: string) {
        this.name = name;
      }
    }
    const thing = make(Thing);
    assert.ok(thing instanceof Thing);
    assert.equal(thing.name, "made");
  });
});

describe("errors", () => {
  it("are thrown as they are", () => {
    assert.throws(() => fail("no"), ParseError);
    assert.throws(() => fail("no"), { name: "ParseError", message: "no", code: "E_PARSE" });
    assert.throws(() => fail("no"), /ParseError: no/);
    assert.throws(() => (values.none as unknown as { x: 1 }).x, TypeError);
    const own = new RangeError("mine");
    assert.throws(() => failWith(own), (error) => error === own);
    assert.throws(() => each([1], () => { throw own; }), (error) => error === own);
  });
});

describe("calls back", () => {
  it("in the middle of a call", () => {
    const seen: number[] = [];
    each([1, 2], (item) => seen.push(item));
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(sorted([2, 3, 1], (a, b) => b - a), [3, 2, 1]);
  });
  it("in a microtask, before those that come later", async () => {
    const order: string[] = [];
    soon(() => order.push("source"));
    queueMicrotask(() => order.push("test"));
    assert.deepEqual(order, []);
    await null;
    await null;
    assert.deepEqual(order, ["source", "test"]);
  });
});

describe("iterators", () => {
  it("go both ways", async () => {
    assert.deepEqual([...upTo(3)], [0, 1, 2]);
    const steps = upTo(10);
    steps.next();
    assert.deepEqual([steps.next(5), steps.return("early"), steps.next()], [{ value: 5, done: false }, { value: "early", done: true }, { value: undefined, done: true }]);
    const seen: number[] = [];
    for await (const value of later(3)) seen.push(value);
    assert.deepEqual(seen, [0, 1, 2]);
    const own = async function* () {
      yield 1;
      yield 2;
    };
    assert.deepEqual([await collect(own()), await collect([3]), await collect(new Set([4]))], [[1, 2], [3], [4]]);
  });
});

describe("time", () => {
  it("passes for both", async () => {
    const order: string[] = [];
    const timers = [delayed("source", 400).then((word) => order.push(word)), new Promise<void>((done) => setTimeout(() => done(void order.push("test")), 10))];
    await Promise.all(timers);
    assert.deepEqual(order, ["test", "source"]);
  });
  it("is a test's when it takes it", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000 });
    assert.deepEqual(now(), [1_000, 1_000]);
    const heard: number[] = [];
    const call = debounced((value) => heard.push(value), 100);
    call(1);
    t.mock.timers.tick(60);
    call(2);
    t.mock.timers.tick(60);
    assert.deepEqual(heard, []);
    t.mock.timers.tick(40);
    assert.deepEqual(heard, [2]);
    assert.deepEqual(now(), [1_160, 1_160]);
    const waiting = delayed("late", 1_000);
    t.mock.timers.tick(1_000);
    assert.equal(await waiting, "late");
    t.mock.timers.reset();
    assert.ok(now()[0] > 1_700_000_000_000);
  });
  it("ends with a signal", async () => {
    const controller = new AbortController();
    const both = [untilAborted(controller.signal), paused(60_000, controller.signal)];
    controller.abort(new Error("enough"));
    await assert.rejects(both[0]!, /enough/);
    await assert.rejects(both[1]!, { name: "AbortError" });
    const { signal, stop } = abortable();
    let heard: unknown;
    signal.addEventListener("abort", () => { heard = signal.reason; });
    stop("now");
    assert.deepEqual([signal.aborted, heard], [true, "now"]);
  });
  it("is not lost between promises", async () => {
    let attempts = 0;
    const trying = retried(async () => {
      attempts += 1;
      if (attempts < 3) throw new Error("again");
      return attempts;
    }, 5);
    assert.equal(attempts, 1);
    assert.equal(await trying, 3);
    await assert.rejects(retried(async () => fail("never"), 2), ParseError);
  });
});

describe("what Node loads late", () => {
  it("is what both have, once one of them asks for it", async () => {
    const made = heading("a", "b");
    assert.ok(made instanceof Headers);
    assert.equal(made.get("a"), "b");
    assert.deepEqual(classes(), [Headers, ReadableStream]);
    assert.equal(await isSendersOwn(http.request), true);
  });
});

describe("what a test replaces", () => {
  it("is replaced for the source", (t) => {
    const spy = t.mock.fn((item: number) => double(item));
    each([4], spy);
    assert.deepEqual(spy.mock.calls.map(({ arguments: [item], result }) => [item, result]), [[4, 8]]);
    t.mock.method(Math, "random", () => 0.25);
    assert.equal(chance(), 0.25);
    const log = t.mock.method(console, "log", () => {});
    say("hello");
    assert.deepEqual(log.mock.calls[0]?.arguments, ["hello"]);
    process.env["A_SETTING"] = "on";
    assert.equal(setting("A_SETTING"), "on");
    t.mock.method(Point.prototype, "add", () => "mocked");
    assert.equal(new Point(1, 2).add(Point.origin), "mocked");
  });
});
