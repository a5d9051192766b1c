import { describe, expect, it } from "vitest";
import { BusClosedError, createBus, TopicError, type ListenerFailure } from "../src/index.ts";

interface Events {
  "user.created": { id: string };
  "user.address.changed": { id: string; city: string };
  "order.paid": { cents: number };
  "order.shipped": { cents: number };
}

function recorder() {
  const calls: string[] = [];
  return { calls, note: (name: string) => (event: { topic: string }) => void calls.push(`${name} ${event.topic}`) };
}

describe("listening", () => {
  it("hands over the event with its topic, payload, number and time", async () => {
    const bus = createBus<Events>({ clock: () => 42 });
    const events: unknown[] = [];
    bus.on("user.created", (event) => void events.push(event));
    await bus.emit("user.created", { id: "a" });
    await bus.emit("order.paid", { cents: 1 });
    await bus.emit("user.created", { id: "b" });
    expect(events).toEqual([
      { topic: "user.created", payload: { id: "a" }, sequence: 1, at: 42 },
      { topic: "user.created", payload: { id: "b" }, sequence: 3, at: 42 },
    ]);
  });

  it.each([
    ["user.created", true],
    ["user.*", true],
    ["*.created", true],
    ["**", true],
    ["user.**", true],
    ["user.created.**", true],
    ["*", false],
    ["user", false],
    ["user.*.*", false],
    ["order.**", false],
  ])("matches %s with user.created: %s", async (pattern, expected) => {
    const bus = createBus<Record<string, unknown>>();
    bus.on(pattern, () => {});
    expect((await bus.emit("user.created", 1)).delivered).toBe(expected ? 1 : 0);
  });

  it.each(["", "a..b", ".a", "a b", "**.a", "a*", "a.**.b", "a.***"])("refuses the pattern %j", (pattern) => {
    expect(() => createBus<Record<string, unknown>>().on(pattern, () => {})).toThrow(TopicError);
  });

  it("refuses to emit to a pattern", async () => {
    await expect(createBus<Record<string, unknown>>().emit("a.*", 1)).rejects.toThrow(TopicError);
  });

  it("calls listeners by priority and then in order of registration", async () => {
    const bus = createBus<Events>();
    const { calls, note } = recorder();
    bus.on("order.paid", note("a"));
    bus.on("order.*", note("b"), { priority: 5 });
    bus.on("**", note("c"), { priority: -1 });
    bus.on("order.paid", note("d"));
    bus.on("order.paid", note("e"), { priority: 5 });
    await bus.emit("order.paid", { cents: 1 });
    expect(calls.map((call) => call.charAt(0)).join("")).toBe("beadc");
  });

  it("stops when unsubscribed or aborted", async () => {
    const bus = createBus<Events>();
    const { calls, note } = recorder();
    const controller = new AbortController();
    const off = bus.on("order.paid", note("a"));
    bus.on("order.paid", note("b"), { signal: controller.signal });
    bus.on("order.paid", note("c"), { signal: AbortSignal.abort() });
    await bus.emit("order.paid", { cents: 1 });
    off();
    off();
    controller.abort();
    await bus.emit("order.paid", { cents: 2 });
    expect(calls).toEqual(["a order.paid", "b order.paid"]);
  });

  it("calls a once listener for the first event only", async () => {
    const bus = createBus<Events>();
    const { calls, note } = recorder();
    bus.once("order.*", note("a"));
    await bus.emit("order.paid", { cents: 1 });
    await bus.emit("order.shipped", { cents: 1 });
    expect(calls).toEqual(["a order.paid"]);
  });

  it("does not hand an event to a listener that is added by another", async () => {
    const bus = createBus<Events>();
    const { calls, note } = recorder();
    bus.once("order.paid", () => void bus.on("order.paid", note("late")));
    await bus.emit("order.paid", { cents: 1 });
    expect(calls).toEqual([]);
  });
});

