// The source's side of the bridge: a process that loads what the tests import of the repository and does what they ask of it.
//
// Nothing in here protects anybody: this process is the patch's. What it sends is judged where it arrives.
import fs from "node:fs";
import module from "node:module";
import nodeTimers from "node:timers";
import timersPromises from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Channel, ChannelEndedError } from "./channel.mjs";
import { guess, Stripped } from "./modules.mjs";
import { Mirrors } from "./values.mjs";

const channel = new Channel(process.argv[2], { first: false });
process.argv.length = 1;
process.umask(0); // what the source writes is the tests' to change and to remove
let requests = 0;
let seen = 0;
let serving = 0;
let timerCount = 0;
const timers = new Map();

const mirrors = new Mirrors(
  {
    call: (key, self, args) => ask((encode) => ({ op: "call", f: key, t: encode(self), a: args.map(encode) })),
    construct: (key, args, target) => ask((encode) => ({ op: "new", f: key, a: args.map(encode), t: encode(target) })),
    invoke: (key, name, args) => ask((encode) => ({ op: "invoke", f: key, m: encode(name), a: args.map(encode) })),
    settled: (key, ok, value) => send((encode) => ({ op: "settle", f: key, ok, v: encode(value) }), serving === 0),
    aborted: (key, reason) => ask((encode) => ({ op: "abort", f: key, v: encode(reason) })),
    listening,
  },
  { trusted: false },
);

function send(build, rung) {
  const frame = build((value) => mirrors.encode(value));
  frame.h = mirrors.changes();
  channel.send(frame, { rung });
}

/** A request to the tests' process, and its answer. Meanwhile they may ask for more. */
function ask(build) {
  requests += 1;
  const id = requests;
  send((encode) => ({ ...build(encode), id }), serving === 0);
  while (true) {
    const frame = take(channel.receive());
    if (frame.re === id) {
      const value = mirrors.decode(frame.v);
      if (frame.threw) throw value;
      return value;
    }
    serve(frame);
  }
}

function take(frame) {
  seen += 1;
  const asked = frame.re === undefined; // and the tests wait: what a signal's abortion sets off here is part of the call
  if (asked) serving += 1;
  try {
    mirrors.apply(frame.h);
    if (frame.g) replaceGlobals(frame.g);
  } finally {
    if (asked) serving -= 1;
  }
  return frame;
}

function serve(frame) {
  const decodeAll = (words) => words.map((word) => mirrors.decode(word));
  switch (frame.op) {
    case "call":
      return answer(frame, () => Reflect.apply(mirrors.record(frame.f).object, mirrors.decode(frame.t), decodeAll(frame.a)));
    case "new":
      return answer(frame, () => {
        const target = mirrors.record(frame.f).object;
        return Reflect.construct(target, decodeAll(frame.a), mirrors.decode(frame.t) ?? target);
      });
    case "invoke":
      return answer(frame, () => {
        const name = mirrors.decode(frame.m);
        return mirrors.record(frame.f).object[name](...decodeAll(frame.a));
      });
    case "fire":
      return answer(frame, () => {
        const run = timers.get(frame.timer);
        if (run) run();
      });
    case "settle":
      for (const { f, ok, v } of frame.all) mirrors.settle(f, ok, mirrors.decode(v));
      return whenDone(frame);
    case "release":
      return whenDone(frame);
    case "import":
      import(pathToFileURL(frame.file).href).then(
        (namespace) => answer(frame, () => namespace),
        (error) =>
          answer(frame, () => {
            throw error;
          }),
      );
      return undefined;
    default:
      return undefined;
  }
}

/** The answer is that nothing is left to do at once: after this turn of the event loop and all microtasks that follow on it. */
function whenDone(frame) {
  nativeImmediate(() => answer(frame, () => undefined));
}

const RELEASING = new Set(["release", "settle", "import"]);

/** Does what it is asked for, and nothing else, until it is released. */
function serveHeld(first) {
  channel.hold(false);
  for (let frame = take(first); ; frame = take(channel.receive())) {
    serve(frame);
    if (RELEASING.has(frame.op)) return;
  }
}

