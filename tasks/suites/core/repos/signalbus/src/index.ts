export { createBus, type Bus, type ListenSettings, type SubscribeSettings, type Unsubscribe, type WaitSettings } from "./bus.ts";
export type { BusSettings } from "./core.ts";
export type { EmissionMode, EmitReport, ListenerFailure } from "./emission.ts";
export { BusClosedError, StreamOverflowError, TopicError } from "./errors.ts";
export type { BusEvent, EventOf, Listener, Matched, TopicOf } from "./events.ts";
export type { Middleware } from "./middleware.ts";
export type { EventStream, OverflowPolicy, StreamSettings } from "./stream.ts";
