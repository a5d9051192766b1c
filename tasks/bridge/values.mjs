// Values that live in two processes at once: the tests' and that of the source under test.
//
// An object that crosses is mirrored: the other side gets one of the same kind, prototype and properties, under a key that both know. With
// every message go the objects that are new and those that changed since both sides last agreed, so that what one side writes into an
// argument, a result or an instance's public field the other reads there. Functions and classes become stubs that call home; so private
// fields, closures and methods stay where they are. What cannot be mirrored (generators, iterators, objects with hidden state of Node) is
// called method by method.
//
// The tests' side trusts nothing that it receives: it takes data, and functions that it can call over the channel, but never a name outside
// of `intrinsics.accepted`, never a change to its own functions and prototypes, and never a property by which an assertion library asks a
// value for its own verdict.
import { inspect, types } from "node:util";
import { intrinsic, intrinsicName, nameOf, slotless } from "./intrinsics.mjs";
import { examine, isForMatchers } from "./judging.mjs";
import { reachedBy, shadowIn } from "./shadows.mjs";
import { createView, equalProperties, HOLE, ownKeys, snapshot, unchanged } from "./snapshots.mjs";
import { Watchlist } from "./watchlist.mjs";

const OBJECTS_LIMIT = 200_000;
const HERE = process.cwd();
const ITERATOR_METHODS = ["next", "return", "throw"];
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } = Object;
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
const isClass = (value) => /^class\b/.test(Function.prototype.toString.call(value));
const isPrototype = (object) => getOwnPropertyDescriptor(object, "constructor")?.value?.prototype === object;
const wellKnown = new Map();
const symbolOf = new Map();
for (const name of Reflect.ownKeys(Symbol)) {
  if (typeof Symbol[name] !== "symbol") continue;
  wellKnown.set(Symbol[name], name);
  symbolOf.set(name, Symbol[name]);
}
/** The other process is gone, or sent what it must not: nothing more comes from it. */
export class BridgeError extends Error {
  name = "BridgeError";
}

/** A value of this side cannot cross: the fault of neither, but these tests cannot be run apart from their source. */
export class CannotCrossError extends Error {
  name = "CannotCrossError";
}

export class Mirrors {
  #trusted;
  #remote;
  #next = 0;
  /** By key: positive for this side's own objects and symbols, negative for the mirrors of the other's. */
  #records = new Map();
  #keys = new Map();
  #fresh = [];
  #watchlist = new Watchlist();
  #settlers = new Map();
  #awaited = new Map();
  #controllers = new Map();
  #watchers = new Map();
  /** Mirrors that others inherit from. */
  #inherited = new WeakSet();
  #still = 0;
  #later = [];

  /**
   * `remote` does what stubs ask for: call(key, self, args), construct(key, args, target), invoke(key, name, args), and is told of
   * settled(key, ok, value) for this side's promises; on the source's side of aborted(key, reason) for its signals, and with
   * listening(signal, key) of a mirror of the tests' whose listeners belong on the original.
   */
  constructor(remote, { trusted }) {
    this.#remote = remote;
    this.#trusted = trusted;
  }

  /** Whether a promise of this side's has settled of which the other side is to hear in one of the next microtasks. */
  get hasSettled() {
    for (const promise of this.#awaited.values()) {
      if (!inspect(promise, { depth: 0, customInspect: false }).includes("<pending>")) return true;
    }
    return false;
  }

  // ---- out ----

