// The assertions of the tests, which judge what is thrown without asking the source. The source has its own, in `source-assert.mjs`: whether a
// function is taken for one of the tests' would tell it what stands in them.
import assert from "node:assert";
import { isProxy } from "node:util/types";
import { once } from "./once.mjs";

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const everything = Object.prototype;
const errors = Error.prototype;
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

function descends(value, prototype) {
  for (let at = value; isObject(at) && !isProxy(at); ) {
    at = getPrototypeOf(at);
    if (at === prototype) return true;
  }
  return false;
}

/**
 * From then on the deep equalities compare what they were given as it was read once. `throws` and `rejects` judge by prototypes where a class is
 * expected, and by a function only where `isOfTests(function)`: a class of the source is never called, and never asked.
 */
export function judgeByPrototypes(isOfTests) {
  const loose = new Set([assert.deepEqual, assert.notDeepEqual, assert.partialDeepStrictEqual]);
  const isOurs = (prototype) => {
    const made = getOwnPropertyDescriptor(prototype, "constructor")?.value;
    return typeof made === "function" && getOwnPropertyDescriptor(made, "prototype")?.value === prototype && isOfTests(made);
  };
  const judged = (expected) => {
    if (typeof expected !== "function") return expected;
    const prototype = isProxy(expected) ? undefined : getOwnPropertyDescriptor(expected, "prototype")?.value;
    const isError = isObject(prototype) && (prototype === errors || descends(prototype, errors));
    if (!isError && isOfTests(expected)) return expected;
    return (error) => isObject(prototype) && prototype !== everything && descends(error, prototype);
  };
  for (const owner of new Set([assert, assert.strict, assert.Assert.prototype])) {
    for (const name of ["deepEqual", "notDeepEqual", "deepStrictEqual", "notDeepStrictEqual", "partialDeepStrictEqual"]) {
      const original = owner[name];
      const everywhere = loose.has(original);
      defineProperty(owner, name, {
        value: function compare(...args) {
          const copies = new Map();
          for (let i = 0; i < 2 && i < args.length; i += 1) args[i] = once(args[i], copies, { isOurs, everywhere });
          return apply(original, this, args);
        },
      });
    }
    for (const name of ["throws", "rejects"]) {
      const original = owner[name];
      defineProperty(owner, name, {
        value: function check(action, expected, ...more) {
          return apply(original, this, arguments.length < 2 ? [action] : [action, judged(expected), ...more]);
        },
      });
    }
  }
}
