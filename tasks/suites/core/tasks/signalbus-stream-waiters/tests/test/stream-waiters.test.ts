import { describe, expect, it, vi } from "vitest";
import { createBus, StreamOverflowError, type EmitReport, type OverflowPolicy, type StreamSettings } from "../src/index.ts";

// What hangs, hangs for good: nothing here waits for a clock.
vi.setConfig({ testTimeout: 400 });

interface Events {
  tick: number;
  "job.done": number;
}

const flush = () => new Promise((resolve) => setImmediate(resolve));
const end = { done: true, value: undefined };

/** A bus with a stream of its ticks, emissions that are counted when they resolve, and reads that show the number. */
function setUp(settings: StreamSettings & { signal?: AbortSignal } = {}) {
  const bus = createBus<Events>();
  const stream = bus.stream("tick", settings);
  const resolved: number[] = [];
  const emit = (tick: number): Promise<EmitReport> =>
    bus.emit("tick", tick).then((report) => {
      resolved.push(tick);
      return report;
    });
  const read = async () => (await stream.next()).value?.payload;
  return { bus, stream, resolved, emit, read };
}

describe("several emissions that wait for room", () => {
  it("find it one by one, in order", async () => {
    const { stream, resolved, emit, read } = setUp({ capacity: 1 });
    for (const tick of [1, 2, 3, 4]) void emit(tick);
    await flush();
    expect(resolved).toEqual([1]);
    for (const tick of [1, 2, 3, 4]) {
      expect(await read()).toBe(tick);
      await flush();
      expect(resolved).toHaveLength(Math.min(tick + 1, 4));
      expect(stream.buffered).toBe(tick < 4 ? 1 : 0);
    }
    expect(resolved).toEqual([1, 2, 3, 4]);
  });

  it("are not overtaken by a later one", async () => {
    const { stream, emit, read } = setUp({ capacity: 1 });
    void emit(1);
    void emit(2);
    await flush();
    const first = read();
    void emit(3);
    expect(stream.buffered).toBeLessThanOrEqual(1);
    expect(await first).toBe(1);
    void emit(4);
    await flush();
    expect(stream.buffered).toBe(1);
    expect([await read(), await read(), await read()]).toEqual([2, 3, 4]);
  });

  it("never fill the buffer beyond its capacity", async () => {
    const { stream, resolved, emit } = setUp({ capacity: 2 });
    for (let tick = 1; tick <= 8; tick += 1) void emit(tick);
    const seen: (number | undefined)[] = [];
    for (let reads = 0; reads < 4; reads += 1) {
      const both = await Promise.all([stream.next(), stream.next()]);
      seen.push(...both.map(({ value }) => value?.payload));
      expect(stream.buffered).toBeLessThanOrEqual(2);
      await flush();
      expect(stream.buffered).toBe(reads < 3 ? 2 : 0);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(resolved).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("all reach a loop that reads at its own pace", async () => {
    const { bus, stream, emit } = setUp({ capacity: 3 });
    const emissions = Array.from({ length: 20 }, (_, index) => emit(index));
    const seen: number[] = [];
    const loop = (async () => {
      for await (const { payload } of stream) {
        seen.push(payload);
        if (payload % 3 === 0) await flush();
      }
    })();
    await Promise.all(emissions);
    bus.close();
    await loop;
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(stream.dropped).toBe(0);
  });

  it("are all let go when more reads come at once than the buffer holds", async () => {
    const { resolved, emit, read } = setUp({ capacity: 2 });
    for (const tick of [1, 2, 3, 4, 5]) void emit(tick);
    expect(await Promise.all([1, 2, 3, 4, 5].map(read))).toEqual([1, 2, 3, 4, 5]);
    await flush();
    expect(resolved).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("several reads that wait for an event", () => {
  it("are answered in order, one event each", async () => {
    const { stream, emit, read } = setUp();
    const reads = [read(), read(), read()];
    await flush();
    for (const tick of [1, 2, 3, 4]) await emit(tick);
    expect(await Promise.all(reads)).toEqual([1, 2, 3]);
    expect(stream.buffered).toBe(1);
    expect(await read()).toBe(4);
  });

  it("are answered when events come in one go", async () => {
    const { emit, read } = setUp({ capacity: 1 });
    const reads = [read(), read()];
    await Promise.all([emit(1), emit(2), emit(3)]);
    expect(await Promise.all(reads)).toEqual([1, 2]);
  });

  it("do not end because one event woke two of them", async () => {
    const { stream, emit } = setUp();
    const reads = [stream.next(), stream.next()];
    await emit(1);
    let settled = false;
    void reads[1]?.then(() => (settled = true));
    expect((await reads[0])?.value?.payload).toBe(1);
    await flush();
    expect(settled).toBe(false);
    await emit(2);
    expect((await reads[1])?.value?.payload).toBe(2);
  });

  it.each<OverflowPolicy>(["wait", "drop-oldest", "drop-newest", "fail"])(
    "take their events without room under the policy %s",
    async (overflow) => {
      const { stream, emit, read } = setUp({ capacity: 1, overflow });
      const reads = [read(), read()];
      const emissions = [emit(1), emit(2), emit(3)];
      expect(stream.buffered).toBe(1);
      await Promise.all(emissions);
      expect(await Promise.all(reads)).toEqual([1, 2]);
      expect(stream.dropped).toBe(0);
      expect(await read()).toBe(3);
    },
  );
});

describe("the end of a stream", () => {
  it("by return lets go of all emissions and drops everything", async () => {
    const { stream, resolved, emit } = setUp({ capacity: 1 });
    const emissions = [1, 2, 3].map(emit);
    await flush();
    expect(await stream.return()).toEqual(end);
    await Promise.all(emissions);
    expect(resolved).toEqual([1, 2, 3]);
    expect(stream.buffered).toBe(0);
    expect(stream.dropped).toBe(3);
    expect(await stream.next()).toEqual(end);
  });

  it("by breaking off a loop lets go of all emissions", async () => {
    const { stream, resolved, emit } = setUp({ capacity: 1 });
    const emissions = [1, 2, 3, 4].map(emit);
    for await (const { payload } of stream) if (payload === 1) break;
    await Promise.all(emissions);
    expect(resolved.toSorted()).toEqual([1, 2, 3, 4]);
    expect((await emit(5)).delivered).toBe(0);
  });

  it.each(["signal", "bus"])("by the %s lets go of all emissions and keeps the buffer", async (by) => {
    const controller = new AbortController();
    const { bus, stream, emit, read } = setUp({ capacity: 2, signal: controller.signal });
    const emissions = [1, 2, 3, 4].map(emit);
    await flush();
    if (by === "signal") controller.abort();
    else bus.close();
    await Promise.all(emissions);
    expect(stream.buffered).toBe(2);
    expect(stream.dropped).toBe(2);
    expect([await read(), await read()]).toEqual([1, 2]);
    expect(await stream.next()).toEqual(end);
    expect(await stream.next()).toEqual(end);
  });

  it("by its scope lets go of all emissions", async () => {
    const bus = createBus<Record<string, number>>();
    const scope = bus.scope("job");
    const stream = scope.stream("*", { capacity: 1 });
    const emissions = [1, 2, 3].map((job) => bus.emit("job.done", job));
    await flush();
    scope.close();
    await Promise.all(emissions);
    expect(stream.dropped).toBe(2);
  });

  it.each(["return", "signal", "bus"])("by the %s answers all waiting reads", async (by) => {
    const controller = new AbortController();
    const { bus, stream, emit } = setUp({ signal: controller.signal });
    const reads = [stream.next(), stream.next(), stream.next()];
    await emit(1);
    if (by === "signal") controller.abort();
    else if (by === "bus") bus.close();
    else await stream.return();
    const results = await Promise.all(reads);
    expect(results.map(({ done }) => done)).toEqual([false, true, true]);
    expect(results.slice(1)).toEqual([end, end]);
  });

  it("by overflow fails one read only, behind what is buffered", async () => {
    const { stream, emit, read } = setUp({ capacity: 1, overflow: "fail" });
    await emit(1);
    await emit(2);
    const results = await Promise.allSettled([read(), read(), read()]);
    expect(results).toEqual([
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: expect.any(StreamOverflowError) },
      { status: "fulfilled", value: undefined },
    ]);
    expect(stream.dropped).toBe(1);
  });

  it("leaves other streams of the same events alone", async () => {
    const { bus, stream, emit } = setUp({ capacity: 1 });
    const other = bus.stream("tick");
    const emissions = [1, 2, 3].map(emit);
    await flush();
    await stream.return();
    await Promise.all(emissions);
    const seen = [await other.next(), await other.next(), await other.next()].map(({ value }) => value?.payload);
    expect(seen.toSorted()).toEqual([1, 2, 3]);
  });
});
