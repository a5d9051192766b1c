import { createBus } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

const bus = createBus<{ "order.paid": { cents: number }; "user.created": { id: string } }>();

bus.on("order.paid", () => {}, {
  filter: ({ topic, payload }) => {
    const topicIsTyped: Equal<typeof topic, "order.paid"> = true;
    const payloadIsTyped: Equal<typeof payload, { cents: number }> = true;
    return topicIsTyped && payloadIsTyped;
  },
  limit: 2,
});
bus.once("user.created", () => {}, { filter: ({ payload }) => payload.id !== "" });

// @ts-expect-error the payload is of another event
bus.on("order.paid", () => {}, { filter: ({ payload }) => payload.id !== "" });
// @ts-expect-error a filter returns a boolean
bus.on("order.paid", () => {}, { filter: () => "yes" });
// @ts-expect-error once has its limit
bus.once("order.paid", () => {}, { limit: 2 });
