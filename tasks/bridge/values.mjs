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

const OBJECTS_LIMIT = 200_000;
/**
 * How many objects are looked at with every message: the last that crossed, fewer of them in tests that send very many messages. Of the
 * others, which have not been spoken of for long, some are looked at in turn.
 */
const WATCHED_LIMIT = 512;
const WATCHED_LATER = 48;
const LATER = 4000;
const OTHERS_EACH_TIME = 16;
const HOLE = Symbol("hole");
const HERE = process.cwd();
const FUNCTION_KEYS = new Set(["length", "name", "prototype", "arguments", "caller"]);
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
  #watched = new Set();
  #others = [];
  #turn = 0;
  #messages = 0;
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
    for (const key of this.#toLookAt()) {
      const { object, kind, before } = this.#records.get(key);
      if (before !== undefined && !unchanged(object, kind, before)) {
        nodes.push(this.#describe(key));
        describe();
      }
    }
    return nodes;
  }

  #toLookAt() {
    const keys = [...this.#watched];
    this.#messages += 1;
    const limit = this.#messages > LATER ? WATCHED_LATER : WATCHED_LIMIT;
    for (const key of keys) {
      if (this.#watched.size <= limit) break;
      this.#watched.delete(key);
      this.#setAside(key);
    }
    for (let count = Math.min(OTHERS_EACH_TIME, this.#others.length); count > 0; count -= 1) {
      this.#turn = (this.#turn + 1) % this.#others.length;
      keys.push(this.#others[this.#turn]);
    }
    return keys;
  }

  /** An object that crosses is looked at from now on. One that is frozen cannot change, and a function hardly does. */
  #watch(key, record) {
    const { before, kind } = record;
    if (before === undefined || (before.fixed === 2 && (kind === "obj" || kind === "arr" || kind === "fn"))) return;
    if (kind === "fn" && !record.class) return this.#setAside(key);
    this.#watched.delete(key);
    this.#watched.add(key);
    return undefined;
  }

  /** Among the others, once, however often it comes and goes. */
  #setAside(key) {
    const record = this.#records.get(key);
    if (!record.aside) this.#others.push(key);
    record.aside = true;
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
      this.#watch(known, this.#records.get(known));
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
          this.#watch(key, record);
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
    this.#watch(key, record);
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
    this.#watch(-key, record);
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
        return createView(String(node.v[0]), Buffer.from(node.y, "base64"));
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
    this.#watch(key, record);
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

/** The own keys that are mirrored as properties. */
function ownKeys(object, kind) {
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
function snapshot(object, kind) {
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
function unchanged(object, kind, before) {
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

function equalProperties(there, shape) {
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

function createView(name, bytes) {
  const type = VIEWS.get(name);
  if (type === undefined) throw new BridgeError("the other process sent a view that is not known");
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return new type(buffer);
}
