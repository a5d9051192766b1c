/**
 * Topics and patterns. A topic is one or more segments joined with dots: `order.paid`. In a pattern, `*` stands for
 * exactly one segment, and `**`, which can only come last, for any number of segments, none included.
 */
import { TopicError } from "./errors.ts";

const SEGMENT = /^[\w-]+$/;

/** Throws `TopicError` unless `topic` is well formed and free of wildcards. */
export function checkTopic(topic: string): void {
  if (!topic.split(".").every((segment) => SEGMENT.test(segment))) throw new TopicError(`"${topic}" is not a topic`);
}

/** Throws `TopicError` unless `pattern` is well formed. */
export function checkPattern(pattern: string): void {
  const segments = pattern.split(".");
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (!SEGMENT.test(segment) && segment !== "*" && !(segment === "**" && last)) {
      throw new TopicError(`"${pattern}" is not a pattern`);
    }
  });
}

/** A predicate on the bus's topics for `pattern` of the scope at `prefix`, which must both be well formed. */
export function scopedMatcher(prefix: string, pattern: string): (topic: string) => boolean {
  const matches = matcher(pattern);
  if (prefix === "") return matches;
  return (topic) => topic.startsWith(`${prefix}.`) && matches(relativeTopic(prefix, topic));
}

/** `topic` as seen from a scope: without the prefix. An empty prefix is the root's. */
export function relativeTopic(prefix: string, topic: string): string {
  return prefix === "" ? topic : topic.slice(prefix.length + 1);
}

/** A scope's `topic` as the root sees it. */
export function absoluteTopic(prefix: string, topic: string): string {
  return prefix === "" ? topic : `${prefix}.${topic}`;
}

function matcher(pattern: string): (topic: string) => boolean {
  if (!pattern.includes("*")) return (topic) => topic === pattern;
  const wanted = pattern.split(".");
  const open = wanted.at(-1) === "**";
  if (open) wanted.pop();
  return (topic) => {
    const segments = topic.split(".");
    if (open ? segments.length < wanted.length : segments.length !== wanted.length) return false;
    return wanted.every((segment, index) => segment === "*" || segment === segments[index]);
  };
}