describe("emission", () => {
  const order = async (mode: "sequential" | "parallel") => {
    const bus = createBus<Events>({ mode });
    const calls: string[] = [];
    for (const name of ["a", "b"]) {
      bus.on("order.paid", async () => {
        calls.push(`${name} starts`);
        await Promise.resolve();
        calls.push(`${name} ends`);
      });
    }
    await bus.emit("order.paid", { cents: 1 });
    return calls;
  };

  it("runs listeners one after another on a sequential bus", async () => {
    expect(await order("sequential")).toEqual(["a starts", "a ends", "b starts", "b ends"]);
  });

  it("runs listeners side by side on a parallel bus", async () => {
    expect(await order("parallel")).toEqual(["a starts", "b starts", "a ends", "b ends"]);
  });

  it.each(["sequential", "parallel"] as const)("isolates failures on a %s bus", async (mode) => {
    const told: ListenerFailure[] = [];
    const bus = createBus<Events>({ mode, onError: (failure) => void told.push(failure) });
    bus.on("order.paid", () => {
      throw new Error("thrown");
    });
    bus.on("order.paid", () => Promise.reject(new Error("rejected")));
    bus.on("order.paid", () => {});
    const report = await bus.emit("order.paid", { cents: 1 });
    expect(report).toMatchObject({ delivered: 1, stopped: false });
    expect(report.failures.map(({ error }) => (error as Error).message).toSorted()).toEqual(["rejected", "thrown"]);
    expect(told).toEqual(report.failures);
  });
});

describe("replay", () => {
  it("hands a late listener the last events it listens to, oldest first", async () => {
    const bus = createBus<Events>({ history: 3 });
    for (const cents of [1, 2, 3]) await bus.emit("order.paid", { cents });
    await bus.emit("user.created", { id: "a" });
    const seen: number[] = [];
    bus.on("order.paid", ({ payload }) => void seen.push(payload.cents), { replay: 10 });
    expect(seen).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    await bus.emit("order.paid", { cents: 4 });
    expect(seen).toEqual([2, 3, 4]);
  });

  it("tells onError of failures", async () => {
    const told: unknown[] = [];
    const bus = createBus<Events>({ history: 1, onError: ({ error }) => void told.push(error) });
    await bus.emit("order.paid", { cents: 1 });
    bus.on("**", () => Promise.reject(new Error("late")), { replay: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([new Error("late")]);
  });
});

describe("middleware", () => {
  it("wraps emissions, the first one outermost, and may replace the payload", async () => {
    const bus = createBus<Events>();
    const calls: unknown[] = [];
    bus.use(async (event, next) => {
      calls.push(`in ${event.topic}`);
      await next({ cents: 2 });
      calls.push("out");
    });
    bus.use((event, next) => {
      calls.push(event.payload);
      return next();
    });
    bus.on("order.paid", ({ payload }) => void calls.push(payload.cents));
    await bus.emit("order.paid", { cents: 1 });
    expect(calls).toEqual(["in order.paid", { cents: 2 }, 2, "out"]);
  });

  it("may stop an event, also for the history", async () => {
    const bus = createBus<Events>({ history: 1 });
    const remove = bus.use(() => {});
    expect(await bus.emit("order.paid", { cents: 1 })).toEqual({ delivered: 0, failures: [], stopped: true });
    remove();
    let calls = 0;
    bus.on("order.paid", () => void (calls += 1), { replay: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(0);
  });

  it("makes emit reject when it throws or passes an event on twice", async () => {
    const bus = createBus<Events>();
    const remove = bus.use(() => Promise.reject(new Error("no")));
    await expect(bus.emit("order.paid", { cents: 1 })).rejects.toThrow("no");
    remove();
    bus.use(async (_, next) => {
      await next();
      await next();
    });
    await expect(bus.emit("order.paid", { cents: 1 })).rejects.toThrow(Error);
  });
});

describe("scopes", () => {
  it("see the topics below their prefix, without it", async () => {
    const bus = createBus<Record<string, unknown>>();
    const { calls, note } = recorder();
    const user = bus.scope("user");
    user.on("**", note("scope"));
    user.scope("address").on("changed", note("inner"));
    bus.on("user.*", note("root"));
    await bus.emit("user", 0);
    await bus.emit("user.created", 1);
    await user.emit("address.changed", 2);
    await bus.emit("order.paid", 3);
    expect(calls).toEqual(["scope created", "root user.created", "scope address.changed", "inner changed"]);
  });

  it("end what was made through them when they close", async () => {
    const bus = createBus<Record<string, unknown>>();
    const { calls, note } = recorder();
    const user = bus.scope("user");
    const inner = user.scope("address");
    inner.on("**", note("inner"));
    bus.on("**", note("root"));
    const waiting = expect(inner.waitFor("changed")).rejects.toThrow(BusClosedError);
    user.close();
    await waiting;
    await bus.emit("user.address.changed", 1);
    expect(calls).toEqual(["root user.address.changed"]);
    expect(() => inner.on("x", () => {})).toThrow(BusClosedError);
    await expect(user.emit("x", 1)).rejects.toThrow(BusClosedError);
  });
});
