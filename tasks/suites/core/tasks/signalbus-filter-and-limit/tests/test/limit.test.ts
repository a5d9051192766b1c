import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createBus } from "../src/index.ts";

interface Events {
  tick: number;
}

const flush = () => new Promise((resolve) => setImmediate(resolve));

describe("a listener's limit", () => {
  it("unsubscribes it when it has been called so often", async () => {
    const bus = createBus<Events>();
    const seen: number[] = [];
    bus.on("tick", ({ payload }) => void seen.push(payload), { limit: 2 });
    const delivered: number[] = [];
    for (const tick of [1, 2, 3]) delivered.push((await bus.emit("tick", tick)).delivered);
    expect(seen).toEqual([1, 2]);
    expect(delivered).toEqual([1, 1, 0]);
  });

  it("counts calls that fail", async () => {
    const bus = createBus<Events>();
    let calls = 0;
    bus.on(
      "tick",
      () => {
        calls += 1;
        throw new Error("no");
      },
      { limit: 2 },
    );
    for (const tick of [1, 2, 3]) await bus.emit("tick", tick);
    expect(calls).toBe(2);
  });

  it("does not count events that the filter keeps out", async () => {
    const bus = createBus<Events>();
    const seen: number[] = [];
    bus.on("tick", ({ payload }) => void seen.push(payload), { limit: 2, filter: ({ payload }) => payload % 2 === 0 });
    for (const tick of [1, 2, 3, 4, 5, 6]) await bus.emit("tick", tick);
    expect(seen).toEqual([2, 4]);
  });

  it("ends it before its last call, so that what it emits does not reach it", async () => {
    const bus = createBus<Events>();
    const seen: number[] = [];
    bus.on(
      "tick",
      async ({ payload }) => {
        seen.push(payload);
        if (payload < 20) await bus.emit("tick", payload + 1);
      },
      { limit: 3 },
    );
    await bus.emit("tick", 1);
    await bus.emit("tick", 10);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("lets go of the signal with the last call", async () => {
    const bus = createBus<Events>();
    const { signal } = new AbortController();
    bus.on("tick", () => {}, { limit: 2, signal });
    await bus.emit("tick", 1);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await bus.emit("tick", 2);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("can still be ended early", async () => {
    const bus = createBus<Events>();
    let calls = 0;
    const off = bus.on("tick", () => void (calls += 1), { limit: 2 });
    await bus.emit("tick", 1);
    off();
    await bus.emit("tick", 2);
    expect(calls).toBe(1);
  });

  it("is counted for each listener alone", async () => {
    const bus = createBus<Events>({ mode: "parallel" });
    const seen: string[] = [];
    const listener = (name: string) => () => void seen.push(name);
    const shared = { limit: 1 };
    bus.on("tick", listener("a"), shared);
    bus.on("tick", listener("b"), shared);
    bus.on("tick", listener("c"), { limit: 2 });
    bus.on("tick", listener("d"));
    for (const tick of [1, 2, 3]) await bus.emit("tick", tick);
    expect(seen.toSorted().join("")).toBe("abccddd");
  });

  it.each([0, -1, 1.5, Number.NaN])("of %s is refused", (limit) => {
    expect(() => createBus<Events>().on("tick", () => {}, { limit })).toThrow(RangeError);
  });
});

describe("a limit and replay", () => {
  async function subscribed(settings: { limit: number; replay: number }) {
    const bus = createBus<Events>({ history: 10 });
    for (const tick of [1, 2, 3, 4]) await bus.emit("tick", tick);
    const seen: number[] = [];
    bus.on("tick", ({ payload }) => void seen.push(payload), settings);
    await flush();
    for (const tick of [5, 6, 7]) await bus.emit("tick", tick);
    return seen;
  }

  it("count replayed and live events together", async () => {
    expect(await subscribed({ limit: 3, replay: 2 })).toEqual([3, 4, 5]);
  });

  it("stop the replay at the limit", async () => {
    expect(await subscribed({ limit: 2, replay: 3 })).toEqual([2, 3]);
    expect(await subscribed({ limit: 1, replay: 3 })).toEqual([2]);
  });

  it("leave nothing for live events when the replay uses it up", async () => {
    expect(await subscribed({ limit: 4, replay: 10 })).toEqual([1, 2, 3, 4]);
  });
});
