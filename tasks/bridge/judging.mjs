// Properties by which an assertion library asks a value for its own verdict, or takes it for something else than it is: none of these crosses to
// the tests. What stands in the way of the language's own methods is for `shadows.mjs` to find.
import { nameOf } from "./intrinsics.mjs";

const JUDGING = new Set(["asymmetricMatch", "$$typeof", "toAsymmetricMatcher", "_isMockFunction", "isEqualNode", Symbol.hasInstance]);

/** By which Immutable's collections are known: what has one is compared by what it says of its size and by what it iterates over. */
const SENTINEL = /^@@__IMMUTABLE/;

/** What the language's own objects are called, in lower case: no object of another kind may say that it is one. */
const TAGS = new Set([
  "object", "array", "function", "error", "boolean", "number", "string", "symbol", "bigint", "date", "regexp", "map", "set", "weakmap", "weakset",
  "promise", "arraybuffer", "sharedarraybuffer", "dataview", "null", "undefined", "arguments", "url", "urlsearchparams", "module",
]);

const isTaken = (tag) => typeof tag === "string" && (TAGS.has(tag.toLowerCase()) || /^Temporal\./.test(tag));

/** Whether a symbol of the registry is one that assertion libraries look for. */
export const isForMatchers = (key) => typeof key !== "string" || /matcher|jest|vitest|vi:|chai/i.test(key);

/** Calls `refuse(what)`, which throws, for a property that judges; a getter of a tag is looked at whenever it is asked. */
export function examine(name, shape, refuse) {
  if (JUDGING.has(name) || (typeof name === "string" && SENTINEL.test(name))) refuse(`the property ${String(name)}`);
  const accessor = shape.get !== undefined || shape.set !== undefined;
  // Equalities compare constructors before anything else: a getter could have another answer for each that asks.
  if (name === "constructor" && (accessor || nameOf.has(shape.value))) refuse("the property constructor");
  if (name !== Symbol.toStringTag) return;
  if (isTaken(shape.value)) refuse("the property Symbol.toStringTag");
  const { get } = shape;
  if (get === undefined) return;
  shape.get = function () {
    const tag = get.call(this);
    if (isTaken(tag)) refuse("the property Symbol.toStringTag");
    return tag;
  };
}
