import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { BusClosedError, createBus } from "../src/index.ts";

interface Events {
  tick: number;
  "job.done": { id: string };
}

describe("waitFor", () => {
  it("resolves with the next event that passes the filter", async () => {
    const bus = createBus<Events>();
    const waiting = bus.waitFor("tick", { filter: ({ payload }) => payload > 1 });
    await bus.emit("tick", 1);
    await bus.emit("tick", 2);
    await bus.emit("tick", 3);
    expect((await waiting).payload).toBe(2);
  });

  it("rejects with the reason of its signal and leaves nothing behind", async () => {
    const bus = createBus<Events>();
    const controller = new AbortController();
    const waiting = bus.waitFor("tick", { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect((await bus.emit("tick", 1)).delivered).toBe(0);
    await expect(bus.waitFor("tick", { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("lets go of the signal when the event has come", async () => {
    const bus = createBus<Events>();
    const { signal } = new AbortController();
    const waiting = bus.waitFor("tick", { signal });
    await bus.emit("tick", 1);
    await waiting;
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("rejects with what the filter throws", async () => {
    const bus = createBus<Events>();
    const waiting = expect(
      bus.waitFor("tick", {
        filter: () => {
          throw new Error("bad filter");
        },
      }),
    ).rejects.toThrow("bad filter");
    expect(await bus.emit("tick", 1)).toMatchObject({ failures: [] });
    await waiting;
  });

  it("rejects when the bus closes", async () => {
    const bus = createBus<Events>();
    const waiting = expect(bus.waitFor("tick")).rejects.toThrow(BusClosedError);
    bus.close();
    await waiting;
  });
});
