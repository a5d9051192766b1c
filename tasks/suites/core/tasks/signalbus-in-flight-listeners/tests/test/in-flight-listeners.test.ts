import { describe, expect, it } from "vitest";
import { createBus, type Bus, type EmissionMode } from "../src/index.ts";

interface Events {
  paid: number;
  "user.seen": number;
}

const flush = () => new Promise((resolve) => setImmediate(resolve));

/** A listener that stays in its call until it is told to go on. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: () => promise, open: resolve };
}

describe("a listener that ends during a sequential emission", () => {
  /** Emits while a slow listener holds the emission up, lets `meanwhile` run, and returns what a later listener saw. */
  async function during(bus: Bus<Events>, subscribe: (note: () => void) => () => void) {
    const calls: string[] = [];
    const slow = gate();
    bus.on("paid", slow.wait, { priority: 1 });
    const end = subscribe(() => void calls.push("ended"));
    const emission = bus.emit("paid", 1);
    await flush();
    end();
    slow.open();
    return { report: await emission, calls };
  }

  it("is not called when it was unsubscribed", async () => {
    const bus = createBus<Events>();
    const { report, calls } = await during(bus, (note) => bus.on("paid", note));
    expect(calls).toEqual([]);
    expect(report).toEqual({ delivered: 1, failures: [], stopped: false });
  });

  it("is not called when its signal has aborted", async () => {
    const bus = createBus<Events>();
    const controller = new AbortController();
    const { calls } = await during(bus, (note) => {
      bus.once("paid", note, { signal: controller.signal });
      return () => controller.abort();
    });
    expect(calls).toEqual([]);
  });

  it("is not called when the bus was closed", async () => {
    const bus = createBus<Events>();
    const { report, calls } = await during(bus, (note) => {
      bus.on("**", note);
      return () => bus.close();
    });
    expect(calls).toEqual([]);
    expect(report.delivered).toBe(1);
  });

  it("is not called when its scope was closed, while others are", async () => {
    const bus = createBus<Record<string, number>>();
    const calls: string[] = [];
    const scope = bus.scope("user");
    bus.on("user.seen", () => scope.close(), { priority: 1 });
    scope.on("seen", () => void calls.push("scoped"));
    scope.scope("seen").on("**", () => void calls.push("below"));
    bus.on("user.*", () => void calls.push("root"));
    const report = await bus.emit("user.seen", 1);
    expect(calls).toEqual(["root"]);
    expect(report.delivered).toBe(2);
  });

  it("does not make the emission pass over the next listener", async () => {
    const bus = createBus<Events>();
    const calls: string[] = [];
    const off = bus.on("paid", () => {
      calls.push("first");
      off();
    });
    bus.on("paid", () => void calls.push("second"));
    bus.on("paid", () => void calls.push("third"));
    const report = await bus.emit("paid", 1);
    expect(calls).toEqual(["first", "second", "third"]);
    expect(report.delivered).toBe(3);
  });

  it("is not called when middleware took long enough for it to end", async () => {
    const bus = createBus<Events>();
    const slow = gate();
    bus.use(async (_, next) => {
      await slow.wait();
      await next();
    });
    let calls = 0;
    const off = bus.on("paid", () => void (calls += 1));
    const emission = bus.emit("paid", 1);
    off();
    slow.open();
    expect(await emission).toEqual({ delivered: 0, failures: [], stopped: false });
    expect(calls).toBe(0);
  });

  it("is not called anew by subscribing the same function again", async () => {
    const bus = createBus<Events>();
    const seen: number[] = [];
    const listener = ({ payload }: { payload: number }) => void seen.push(payload);
    const off = bus.on("paid", listener);
    const slow = gate();
    bus.on("paid", slow.wait, { priority: 1 });
    const emission = bus.emit("paid", 1);
    off();
    bus.on("paid", listener);
    slow.open();
    await emission;
    expect(seen).toEqual([]);
    await bus.emit("paid", 2);
    expect(seen).toEqual([2]);
  });
});

