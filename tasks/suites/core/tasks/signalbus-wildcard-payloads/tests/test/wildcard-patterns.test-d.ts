import { createBus, type BusEvent, type EventOf, type Matched } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

interface Events {
  user: { anonymous: boolean };
  "user.created": { id: string };
  "user.deleted": { id: string; by: string };
  "user.address.changed": { city: string };
  "order.created": { cents: number };
  "order.item.added": { sku: string };
  "order.item.removed": { sku: string; reason: string };
}

type Topics<Pattern extends string> = Matched<Events, Pattern>["topic"];

const exact: Equal<Topics<"user">, "user"> = true;
const oneSegment: Equal<Topics<"user.*">, "user.created" | "user.deleted"> = true;
const single: Equal<Topics<"*">, "user"> = true;
const firstSegment: Equal<Topics<"*.created">, "user.created" | "order.created"> = true;
const middle: Equal<Topics<"order.*.added">, "order.item.added"> = true;
const bothEnds: Equal<Topics<"*.address.*">, "user.address.changed"> = true;
const two: Equal<Topics<"*.*">, "user.created" | "user.deleted" | "order.created"> = true;
const below: Equal<Topics<"user.**">, "user" | "user.created" | "user.deleted" | "user.address.changed"> = true;
const noneIncluded: Equal<Topics<"order.item.added.**">, "order.item.added"> = true;
const oneOrMore: Equal<Topics<"*.*.**">, Exclude<keyof Events, "user">> = true;
const starAndBelow: Equal<Topics<"*.**">, keyof Events> = true;
const everything: Equal<Topics<"**">, keyof Events> = true;
const union: Equal<Topics<"user" | "order.*">, "user" | "order.created"> = true;
const events: Equal<Matched<Events, "user.*">, EventOf<Events, "user.created" | "user.deleted">> = true;
const anyString: Equal<Matched<Events, string>, EventOf<Events>> = true;

type Loose = Record<string, number>;
const looseExact: Equal<Matched<Loose, "a.b">, BusEvent<string, number>> = true;
const loosePattern: Equal<Matched<Loose, "a.**">, BusEvent<string, number>> = true;

const bus = createBus<Events>();
// @ts-expect-error no topic starts like that
bus.on("usr.*", () => {});
// @ts-expect-error no topic has the segment there
bus.once("*.paid", () => {});
// @ts-expect-error no topic has four segments
bus.stream("*.*.*.*");
// @ts-expect-error nothing below a topic that has no topics below it
void bus.waitFor("user.created.*");
// @ts-expect-error `**` can only come last
bus.on("**.created", () => {});
// @ts-expect-error a segment is a wildcard as a whole or not at all
bus.on("user.c*", () => {});

declare const pattern: string;
bus.on(pattern, ({ topic }) => {
  const isAny: Equal<typeof topic, keyof Events> = true;
  void isAny;
});

const loose = createBus<Loose>();
loose.on("whatever.*.comes", ({ topic, payload }) => {
  const topicIsString: Equal<typeof topic, string> = true;
  const payloadIsNumber: Equal<typeof payload, number> = true;
  void [topicIsString, payloadIsNumber];
});
loose.stream("x.**");

export {
  anyString,
  below,
  bothEnds,
  events,
  everything,
  exact,
  firstSegment,
  looseExact,
  loosePattern,
  middle,
  noneIncluded,
  oneOrMore,
  oneSegment,
  single,
  starAndBelow,
  two,
  union,
};
