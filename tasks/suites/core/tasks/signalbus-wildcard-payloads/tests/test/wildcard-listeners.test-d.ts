import { createBus } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

const bus = createBus<{
  "user.created": { id: string };
  "user.deleted": { id: string; by: string };
  "order.paid": { cents: number };
}>();

bus.on("user.*", (event) => {
  const id: string = event.payload.id;
  // @ts-expect-error only one of the two has it
  void event.payload.by;
  if (event.topic === "user.deleted") {
    const payload: Equal<typeof event.payload, { id: string; by: string }> = true;
    void payload;
  } else {
    const rest: Equal<typeof event.topic, "user.created"> = true;
    void rest;
  }
  void id;
});

bus.once("*.paid", async ({ payload }) => {
  const cents: Equal<typeof payload, { cents: number }> = true;
  void cents;
});

// @ts-expect-error the listener takes an event that the pattern does not match
bus.on("order.*", (event: { topic: "user.created"; payload: { id: string } }) => event.payload.id);

export async function wait(): Promise<void> {
  const event = await bus.waitFor("user.*", { filter: ({ payload }) => payload.id === "a" });
  const topics: Equal<typeof event.topic, "user.created" | "user.deleted"> = true;
  // @ts-expect-error no matching event has the property
  await bus.waitFor("user.*", { filter: ({ payload }) => payload.cents > 1 });
  void topics;
}

export async function read(): Promise<void> {
  for await (const event of bus.stream("order.**", { capacity: 1 })) {
    const payload: Equal<typeof event.payload, { cents: number }> = true;
    void payload;
  }
  const { value } = await bus.stream("user.*").next();
  const topics: Equal<NonNullable<typeof value>["topic"], "user.created" | "user.deleted"> = true;
  void topics;
}