describe("a listener that ends during a parallel emission", () => {
  it("is not called when one with an earlier turn unsubscribed it", async () => {
    const bus = createBus<Events>({ mode: "parallel" });
    const calls: string[] = [];
    bus.on("paid", () => off(), { priority: 1 });
    const off = bus.on("paid", () => void calls.push("second"));
    bus.on("paid", () => void calls.push("third"));
    expect((await bus.emit("paid", 1)).delivered).toBe(2);
    expect(calls).toEqual(["third"]);
  });

  it("finishes a call that has begun, and the emission waits for it", async () => {
    const bus = createBus<Events>({ mode: "parallel" });
    const slow = gate();
    const off = bus.on("paid", slow.wait);
    let settled = false;
    const emission = bus.emit("paid", 1).finally(() => (settled = true));
    await flush();
    off();
    await flush();
    expect(settled).toBe(false);
    slow.open();
    expect((await emission).delivered).toBe(1);
  });
});

describe("a once listener and overlapping emissions", () => {
  it.each<EmissionMode>(["sequential", "parallel"])("is called by one of them on a %s bus", async (mode) => {
    const bus = createBus<Events>({ mode });
    const slow = gate();
    const seen: number[] = [];
    bus.on("paid", slow.wait, { priority: 1 });
    bus.once("paid", ({ payload }) => void seen.push(payload));
    const emissions = [bus.emit("paid", 1), bus.emit("paid", 2), bus.emit("paid", 3)];
    slow.open();
    const reports = await Promise.all(emissions);
    expect(seen).toEqual([1]);
    expect(reports.map(({ delivered }) => delivered)).toEqual([2, 1, 1]);
  });

  it("is called by the one that reaches it first", async () => {
    const bus = createBus<Events>();
    const slow = gate();
    const seen: number[] = [];
    bus.on("paid", ({ payload }) => (payload === 1 ? slow.wait() : undefined), { priority: 1 });
    bus.once("paid", ({ payload }) => void seen.push(payload));
    const first = bus.emit("paid", 1);
    await bus.emit("paid", 2);
    slow.open();
    await first;
    expect(seen).toEqual([2]);
  });

  it("is not called by an event that it emits itself, nor a second time when it fails", async () => {
    const bus = createBus<Events>();
    const seen: number[] = [];
    bus.once("paid", async ({ payload }) => {
      seen.push(payload);
      await bus.emit("paid", payload + 1);
      throw new Error("no");
    });
    const report = await bus.emit("paid", 1);
    await bus.emit("paid", 5);
    expect(seen).toEqual([1]);
    expect(report).toMatchObject({ delivered: 0, failures: [{ event: { payload: 1 } }] });
  });
});

describe("a replay", () => {
  async function withHistory() {
    const bus = createBus<Events>({ history: 5 });
    for (const payload of [1, 2, 3]) await bus.emit("paid", payload);
    return bus;
  }

  it("stops when the listener is unsubscribed from within", async () => {
    const bus = await withHistory();
    const seen: number[] = [];
    const off = bus.on(
      "paid",
      ({ payload }) => {
        seen.push(payload);
        if (payload === 2) off();
      },
      { replay: 3 },
    );
    await flush();
    expect(seen).toEqual([1, 2]);
  });

  it("does not begin when the listener is unsubscribed at once", async () => {
    const bus = await withHistory();
    let calls = 0;
    bus.on("paid", () => void (calls += 1), { replay: 3 })();
    await flush();
    expect(calls).toBe(0);
  });

  it("stops when the bus closes while a call is under way", async () => {
    const bus = await withHistory();
    const slow = gate();
    const seen: number[] = [];
    bus.on("paid", ({ payload }) => (seen.push(payload), slow.wait()), { replay: 3 });
    await flush();
    bus.close();
    slow.open();
    await flush();
    expect(seen).toEqual([1]);
  });

  it("hands a once listener one event in all", async () => {
    const bus = await withHistory();
    const seen: number[] = [];
    bus.once("paid", ({ payload }) => void seen.push(payload), { replay: 3 });
    await Promise.all([bus.emit("paid", 4), flush()]);
    await bus.emit("paid", 5);
    expect(seen).toHaveLength(1);
  });

  it("goes on past a failure while the listener is subscribed", async () => {
    const bus = await withHistory();
    const seen: number[] = [];
    bus.on(
      "paid",
      ({ payload }) => {
        seen.push(payload);
        throw new Error("no");
      },
      { replay: 3 },
    );
    await flush();
    expect(seen).toEqual([1, 2, 3]);
  });
});
