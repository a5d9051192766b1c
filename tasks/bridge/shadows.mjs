// Whether an object contradicts what it is: a Set whose `size` is another's, a promise whose `then` calls nobody, an array with its own way to
// tell what it includes. Whoever compares such an object, or asks it for what is expected of it, has its word for it and nothing else.
//
// An object of a class that is a class of its own may: what it says of its constructor is then not what it is compared with, and the class's
// methods are what a test of it is about. Read by the bridge, and by the assertions of tests that share a process with their source.
import { types } from "node:util";

const { getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const has = Function.prototype.call.bind(Object.prototype.hasOwnProperty);
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

/** What gives a text of the object, which is compared itself. */
const TEXTS = ["constructor", "toString", "toLocaleString", "toJSON", Symbol.toStringTag];
const views = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array];
const view = getPrototypeOf(Uint8Array.prototype);
const buffers = [ArrayBuffer, SharedArrayBuffer, DataView];
const boxes = [Number, String, Boolean, BigInt, Symbol];

/** By prototype of the language, what is found there and nowhere below. */
const KEYS = new Map(
  [Array, Map, Set, Date, RegExp, Promise, ...views, ...buffers, ...boxes]
    .map(({ prototype }) => prototype)
    .concat(view)
    .map((prototype) => [prototype, ownKeys(prototype).filter((key) => !TEXTS.includes(key) && !(key === "length" && prototype !== view))]),
);
for (const { prototype } of views) KEYS.set(prototype, [...KEYS.get(prototype), ...KEYS.get(view)]);

/** What an equality reads that does not look at constructors. */
const READ = ["size", "has", "get", "keys", "values", "entries", "forEach", "length", "byteLength", "byteOffset", "buffer", Symbol.iterator];

/** The prototype of the language whose methods work on the object, or undefined. */
export function prototypeFor(object) {
  if (Array.isArray(object)) return Array.prototype;
  if (types.isMap(object)) return Map.prototype;
  if (types.isSet(object)) return Set.prototype;
  if (types.isDate(object)) return Date.prototype;
  if (types.isRegExp(object)) return RegExp.prototype;
  if (types.isPromise(object)) return Promise.prototype;
  if (types.isDataView(object)) return DataView.prototype;
  if (ArrayBuffer.isView(object)) return view;
  if (types.isArrayBuffer(object)) return ArrayBuffer.prototype;
  if (types.isSharedArrayBuffer(object)) return SharedArrayBuffer.prototype;
  if (!types.isBoxedPrimitive(object)) return undefined;
  if (types.isNumberObject(object)) return Number.prototype;
  if (types.isStringObject(object)) return String.prototype;
  if (types.isBooleanObject(object)) return Boolean.prototype;
  return types.isBigIntObject(object) ? BigInt.prototype : Symbol.prototype;
}

/**
 * The key of a property that stands in the way of the language's own, or undefined.
 *
 * `isOurs(object)` says that what is found from there on is nobody's to doubt. `everywhere`: also that of a class of its own, where an equality
 * reads it that does not look at constructors.
 */
export function shadowIn(object, { isOurs, everywhere = false }) {
  const own = prototypeFor(object);
  const prototypes = own === undefined ? [] : [own];
  const below = [];
  for (let at = object; at !== null && at !== Object.prototype; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) {
      if (at !== object && own !== undefined) return "whatever is asked for"; // it is what the proxy says it is
      break;
    }
    if (KEYS.has(at)) {
      prototypes.push(at);
      break;
    }
    if (at !== object && isOurs(at)) break;
    below.push(at);
  }
  if (prototypes.length === 0) return undefined;
  const keys = prototypes.flatMap((prototype) => KEYS.get(prototype)).filter((key) => !everywhere || READ.includes(key));
  for (const at of below) {
    if (!everywhere && (at !== object || own === undefined) && isOfClass(at)) return undefined;
    for (const key of keys) if (has(at, key)) return key;
  }
  return undefined;
}

/** The object and all that an equality finds in it without a getter's doing. */
export function reachedBy(value) {
  const found = new Set();
  const waiting = [value];
  while (waiting.length > 0) {
    const object = waiting.pop();
    if (!isObject(object) || found.has(object)) continue;
    found.add(object);
    if (types.isProxy(object)) continue;
    if (types.isMap(object)) Map.prototype.forEach.call(object, (item, key) => waiting.push(key, item));
    if (types.isSet(object)) Set.prototype.forEach.call(object, (item) => waiting.push(item));
    if (ArrayBuffer.isView(object)) continue;
    for (const key of ownKeys(object)) {
      const property = getOwnPropertyDescriptor(object, key);
      if (property?.enumerable) waiting.push(property.value);
    }
  }
  return found;
}

/** Whether it is the prototype of a class or of a function that makes objects. */
function isOfClass(at) {
  const made = getOwnPropertyDescriptor(at, "constructor")?.value;
  return typeof made === "function" && !types.isProxy(made) && isObject(at) && getOwnPropertyDescriptor(made, "prototype")?.value === at;
}
