import { createBus, type Bus } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

interface Events {
  ready: undefined;
  "order.paid": { cents: number };
  "order.lost": { cause: string } | undefined;
  "order.item.added": { sku: string };
  "order.item.tag.set": void;
  "user.created": { id: string };
}

const bus = createBus<Events>();

void bus.emit("ready");
void bus.emit("ready", undefined);
void bus.emit("order.lost");
void bus.emit("order.lost", { cause: "fire" });
void bus.emit("order.item.tag.set");
// @ts-expect-error this event has a payload
void bus.emit("order.paid");
// @ts-expect-error the payload cannot be undefined
void bus.emit("order.paid", undefined);
// @ts-expect-error the payload is of another event
void bus.emit("order.paid", { sku: "a" });
// @ts-expect-error there is one payload at most
void bus.emit("ready", undefined, 1);

const order = bus.scope("order");
order.on("paid", ({ topic, payload }) => {
  const topicIsRelative: Equal<typeof topic, "paid"> = true;
  const payloadIsKept: Equal<typeof payload, { cents: number }> = true;
  void [topicIsRelative, payloadIsKept];
});
order.on("**", ({ topic }) => {
  const topics: Equal<typeof topic, "paid" | "lost" | "item.added" | "item.tag.set"> = true;
  void topics;
});
void order.emit("paid", { cents: 1 });
void order.emit("lost");
// @ts-expect-error topics of a scope are relative
void order.emit("order.paid", { cents: 1 });
// @ts-expect-error the topic is not below the prefix
order.on("created", () => {});

const item: Bus<{ added: { sku: string }; "tag.set": void }> = order.scope("item");
const sameItem = bus.scope("order.item");
item.on("tag.*", ({ topic }) => {
  const topicIsLiteral: Equal<typeof topic, "tag.set"> = true;
  void topicIsLiteral;
});
sameItem.on("*", ({ payload }) => {
  const payloadIsKept: Equal<typeof payload, { sku: string }> = true;
  void payloadIsKept;
});
void sameItem.scope("tag").emit("set");

// @ts-expect-error no topic is below it
bus.scope("ready");
// @ts-expect-error a prefix ends at a dot
bus.scope("ord");
// @ts-expect-error nor is any topic below this one
order.scope("paid");

const loose = createBus<Record<string, number>>().scope("any.thing");
void loose.emit("x", 1);
// @ts-expect-error the payload is the map's
void loose.emit("x", "1");
// @ts-expect-error and cannot be left out
void loose.emit("x");
loose.scope("deeper").on("*", ({ topic, payload }) => {
  const topicIsString: Equal<typeof topic, string> = true;
  const payloadIsNumber: Equal<typeof payload, number> = true;
  void [topicIsString, payloadIsNumber];
});
