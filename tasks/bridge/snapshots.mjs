// What an object is at a moment, so that what changed of it since can be told: its prototype, properties, items, bytes, and whether it can
// still change. Not deeper than itself.
import { types } from "node:util";

/** In place of an item that an array does not have. */
export const HOLE = Symbol("hole");
const FUNCTION_KEYS = new Set(["length", "name", "prototype", "arguments", "caller"]);
const { getOwnPropertyDescriptor, getPrototypeOf } = Object;

/** The own keys that are mirrored as properties. */
export function ownKeys(object, kind) {
  const keys = Reflect.ownKeys(object);
  switch (kind) {
    case "fn":
      return keys.filter((key) => !FUNCTION_KEYS.has(key));
    case "arr":
      return keys.length === object.length + 1 ? [] : keys.filter((key) => key !== "length" && !isIndex(key));
    case "view":
      return [];
    case "ns":
    case "prom": // on which Node keeps symbols of its own
      return keys.filter((key) => typeof key === "string");
    case "re":
      return keys.filter((key) => key !== "lastIndex");
    case "box":
      return typeof object.valueOf() === "string" ? keys.filter((key) => key !== "length" && !isIndex(key)) : keys;
    case "rem":
      return keys.filter((key) => typeof getOwnPropertyDescriptor(object, key).value !== "function");
    default:
      return keys;
  }
}

const isIndex = (key) => typeof key === "string" && /^(?:0|[1-9]\d*)$/.test(key);

/** All that is mirrored of an object at this moment, not deeper than itself. */
export function snapshot(object, kind) {
  const now = { proto: kind === "ns" ? null : getPrototypeOf(object), fixed: 0, keys: 0, properties: [], items: undefined, bytes: undefined, value: undefined };
  if (kind !== "ns" && !Object.isExtensible(object)) now.fixed = Object.isFrozen(object) ? 2 : 1;
  switch (kind) {
    case "arr":
      now.items = Array.from({ length: object.length }, (_, index) => (index in object ? object[index] : HOLE));
      break;
    case "map":
      now.items = [];
      Map.prototype.forEach.call(object, (value, key) => now.items.push(key, value));
      break;
    case "set":
      now.items = [];
      Set.prototype.forEach.call(object, (value) => now.items.push(value));
      break;
    case "date":
      now.value = [Date.prototype.getTime.call(object)];
      break;
    case "re":
      now.value = [object.source, object.flags, object.lastIndex];
      break;
    case "box":
      now.value = [object.valueOf()];
      break;
    case "buf":
      now.bytes = new Uint8Array(object).slice();
      break;
    case "view":
      now.bytes = new Uint8Array(object.buffer, object.byteOffset, object.byteLength).slice();
      now.value = [viewName(object)];
      break;
    default:
      break;
  }
  if (kind !== "arr" && kind !== "view") now.keys = Reflect.ownKeys(object).length;
  for (const key of ownKeys(object, kind)) {
    const property = getOwnPropertyDescriptor(object, key);
    if (property === undefined) continue;
    let flags = (property.enumerable ? 2 : 0) | (property.configurable ? 4 : 0);
    if (kind === "err" && key === "stack") now.properties.push(key, String(object.stack), undefined, 1 | 4);
    else if ("value" in property) now.properties.push(key, property.value, undefined, flags | (property.writable ? 1 : 0));
    else {
      flags |= 8;
      now.properties.push(key, property.get, property.set, flags);
    }
  }
  return now;
}

/** Whether an object is as both sides know it. Asked of every object with every message, so it makes nothing. */
export function unchanged(object, kind, before) {
  if (kind === "sig") return object.aborted === before.aborted;
  if (kind !== "ns" && getPrototypeOf(object) !== before.proto) return false;
  if (Object.isExtensible(object) !== (before.fixed === 0) && kind !== "ns") return false;
  if (!unchangedItems(object, kind, before)) return false;
  if (before.fixed === 2) return true;
  // A name that is new on an array is not looked for: that would list its indices.
  if (kind !== "arr" && kind !== "view" && Reflect.ownKeys(object).length !== before.keys) return false;
  const { properties } = before;
  for (let at = 0; at < properties.length; at += 4) {
    const key = properties[at];
    if (properties[at + 3] & 8) {
      const property = getOwnPropertyDescriptor(object, key);
      if (property === undefined || property.get !== properties[at + 1] || property.set !== properties[at + 2]) return false;
    } else if (!Object.is(object[key], properties[at + 1]) && !(kind === "err" && key === "stack")) return false;
  }
  return true;
}

function unchangedItems(object, kind, before) {
  const { items } = before;
  let at = 0;
  switch (kind) {
    case "arr":
      if (object.length !== items.length) return false;
      for (; at < items.length; at += 1) {
        if (!Object.is(object[at], items[at]) && !(items[at] === HOLE && !(at in object))) return false;
      }
      return true;
    case "map":
    case "set": {
      const now = snapshot(object, kind).items;
      return now.length === items.length && now.every((item, index) => Object.is(item, items[index]));
    }
    case "date":
    case "re":
    case "box":
      return snapshot(object, kind).value.every((value, index) => Object.is(value, before.value[index]));
    case "buf":
    case "view":
      return Buffer.compare(before.bytes, snapshot(object, kind).bytes) === 0;
    default:
      return true;
  }
}

/** Whether a property is as it is to be. */
export function equalProperties(there, shape) {
  return (
    there.configurable === shape.configurable &&
    there.enumerable === shape.enumerable &&
    there.writable === shape.writable &&
    there.get === shape.get &&
    there.set === shape.set &&
    Object.is(there.value, shape.value)
  );
}

const VIEWS = new Map(
  [DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array].map(
    (type) => [type.name, type],
  ),
);

function viewName(object) {
  return types.isDataView(object) ? "DataView" : Object.getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get.call(object);
}

/** A view of a copy of the bytes; undefined where there is none of this name. */
export function createView(name, bytes) {
  const type = VIEWS.get(name);
  if (type === undefined) return undefined;
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return new type(buffer);
}
