import { describe, expect, it } from "vitest";
import { createBus, StreamOverflowError, type OverflowPolicy } from "../src/index.ts";

interface Events {
  tick: number;
  tock: number;
}

async function filled(overflow: OverflowPolicy, count: number) {
  const bus = createBus<Events>();
  const stream = bus.stream("tick", { capacity: 2, overflow });
  for (let tick = 1; tick <= count; tick += 1) await bus.emit("tick", tick);
  bus.close();
  const seen: number[] = [];
  let failure: unknown;
  try {
    for await (const { payload } of stream) seen.push(payload);
  } catch (error) {
    failure = error;
  }
  return { seen, failure, dropped: stream.dropped };
}

describe("streams", () => {
  it("hand out what was emitted while nobody was reading", async () => {
    expect(await filled("wait", 2)).toEqual({ seen: [1, 2], failure: undefined, dropped: 0 });
  });

  it("drop the oldest", async () => {
    expect(await filled("drop-oldest", 5)).toEqual({ seen: [4, 5], failure: undefined, dropped: 3 });
  });

  it("drop the newest", async () => {
    expect(await filled("drop-newest", 5)).toEqual({ seen: [1, 2], failure: undefined, dropped: 3 });
  });

  it("fail behind what is buffered", async () => {
    expect(await filled("fail", 3)).toEqual({ seen: [1, 2], failure: expect.any(StreamOverflowError), dropped: 1 });
  });

  it("hold up the emission until there is room", async () => {
    const bus = createBus<Events>();
    const stream = bus.stream("tick", { capacity: 1 });
    await bus.emit("tick", 1);
    let emitted = false;
    const emission = bus.emit("tick", 2).then(() => (emitted = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(emitted).toBe(false);
    expect((await stream.next()).value?.payload).toBe(1);
    await emission;
    expect((await stream.next()).value?.payload).toBe(2);
  });

  it("wait for an event that has not been emitted yet", async () => {
    const bus = createBus<Events>();
    const stream = bus.stream("*");
    const reading = stream.next();
    await bus.emit("tock", 7);
    expect((await reading).value).toMatchObject({ topic: "tock", payload: 7 });
  });

  it("end with the signal", async () => {
    const bus = createBus<Events>();
    const controller = new AbortController();
    const stream = bus.stream("tick", { signal: controller.signal });
    await bus.emit("tick", 1);
    controller.abort();
    expect((await bus.emit("tick", 2)).delivered).toBe(0);
    expect((await stream.next()).value?.payload).toBe(1);
    expect((await stream.next()).done).toBe(true);
  });

  it("end when the reader breaks off", async () => {
    const bus = createBus<Events>();
    const stream = bus.stream("tick");
    await bus.emit("tick", 1);
    for await (const _ of stream) break;
    expect((await bus.emit("tick", 2)).delivered).toBe(0);
    expect((await stream.next()).done).toBe(true);
  });

  it("refuse a capacity below one", () => {
    expect(() => createBus<Events>().stream("tick", { capacity: 0 })).toThrow(RangeError);
  });
});