function answer(frame, action) {
  let value;
  let threw = false;
  serving += 1;
  try {
    value = action();
  } catch (error) {
    threw = true;
    value = error;
  }
  // While it is written down, getters and traps of the source run, and may call back.
  try {
    send((encode) => ({ re: frame.id, threw, v: encode(value) }), false);
  } finally {
    serving -= 1;
  }
}

/** Listeners on a signal of the tests are theirs to call. */
function listening(signal, key) {
  const forwards = new Map();
  const tell = (on, forward, once) => ask((encode) => ({ op: "listen", f: key, v: encode(forward), once, on }));
  const add = (type, listener, options) => {
    if (type !== "abort" || !listener || signal.aborted || forwards.has(listener)) return;
    const forward = () => {
      if (options?.once) forwards.delete(listener);
      const event = new Event("abort");
      if (typeof listener === "function") listener.call(signal, event);
      else listener.handleEvent(event);
    };
    forwards.set(listener, forward);
    tell(true, forward, Boolean(options?.once));
    options?.signal?.addEventListener("abort", () => remove(type, listener), { once: true });
  };
  const remove = (type, listener) => {
    const forward = forwards.get(listener);
    if (type !== "abort" || forward === undefined) return;
    forwards.delete(listener);
    tell(false, forward, false);
  };
  Object.defineProperty(signal, "addEventListener", { value: add, configurable: true, writable: true });
  Object.defineProperty(signal, "removeEventListener", { value: remove, configurable: true, writable: true });
}

// ---- the event loop is the tests': timers are theirs, and this process says when it has nothing more to do ----

