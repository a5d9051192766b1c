// What an equality is to compare, read once: a value of the source that is asked again, between one comparison and the next, could answer
// otherwise, and could empty the very list that is gone through. One that contradicts what it is is not compared at all.
import { isArgumentsObject, isMap, isNativeError, isProxy, isSet } from "node:util/types";
import { prototypeFor, shadowIn } from "./shadows.mjs";

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, setPrototypeOf } = Reflect;
const RealError = Error;
const RealMap = Map;
const RealSet = Set;
const eachOfMap = Map.prototype.forEach;
const eachOfSet = Set.prototype.forEach;
const { get: copied, set: keep } = Map.prototype;
const { set: put } = Map.prototype;
const { add } = Set.prototype;
const isArray = Array.isArray;
const hasText = Object.prototype.toString;
const { toStringTag } = Symbol;
const everything = Object.prototype;

/** The value, or a copy with the same prototypes; `copies` are those already made. Throws where it has what `shadows.mjs` looks for. */
export function once(value, copies, judgement) {
  if (typeof value !== "object" || value === null) return value;
  const known = apply(copied, copies, [value]);
  if (known !== undefined) return known;
  const shadow = isProxy(value) ? undefined : shadowIn(value, judgement);
  if (shadow !== undefined) throw new TypeError(`an object that has ${String(shadow)} of its own cannot be compared`);
  const copy = emptyOf(value);
  apply(keep, copies, [value, copy]);
  if (copy === value) return value;
  const part = (item) => once(item, copies, judgement);
  let length = 0;
  if (isArray(value)) {
    length = value.length;
    copy.length = length;
  } else if (isMap(value)) apply(eachOfMap, value, [(item, key) => apply(put, copy, [part(key), part(item)])]);
  else if (isSet(value)) apply(eachOfSet, value, [(item) => apply(add, copy, [part(item)])]);
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i];
    if (isArray(value) && (key === "length" || (typeof key === "string" && key >>> 0 >= length && String(key >>> 0) === key))) continue;
    const property = getOwnPropertyDescriptor(value, key);
    if (property === undefined) continue;
    const isAsked = property.enumerable || "value" in property || isNativeError(value);
    defineProperty(copy, key, isAsked ? { value: part(value[key]), enumerable: property.enumerable, writable: true, configurable: true } : property);
  }
  setPrototypeOf(copy, getPrototypeOf(value));
  return copy;
}

/** What its copy begins as. What has hidden state of another kind is no copy's to have, and stays what it is. */
function emptyOf(value) {
  if (isArray(value)) return [];
  if (isMap(value)) return new RealMap();
  if (isSet(value)) return new RealSet();
  if (isNativeError(value)) return withoutOwn(new RealError());
  if (isProxy(value) || isArgumentsObject(value) || prototypeFor(value) !== undefined) return value;
  const prototype = getPrototypeOf(value);
  return prototype === null || prototype === everything || (value[toStringTag] === undefined && apply(hasText, value, []) === "[object Object]") ? {} : value;
}

function withoutOwn(made) {
  const keys = ownKeys(made);
  for (let i = 0; i < keys.length; i += 1) delete made[keys[i]];
  return made;
}