  encode(value) {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "undefined":
        return ["u"];
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0) ? value : ["n", Object.is(value, -0) ? "-0" : String(value)];
      case "bigint":
        return ["b", String(value)];
      case "symbol":
        return this.#encodeSymbol(value);
      default:
        return value === null ? null : this.#encodeObject(value);
    }
  }

  /** What the other side must know before it reads what was encoded: the nodes of new and of changed objects. */
  changes() {
    const nodes = [];
    const describe = () => {
      for (let key = this.#fresh.shift(); key !== undefined; key = this.#fresh.shift()) nodes.push(this.#describe(key));
    };
    describe();
    for (const [key, { object, kind, before }] of this.#watchlist.next()) {
      if (before !== undefined && !unchanged(object, kind, before)) {
        nodes.push(this.#describe(key));
        describe();
      }
    }
    return nodes;
  }

  #encodeSymbol(symbol) {
    if (wellKnown.has(symbol)) return ["w", wellKnown.get(symbol)];
    const registered = Symbol.keyFor(symbol);
    if (registered !== undefined) return ["k", registered];
    let key = this.#keys.get(symbol);
    if (key === undefined) key = this.#register(symbol, "sym");
    return ["r", key];
  }

  #encodeObject(object) {
    const known = this.#keys.get(object);
    if (known !== undefined) {
      this.#watchlist.add(known, this.#records.get(known));
      return ["r", known];
    }
    const name = intrinsicName(object);
    if (name !== undefined) return ["i", name];
    if (object instanceof URL) return ["url", object.href];
    if (object instanceof URLSearchParams) return ["usp", String(object)];
    return ["r", this.#register(object, this.#kindOf(object))];
  }

  #register(object, kind) {
    if (this.#records.size >= OBJECTS_LIMIT) throw new CannotCrossError("too many objects are shared by the tests and their source");
    this.#next += 1;
    this.#records.set(this.#next, { object, kind });
    this.#keys.set(object, this.#next);
    this.#fresh.push(this.#next);
    return this.#next;
  }

  #kindOf(object) {
    if (typeof object === "function") return "fn";
    if (Array.isArray(object)) return "arr";
    if (types.isNativeError(object)) return "err";
    if (types.isMap(object)) return "map";
    if (types.isSet(object)) return "set";
    if (types.isDate(object)) return "date";
    if (types.isRegExp(object)) return "re";
    if (types.isPromise(object)) return "prom";
    if (types.isBoxedPrimitive(object)) return "box";
    if (types.isModuleNamespaceObject(object)) return "ns";
    if (ArrayBuffer.isView(object)) return "view";
    if (types.isAnyArrayBuffer(object)) return "buf";
    if (object instanceof AbortSignal) return "sig";
    if (object instanceof DOMException) return "dom";
    if (types.isProxy(object) || isPrototype(object)) return "obj";
    for (let at = getPrototypeOf(object); at !== null; at = getPrototypeOf(at)) {
      if (nameOf.has(at) && !slotless.has(at)) {
        const iterates = types.isGeneratorObject(object) || typeof object.next === "function";
        if (this.#trusted && !iterates) throw new CannotCrossError(`an object of ${nameOf.get(at)} cannot cross to the source`);
        return "rem";
      }
    }
    return "obj";
  }

  #describe(key) {
    const record = this.#records.get(key);
    const { object, kind } = record;
    const node = { r: key, k: kind };
    switch (kind) {
      case "sym":
        node.d = object.description;
        return node;
      case "prom":
        if (key > 0 && !record.awaited) {
          record.awaited = true;
          this.#awaited.set(key, object);
          const settled = (ok) => (value) => {
            this.#awaited.delete(key);
            this.#remote.settled(key, ok, value);
          };
          Promise.prototype.then.call(object, settled(true), settled(false));
        }
        break;
      case "sig":
        node.aborted = object.aborted;
        record.before = undefined;
        if (object.aborted) node.reason = this.encode(object.reason);
        else if (this.#trusted) {
          record.before = { aborted: false };
          this.#watchlist.add(key, record);
        } else if (key > 0 && !record.awaited) {
          record.awaited = true;
          object.addEventListener("abort", () => this.#remote.aborted(key, object.reason), { once: true });
        }
        return node;
      case "dom":
        node.v = [object.message, object.name];
        return node;
      case "fn":
        this.#describeFunction(object, node);
        break;
      case "rem":
        if (key > 0) node.m = this.#methods(object).map((name) => this.encode(name));
        break;
      default:
        break;
    }
    const now = snapshot(object, kind);
    // A function of a test is something to call; what a mock keeps on itself is the test's own.
    const bare = this.#trusted && key > 0 && kind === "fn" && !isClass(object);
    record.before = bare ? undefined : now;
    record.class = node.c === 2;
    this.#watchlist.add(key, record);
    node.p = now.proto === null ? null : this.encode(now.proto);
    if (now.fixed) node.x = now.fixed;
    if (now.items !== undefined) node.i = now.items.map((item) => (item === HOLE ? ["h"] : this.encode(item)));
    if (now.bytes !== undefined) node.y = Buffer.from(now.bytes).toString("base64");
    if (now.value !== undefined) node.v = now.value.map((value) => this.encode(value));
    node.o = bare ? [] : this.#describeProperties(now.properties);
    return node;
  }

  #describeProperties(properties) {
    const described = [];
    for (let at = 0; at < properties.length; at += 4) {
      const [key, given, setter, flags] = properties.slice(at, at + 4);
      // A runner that shows an error looks for the files of its stack, which the tests' user cannot read.
      const value = key === "stack" && typeof given === "string" && !this.#trusted ? given.replaceAll(`${HERE}/`, "source:") : given;
      const accessor = flags & 8;
      described.push(
        accessor
          ? [this.encode(key), this.encode(value), flags, this.encode(setter)]
          : flags === 7
            ? [this.encode(key), this.encode(value)]
            : [this.encode(key), this.encode(value), flags],
      );
    }
    return described;
  }

  #describeFunction(object, node) {
    node.n = String(getOwnPropertyDescriptor(object, "name")?.value ?? "");
    node.l = Number(getOwnPropertyDescriptor(object, "length")?.value ?? 0);
    node.c = isClass(object) ? 2 : 0;
    const prototype = getOwnPropertyDescriptor(object, "prototype")?.value;
    if (!isObject(prototype)) return;
    node.t = this.encode(prototype);
    if (types.isGeneratorFunction(object) || types.isAsyncFunction(object)) return; // what its generators inherit from
    if (node.c === 0) node.c = 1;
    const own = this.#records.get(this.#keys.get(prototype));
    if (own !== undefined) own.prototype = true;
  }

  #methods(object) {
    if (this.#trusted) return ITERATOR_METHODS.filter((name) => typeof object[name] === "function");
    const names = new Set();
    for (let at = object; at !== null && at !== Object.prototype; at = getPrototypeOf(at)) {
      for (const name of Reflect.ownKeys(at)) {
        if (name === "constructor" || name === "__proto__") continue;
        const property = getOwnPropertyDescriptor(at, name);
        if (typeof property.value === "function" || (at !== object && property.get)) names.add(name);
      }
    }
    return [...names];
  }

  // ---- in ----

  decode(word) {
    if (!Array.isArray(word)) return isObject(word) ? this.#refuse("a value that cannot be read") : word;
    const [kind, what] = word;
    switch (kind) {
      case "u":
        return undefined;
      case "n":
        return Number(what);
      case "b":
        return BigInt(what);
      case "w":
        return symbolOf.get(what) ?? this.#refuse("a symbol that is not known");
      case "k":
        if (this.#trusted && isForMatchers(what)) return this.#refuse(`the symbol ${what}`);
        return Symbol.for(what);
      case "url":
        return new URL(what);
      case "usp":
        return new URLSearchParams(what);
      case "i": {
        const found = intrinsic(what, { anything: !this.#trusted });
        return found === undefined ? this.#refuse(`the intrinsic ${what}`) : found;
      }
      case "r":
        return this.record(what).object;
      default:
        return this.#refuse("a value that cannot be read");
    }
  }

  /** The record of an object by the key that the other side sent. */
  record(key) {
    const record = this.#records.get(-key);
    if (record === undefined) return this.#refuse("an object that is not known");
    this.#watchlist.add(-key, record);
    return record;
  }

  /** Whether it is a function of the other side. */
  isStub(value) {
    return typeof value === "function" && this.#keys.get(value) < 0;
  }

  /** One of this side's functions, by the key that the other side sent. */
  ownFunction(key) {
    const record = this.record(key);
    return -key > 0 && record.kind === "fn" ? record.object : this.#refuse("a function that is not known");
  }

  /** One of this side's signals, by the key that the other side sent. */
  ownSignal(key) {
    const record = this.record(key);
    return -key > 0 && record.kind === "sig" ? record.object : this.#refuse("a signal that is not known");
  }

  /** One of this side's objects whose methods are called one by one. */
  ownRemote(key, name) {
    const record = this.record(key);
    if (-key < 0 || record.kind !== "rem") return this.#refuse("an object that is not called so");
    if (this.#trusted && !ITERATOR_METHODS.includes(name)) return this.#refuse(`the method ${String(name)}`);
    return record.object;
  }

  /** Takes what `changes` of the other side gave: all of it, or nothing is taken of it any more. */
  apply(nodes) {
    this.#whole(() => {
      const created = new Set();
      for (const node of nodes) {
        const key = -node.r;
        if (!this.#records.has(key)) {
          if (key > 0 || !Number.isInteger(key)) this.#refuse("an object that is not its own");
          if (this.#records.size >= OBJECTS_LIMIT) throw new BridgeError("too many objects are shared by the tests and their source");
          const object = this.#create(node, key);
          this.#records.set(key, { object, kind: node.k });
          this.#keys.set(object, key);
          created.add(key);
        }
      }
      const isLate = (node) => this.#still > 0 && !created.has(-node.r);
      this.#later.push(...nodes.filter(isLate));
      this.#take(
        nodes.filter((node) => !isLate(node)),
        created,
      );
    });
  }

  /** What was taken of a frame that could not be read to its end was not looked at to its end either. */
  #whole(action) {
    try {
      action();
    } catch (error) {
      if (error instanceof BridgeError || !this.#trusted) throw error;
      this.#refuse(`what cannot be read (${error.message})`);
    }
  }

  /** Whatever the other side changes while `action` runs of what both know is changed afterwards: what is compared stands still. */
  still(action) {
    this.#still += 1;
    try {
      return action();
    } finally {
      this.#still -= 1;
      if (this.#still === 0 && this.#later.length > 0) this.#whole(() => this.#take(this.#later.splice(0), new Set()));
    }
  }

  #take(nodes, created) {
    for (const node of nodes) this.#fill(node, -node.r);
    if (this.#trusted) this.#refuseShadows(nodes, created);
    for (const node of nodes) this.#watchers.get(-node.r)?.();
  }

  /** Of the objects that are new or another; and of all, where one changed that others may inherit from. */
  #refuseShadows(nodes, created) {
    let keys = nodes.map((node) => -node.r);
    if (keys.some((key) => !created.has(key) && this.#inherited.has(this.#records.get(key).object))) keys = [...this.#records.keys()];
    for (const key of keys) {
      const { object, kind } = this.#records.get(key);
      if (kind === "sym" || kind === "fn" || kind === "dom" || kind === "sig" || this.#isOurs(object)) continue;
      for (let at = getPrototypeOf(object); at !== null && !nameOf.has(at); at = getPrototypeOf(at)) this.#inherited.add(at);
      const shadow = shadowIn(object, { isOurs: (at) => this.#isOurs(at) });
      if (shadow !== undefined) this.#refuse(`an object that has ${String(shadow)} of its own`);
    }
  }

  /** Whether neither what it has nor what it inherits is the other side's to say. */
  #isOurs(object) {
    const key = this.#keys.get(object);
    return nameOf.has(object) || key === undefined || (key > 0 && (this.#records.get(key).kind === "fn" || this.#records.get(key).prototype === true));
  }

  /** What in a value could deceive an equality that does not look at constructors, or undefined. */
  deceptionIn(value) {
    for (const object of reachedBy(value)) {
      if (this.#isOurs(object)) continue;
      const shadow = shadowIn(object, { isOurs: (at) => this.#isOurs(at), everywhere: true });
      if (shadow !== undefined) return String(shadow);
    }
    return undefined;
  }

  /** The other side's word on a promise of its own. */
  settle(key, ok, value) {
    const settler = this.#settlers.get(-key);
    this.#settlers.delete(-key);
    if (settler) ok ? settler.resolve(value) : settler.reject(value);
  }

  abort(key, reason) {
    this.#controllers.get(-key)?.abort(reason);
  }

  /** Calls `changed` after every change of a mirror by the other side. */
  watch(object, changed) {
    this.#watchers.set(this.#keys.get(object), changed);
  }

  #create(node, key) {
    switch (node.k) {
      case "sym":
        return Symbol(node.d);
      case "fn":
        return this.#stub(node, key);
      case "arr":
        return [];
      case "err":
        return new Error();
      case "map":
        return new Map();
      case "set":
        return new Set();
      case "date":
        return new Date(Number(this.decode(node.v[0])));
      case "re":
        return new RegExp(String(node.v[0]), String(node.v[1]));
      case "box": {
        const value = this.decode(node.v[0]);
        if (isObject(value)) return this.#refuse("a box around an object"); // which would be that object itself, and the source's to fill
        return Object(value);
      }
      case "dom":
        return new DOMException(String(node.v[0]), String(node.v[1]));
      case "buf":
        return new Uint8Array(Buffer.from(node.y, "base64")).buffer;
      case "view":
        return createView(String(node.v[0]), Buffer.from(node.y, "base64")) ?? this.#refuse("a view that is not known");
      case "prom": {
        const settler = Promise.withResolvers();
        settler.promise.catch(() => {}); // whoever waits for it hears of it
        this.#settlers.set(key, settler);
        return settler.promise;
      }
      case "sig": {
        const controller = new AbortController();
        this.#controllers.set(key, controller);
        if (!this.#trusted) this.#remote.listening(controller.signal, key);
        return controller.signal;
      }
      case "obj":
      case "rem":
      case "ns":
        return {};
      default:
        return this.#refuse("an object of a kind that is not known");
    }
  }

  #stub(node, key) {
    const remote = this.#remote;
    let stub;
    if (node.c) {
      const mustBeNew = node.c === 2;
      stub = function (...args) {
        if (new.target !== undefined) return remote.construct(key, args, new.target === stub ? undefined : new.target);
        if (mustBeNew) throw new TypeError(`Class constructor ${node.n} cannot be invoked without 'new'`);
        return remote.call(key, this, args);
      };
    } else {
      stub = {
        method(...args) {
          return remote.call(key, this, args);
        },
      }.method;
    }
    defineProperty(stub, "name", { value: String(node.n), configurable: true });
    defineProperty(stub, "length", { value: Number(node.l), configurable: true });
    return stub;
  }

  #fill(node, key) {
    const record = this.#records.get(key);
    const { object, kind } = record;
    if (kind === "sym" || kind === "dom") return;
    if (kind === "sig") {
      if (node.aborted) this.abort(node.r, this.decode(node.reason));
      return;
    }
    // Functions and prototypes of the tests are theirs.
    if (this.#trusted && key > 0 && (kind === "fn" || record.prototype)) return;
    const prototype = this.decode(node.p);
    if (kind === "fn" && node.t !== undefined && key < 0) {
      const made = this.decode(node.t);
      if (this.#trusted && made === Object.prototype) this.#refuse("a class of which everything is an instance");
      defineProperty(object, "prototype", { value: made, writable: node.c !== 2, configurable: false, enumerable: false });
    }
    if (kind !== "ns" && getPrototypeOf(object) !== prototype) setPrototypeOf(object, prototype);
    this.#fillItems(node, object, kind);
    this.#fillProperties(node, object, kind);
    if (kind === "rem" && key < 0) this.#fillMethods(node, object, key);
    if (node.x === 2) Object.freeze(object);
    else if (node.x === 1) Object.preventExtensions(object);
    record.before = kind === "prom" && node.o.length === 0 ? undefined : snapshot(object, kind);
    if (kind === "fn") record.class = node.c === 2;
    this.#watchlist.add(key, record);
  }

  #fillItems(node, object, kind) {
    if (kind === "date") object.setTime(Number(this.decode(node.v[0])));
    if (kind === "re") object.lastIndex = Number(node.v[2]);
    if (kind === "buf" || kind === "view") {
      const bytes = Buffer.from(node.y, "base64");
      const target = kind === "buf" ? new Uint8Array(object) : new Uint8Array(object.buffer, object.byteOffset, object.byteLength);
      if (bytes.length === target.length) target.set(bytes);
    }
    if (node.i === undefined) return;
    const items = node.i;
    if (kind === "arr") {
      if (Object.isFrozen(object)) return;
      object.length = items.length;
      items.forEach((item, index) => {
        if (Array.isArray(item) && item[0] === "h") delete object[index];
        else defineProperty(object, index, { value: this.decode(item), writable: true, enumerable: true, configurable: true });
      });
    } else if (kind === "map") {
      Map.prototype.clear.call(object);
      for (let at = 0; at < items.length; at += 2) Map.prototype.set.call(object, this.decode(items[at]), this.decode(items[at + 1]));
    } else if (kind === "set") {
      Set.prototype.clear.call(object);
      for (const item of items) Set.prototype.add.call(object, this.decode(item));
    }
  }

  #fillProperties(node, object, kind) {
    const kept = new Set();
    for (const [word, value, flags = 7, setter] of node.o) {
      const name = this.#name(word);
      kept.add(name);
      const shape = { configurable: Boolean(flags & 4), enumerable: Boolean(flags & 2) };
      if (flags & 8) Object.assign(shape, { get: this.#accessor(value), set: this.#accessor(setter) });
      else Object.assign(shape, { value: this.decode(value), writable: Boolean(flags & 1) });
      if (this.#trusted) examine(name, shape, (what) => this.#refuse(what));
      const there = getOwnPropertyDescriptor(object, name);
      if (there !== undefined && equalProperties(there, shape)) continue;
      Reflect.defineProperty(object, name, shape);
    }
    for (const name of ownKeys(object, kind)) {
      if (!kept.has(name)) Reflect.deleteProperty(object, name);
    }
  }

  /** Nothing that becomes a name only where it is used as one, after it was looked at. */
  #name(word) {
    const name = this.decode(word);
    return typeof name === "string" || typeof name === "symbol" ? name : this.#refuse("a name that is none");
  }

  #accessor(word) {
    const found = this.decode(word);
    return found === undefined || typeof found === "function" ? found : this.#refuse("an accessor that is no function");
  }

  #fillMethods(node, object, key) {
    for (const word of node.m) {
      const name = this.#name(word);
      if (this.#trusted) examine(name, {}, (what) => this.#refuse(what));
      const value = (...args) => this.#remote.invoke(key, name, args);
      Reflect.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
    }
  }

  #refuse(what) {
    throw new BridgeError(`the other process sent ${what}`);
  }
}