class Timeout {
  #id;
  #alive = true;
  constructor(id) {
    this.#id = id;
  }
  get id() {
    return this.#id;
  }
  ref() {
    this.#alive = true;
    ask(() => ({ op: "clear", timer: this.#id, ref: true }));
    return this;
  }
  unref() {
    this.#alive = false;
    ask(() => ({ op: "clear", timer: this.#id, ref: false }));
    return this;
  }
  hasRef() {
    return this.#alive;
  }
  refresh() {
    const { api, ms } = timers.get(this.#id) ?? {};
    if (api) {
      ask(() => ({ op: "clear", timer: this.#id }));
      askTimer(api, this.#id, ms);
    }
    return this;
  }
  close() {
    clear(this);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.#id;
  }
  [Symbol.dispose]() {
    clear(this);
  }
}

function start(api, callback, ms, args) {
  if (typeof callback !== "function") {
    throw Object.assign(new TypeError('The "callback" argument must be of type function.'), { code: "ERR_INVALID_ARG_TYPE" });
  }
  timerCount += 1;
  const id = timerCount;
  const run = () => {
    if (api !== "setInterval") timers.delete(id);
    callback(...args);
  };
  timers.set(id, Object.assign(run, { api, ms: Number(ms) || 0 }));
  // An id of its own: the requests' ids are the channel's.
  askTimer(api, id, Number(ms) || 0);
  return new Timeout(id);
}

function askTimer(api, timer, ms) {
  return ask(() => ({ op: "timer", api, timer, ms }));
}

function clear(timeout) {
  const id = timeout instanceof Timeout ? timeout.id : Number(timeout);
  if (!timers.delete(id)) return; // ended, or not one of ours
  ask(() => ({ op: "clear", timer: id }));
}

function wait(api, ms, value, options) {
  const { signal, ref } = options ?? {};
  return new Promise((resolve, reject) => {
    timerCount += 1;
    const id = timerCount;
    const abort = () => {
      clear(id);
      const error = new Error("The operation was aborted", { cause: signal.reason });
      reject(Object.assign(error, { name: "AbortError", code: "ABORT_ERR" }));
    };
    if (signal?.aborted) return abort();
    timers.set(id, () => {
      timers.delete(id);
      signal?.removeEventListener("abort", abort);
      resolve(value);
    });
    signal?.addEventListener("abort", abort, { once: true });
    return ask(() => ({ op: "timer", api, timer: id, ms: Number(ms) || 0, promises: true, ref }));
  });
}

const nativeTimeout = globalThis.setTimeout;
const nativeImmediate = globalThis.setImmediate;
globalThis.setTimeout = nodeTimers.setTimeout = (callback, ms, ...args) => start("setTimeout", callback, ms, args);
globalThis.setInterval = nodeTimers.setInterval = (callback, ms, ...args) => start("setInterval", callback, ms, args);
globalThis.setImmediate = nodeTimers.setImmediate = (callback, ...args) => start("setImmediate", callback, 0, args);
for (const name of ["clearTimeout", "clearInterval", "clearImmediate"]) globalThis[name] = nodeTimers[name] = clear;
timersPromises.setTimeout = (ms, value, options) => wait("setTimeout", ms, value, options);
timersPromises.setImmediate = (value, options) => wait("setImmediate", 0, value, options);
module.syncBuiltinESMExports();

const stray = (error) => send((encode) => ({ op: "stray", v: encode(error) }), true);
process.on("uncaughtException", stray);
process.on("unhandledRejection", stray);
process.on("beforeExit", () => {
  channel.hold(true);
  const done = seen;
  // Not at once: the tests ask again and again, and need not hear of every moment in between.
  nativeTimeout(() => done === seen && send(() => ({ op: "idle", seen }), true), 2).unref();
});

// ---- globals that a test replaced ----

const OwnDate = Date;
const own = new Map();

function replaceGlobals({ now, replaced = {}, environment }) {
  globalThis.Date = now === undefined ? OwnDate : dateAt(now);
  for (const label of new Set([...own.keys(), ...Object.keys(replaced)])) {
    const [name, holder] = label.split(".").reverse();
    const owner = holder === undefined ? globalThis : globalThis[holder];
    if (!own.has(label)) own.set(label, owner[name]);
    owner[name] = label in replaced ? mirrors.decode(replaced[label]) : own.get(label);
  }
  if (environment !== undefined) {
    for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
    Object.assign(process.env, environment);
  }
}

function dateAt(now) {
  function FixedDate(...args) {
    if (new.target === undefined) return new OwnDate(now).toString();
    return Reflect.construct(OwnDate, args.length === 0 ? [now] : args, new.target === FixedDate ? OwnDate : new.target);
  }
  Object.setPrototypeOf(FixedDate, OwnDate);
  FixedDate.prototype = OwnDate.prototype;
  FixedDate.now = () => now;
  return FixedDate;
}

let aliases;

/** By the aliases of the test runner's configuration, where there is one. */
function aliased(specifier) {
  try {
    aliases ??= JSON.parse(fs.readFileSync(new URL("claims/aliases.json", import.meta.url), "utf8"));
  } catch {
    aliases = [];
  }
  for (const { prefix, pattern, flags, replacement } of aliases) {
    if (pattern !== undefined) {
      const found = new RegExp(pattern, flags);
      if (found.test(specifier)) return specifier.replace(found, replacement);
    } else if (specifier === prefix || specifier.startsWith(`${prefix}/`)) return replacement + specifier.slice(prefix.length);
  }
  return specifier;
}

const stripped = new Stripped(new URL("source.json", import.meta.url));

module.registerHooks({
  load: (url, context, next) => stripped.inPlaceOf(url, next(url, context)),
  resolve(given, context, next) {
    const specifier = aliased(given);
    try {
      return next(specifier, context);
    } catch (error) {
      const file = guess(specifier, context.parentURL);
      if (file === undefined) throw error;
      return { url: pathToFileURL(file).href, shortCircuit: true };
    }
  },
});

channel.listen(
  (frame) => {
    try {
      serveHeld(frame);
    } catch (error) {
      if (error instanceof ChannelEndedError) process.exit(0);
      throw error;
    }
  },
  () => process.exit(0),
);
