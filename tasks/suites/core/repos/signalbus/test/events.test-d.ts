import { createBus } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

interface Events {
  "user.created": { id: string };
  "order.paid": { cents: number };
}

const bus = createBus<Events>();

bus.on("user.created", ({ topic, payload }) => {
  const topicIsLiteral: Equal<typeof topic, "user.created"> = true;
  const payloadIsTyped: Equal<typeof payload, { id: string }> = true;
  void [topicIsLiteral, payloadIsTyped];
});

bus.on("**", (event) => {
  if (event.topic === "order.paid") {
    const cents: number = event.payload.cents;
    void cents;
  }
});

// @ts-expect-error no event has this topic
void bus.emit("order.lost", {});
// @ts-expect-error the payload is another event's
void bus.emit("order.paid", { id: "a" });
