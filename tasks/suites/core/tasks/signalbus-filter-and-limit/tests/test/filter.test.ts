import { describe, expect, it } from "vitest";
import { createBus, type ListenerFailure } from "../src/index.ts";

interface Events {
  "order.paid": { cents: number };
  "order.lost": { cents: number };
}

const flush = () => new Promise((resolve) => setImmediate(resolve));

describe("a listener's filter", () => {
  it("keeps out events that do not pass, in the report too", async () => {
    const bus = createBus<Events>();
    const seen: number[] = [];
    bus.on("order.paid", ({ payload }) => void seen.push(payload.cents), { filter: ({ payload }) => payload.cents > 1 });
    bus.on("order.paid", () => {});
    expect(await bus.emit("order.paid", { cents: 1 })).toEqual({ delivered: 1, failures: [], stopped: false });
    expect(await bus.emit("order.paid", { cents: 2 })).toEqual({ delivered: 2, failures: [], stopped: false });
    expect(seen).toEqual([2]);
  });

  it("does not use up a once listener", async () => {
    const bus = createBus<Events>();
    const seen: number[] = [];
    bus.once("order.*", ({ payload }) => void seen.push(payload.cents), {
      filter: ({ topic, payload }) => topic === "order.lost" && payload.cents > 1,
    });
    await bus.emit("order.lost", { cents: 1 });
    await bus.emit("order.paid", { cents: 2 });
    await bus.emit("order.lost", { cents: 3 });
    await bus.emit("order.lost", { cents: 4 });
    expect(seen).toEqual([3]);
  });

  it("sees what middleware has made of the payload", async () => {
    const bus = createBus<Events>();
    bus.use((event, next) => next({ cents: (event.payload as { cents: number }).cents * 10 }));
    const asked: number[] = [];
    bus.on("order.paid", () => {}, { filter: ({ payload }) => asked.push(payload.cents) > 0 });
    await bus.emit("order.paid", { cents: 2 });
    expect(new Set(asked)).toEqual(new Set([20]));
  });

  it("sees the topics of its scope", async () => {
    const bus = createBus<Record<string, unknown>>({ history: 5 });
    await bus.emit("user.seen", 1);
    const asked = new Set<string>();
    const seen: string[] = [];
    bus.scope("user").on("**", ({ topic }) => void seen.push(topic), {
      filter: ({ topic }: { topic: string }) => asked.add(topic) !== undefined && topic !== "left",
      replay: 5,
    });
    await flush();
    await bus.emit("user.left", 2);
    await bus.emit("user.created", 3);
    expect([...asked]).toEqual(["seen", "left", "created"]);
    expect(seen).toEqual(["seen", "created"]);
  });

  it("is not asked about events that the pattern does not match", async () => {
    const bus = createBus<Events>({ history: 5 });
    await bus.emit("order.lost", { cents: 1 });
    const asked = new Set<string>();
    bus.on("order.paid", () => {}, { filter: ({ topic }) => asked.add(topic) !== undefined, replay: 5 });
    await flush();
    await bus.emit("order.lost", { cents: 1 });
    await bus.emit("order.paid", { cents: 1 });
    expect([...asked]).toEqual(["order.paid"]);
  });

  it("is asked when the listener's turn comes", async () => {
    const bus = createBus<Events>();
    let open = false;
    let calls = 0;
    bus.on("order.paid", () => void (open = true), { priority: 1 });
    bus.on("order.paid", () => void (calls += 1), { filter: () => open });
    await bus.emit("order.paid", { cents: 1 });
    expect(calls).toBe(1);
  });

  it.each(["sequential", "parallel"] as const)("fails its listener alone when it throws on a %s bus", async (mode) => {
    const told: ListenerFailure[] = [];
    const bus = createBus<Events>({ mode, onError: (failure) => void told.push(failure) });
    const seen: string[] = [];
    bus.once("order.paid", ({ payload }) => void seen.push(`once ${payload.cents}`), {
      filter: ({ payload }) => {
        if (payload.cents === 1) throw new Error("bad filter");
        return true;
      },
    });
    bus.on("order.paid", ({ payload }) => void seen.push(`on ${payload.cents}`));
    const report = await bus.emit("order.paid", { cents: 1 });
    expect(report).toMatchObject({ delivered: 1, failures: [{ error: new Error("bad filter") }] });
    expect(told).toEqual(report.failures);
    await bus.emit("order.paid", { cents: 2 });
    await bus.emit("order.paid", { cents: 3 });
    expect(seen.toSorted()).toEqual(["on 1", "on 2", "on 3", "once 2"]);
  });
});

describe("a filter and replay", () => {
  async function withHistory(onError: (failure: ListenerFailure) => void = () => {}) {
    const bus = createBus<Events>({ history: 10, onError });
    for (const cents of [1, 2, 3, 4, 5, 6]) await bus.emit("order.paid", { cents });
    return bus;
  }

  it("hand over the last events that pass, oldest first", async () => {
    const bus = await withHistory();
    const seen: number[] = [];
    bus.on("order.paid", ({ payload }) => void seen.push(payload.cents), {
      replay: 2,
      filter: ({ payload }) => payload.cents % 2 === 1,
    });
    await flush();
    expect(seen).toEqual([3, 5]);
  });

  it("leave out the events for which the filter throws", async () => {
    const told: unknown[] = [];
    const bus = await withHistory(({ error }) => void told.push(error));
    const seen: number[] = [];
    const off = bus.on("order.paid", ({ payload }) => void seen.push(payload.cents), {
      replay: 10,
      filter: ({ payload }) => {
        if (payload.cents === 4) throw new Error("bad filter");
        return payload.cents > 2;
      },
    });
    await flush();
    expect(seen).toEqual([3, 5, 6]);
    expect(new Set(told.map(String))).toEqual(new Set(["Error: bad filter"]));
    off();
  });

  it("do not use up a once listener when nothing in the history passes", async () => {
    const bus = await withHistory();
    const seen: number[] = [];
    bus.once("order.paid", ({ payload }) => void seen.push(payload.cents), {
      replay: 6,
      filter: ({ payload }) => payload.cents > 6,
    });
    await flush();
    await bus.emit("order.paid", { cents: 7 });
    await bus.emit("order.paid", { cents: 8 });
    expect(seen).toEqual([7]);
  });
});
