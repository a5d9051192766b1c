// The tests' side of the bridge, loaded before everything else in a process that runs test files: what they import of the repository, other
// than files of the tests themselves, is loaded by the process of the source under test, and they get mirrors of its exports.
//
// `plan.json` beside it says where the pipes are and which files are the tests'. HARNESS_PLACE in the environment says which of the pipes
// are this process's; without it, it takes the next that no other has.
import assert from "node:assert";
import fs from "node:fs";
import module from "node:module";
import timersPromises from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Channel, ChannelEndedError } from "./channel.mjs";
import { BRIDGED, guess, isSource, plan, Stripped } from "./modules.mjs";
import { BridgeError, CannotCrossError, Mirrors } from "./values.mjs";

const { HARNESS_PLACE } = process.env;
delete process.env.HARNESS_PLACE;

let channel;
let broken;
let requests = 0;
let sent = 0;
let held = false;
let serving = 0;
const deferred = [];
const timers = new Map();
const modules = new Map();
let baseline;
let lastGlobals = "{}";

const mirrors = new Mirrors(
  {
    call: (key, self, args) => ask((encode) => ({ op: "call", f: key, t: encodeSelf(self, encode), a: args.map(encode) })),
    construct: (key, args, target) => ask((encode) => ({ op: "new", f: key, a: args.map(encode), t: encode(target) })),
    invoke: (key, name, args) => ask((encode) => ({ op: "invoke", f: key, m: encode(name), a: args.map(encode) })),
    settled,
  },
  { trusted: true },
);

/** A receiver that cannot cross, such as a mock's own state, is nothing to the source. */
function encodeSelf(self, encode) {
  try {
    return encode(self);
  } catch (error) {
    if (error instanceof CannotCrossError) return encode(undefined);
    throw error;
  }
}

// ---- frames ----
//
// The two processes take turns, as the two halves of one thread would. From the first request of a turn the source's process does nothing but
// what it is asked for; when the tests' own code lets others run, it is released: it does all that its microtasks have to do, and says when.

/** What the source may ask for at any moment, because no test can notice. */
const QUIET = new Set(["timer", "clear", "idle", "settle", "listen"]);

function send(build, rung) {
  if (broken) throw broken;
  const frame = build((value) => mirrors.encode(value));
  frame.g = globals();
  frame.h = mirrors.changes();
  sent += 1;
  channel.hold(true);
  channel.send(frame, { rung });
}

/**
 * A request to the source's process, and its answer. Meanwhile the source may call back. What it asks for by itself is deferred, unless it is
 * let run (`released`), as it is with a request that is answered when it has nothing more to do at once.
 */
function ask(build, { released = false } = {}) {
  // What settled before is the source's to know before it is asked anything, unless it waits for an answer itself.
  if (!released && serving === 0) tellSettled();
  return guarded(() => {
    requests += 1;
    const id = requests;
    const waits = held || serving > 0; // the source's process, for a frame
    send((encode) => ({ ...build(encode), id }), !waits);
    if (released) held = false;
    else if (!waits) {
      held = true;
      queueMicrotask(release);
    }
    while (true) {
      const frame = take(channel.receive());
      if (frame.re === id) {
        if (frame.threw) throw mirrors.decode(frame.v);
        return mirrors.decode(frame.v);
      }
      if (frame.rung && !released && !QUIET.has(frame.op)) deferred.push(frame);
      else serve(frame);
    }
  });
}

const settledOnes = [];

/** Promises of the tests that settle one after the other are told together, so that what waits for them in the source takes turns as well. */
function settled(key, ok, value) {
  settledOnes.push({ key, ok, value });
  if (settledOnes.length === 1) queueMicrotask(tellSettled);
}

function tellSettled() {
  if (settledOnes.length === 0 || broken) return;
  const all = settledOnes.splice(0);
  const told = (encode) => ({ op: "settle", all: all.map(({ key, ok, value }) => ({ f: key, ok, v: encode(value) })) });
  ask(told, { released: true });
}

/** Lets the source's process go on by itself, until it has done what it can do at once. */
function release() {
  serveDeferred();
  // In one thread, what the source does with a promise that has settled already would not come after all else.
  if (held && settledOnes.length === 0 && mirrors.hasSettled) return queueMicrotask(release);
  tellSettled();
  if (held && !broken) ask(() => ({ op: "release" }), { released: true });
  return undefined;
}

function serveDeferred() {
  for (let frame = deferred.shift(); frame !== undefined; frame = deferred.shift()) guarded(() => serve(frame));
}

function take(frame) {
  if (Array.isArray(frame.h)) mirrors.apply(frame.h);
  return frame;
}

/** A channel that ended, or that carried what it must not, carries nothing any more. */
function guarded(action) {
  try {
    return action();
  } catch (error) {
    if (error instanceof ChannelEndedError) broken = new BridgeError(`the source under test cannot be reached: ${error.message}`);
    else if (error instanceof BridgeError) broken ??= error;
    else throw error;
    channel.hold(false);
    throw broken;
  }
}

// ---- what the source asks for ----

function serve(frame) {
  switch (frame.op) {
    case "call":
      return answer(frame, () => Reflect.apply(mirrors.ownFunction(frame.f), decodeSelf(frame.t), decodeAll(frame.a)));
    case "new":
      return answer(frame, () => {
        const target = mirrors.ownFunction(frame.f);
        return Reflect.construct(target, decodeAll(frame.a), mirrors.decode(frame.t) ?? target);
      });
    case "invoke":
      return answer(frame, () => {
        const name = mirrors.decode(frame.m);
        return mirrors.ownRemote(frame.f, name)[name](...decodeAll(frame.a));
      });
    case "listen":
      return answer(frame, () => listen(frame));
    case "timer":
      return answer(frame, () => startTimer(frame));
    case "clear":
      return answer(frame, () => clearTimer(frame));
    case "settle":
      return mirrors.settle(frame.f, frame.ok === true, mirrors.decode(frame.v));
    case "abort":
      return answer(frame, () => mirrors.abort(frame.f, mirrors.decode(frame.v)));
    case "stray": {
      const error = mirrors.decode(frame.v);
      queueMicrotask(() => {
        throw error;
      });
      return undefined;
    }
    case "idle":
      if (frame.seen === sent) channel.hold(false);
      return undefined;
    default:
      throw new BridgeError("the other process asked for what nobody knows");
  }
}

/** A receiver such as `console`, on which the source calls what a test put there, is nothing to the test's function. */
function decodeSelf(word) {
  return Array.isArray(word) && word[0] === "i" ? undefined : mirrors.decode(word);
}

const decodeAll = (words) => (Array.isArray(words) ? words.map((word) => mirrors.decode(word)) : []);

function answer(frame, action) {
  let value;
  let threw = false;
  serving += 1;
  try {
    value = action();
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    threw = true;
    value = error;
    if (isAssertion(error)) value = failedInside(error);
  } finally {
    serving -= 1;
  }
  try {
    send((encode) => ({ re: frame.id, threw, v: encode(value) }), false);
  } catch (error) {
    if (!(error instanceof CannotCrossError)) throw error;
    send((encode) => ({ re: frame.id, threw: true, v: encode(new Error(error.message)) }), false);
  }
}

const isAssertion = (error) => error instanceof Error && (error.name === "AssertionError" || error.code === "ERR_ASSERTION");

/** An assertion of a test that fails inside of a callback fails the test, whatever the source does with it, and tells the source nothing. */
function failedInside(error) {
  queueMicrotask(() => {
    throw error;
  });
  return new Error("an assertion failed");
}

const listeners = new Map();

/** The source's listeners on a signal of the tests: there they keep their place among the others, and can be counted. */
function listen({ f, v, once, on }) {
  const signal = mirrors.ownSignal(f);
  const stub = mirrors.decode(v);
  if (typeof stub !== "function") throw new BridgeError("the other process sent a listener that is no function");
  if (!listeners.has(stub)) listeners.set(stub, () => stub());
  if (on) signal.addEventListener("abort", listeners.get(stub), { once: once === true });
  else signal.removeEventListener("abort", listeners.get(stub));
}

// ---- the one clock: the source's timers run here, so that they keep their order and a test's fake ones are theirs as well ----

function startTimer({ api, timer: id, ms, promises, ref }) {
  if (promises) {
    const controller = new AbortController();
    const options = { signal: controller.signal, ref: ref !== false };
    timers.set(id, { cancel: () => controller.abort() });
    const ended = api === "setImmediate" ? timersPromises.setImmediate(id, options) : timersPromises.setTimeout(Number(ms), id, options);
    ended.then(
      () => timers.delete(id) && fire(id),
      () => timers.delete(id),
    );
    return undefined;
  }
  if (api !== "setInterval" && api !== "setTimeout" && api !== "setImmediate") throw new BridgeError("the other process asked for what nobody knows");
  const run = () => {
    if (api !== "setInterval") timers.delete(id);
    fire(id);
  };
  timers.set(id, { api, handle: api === "setImmediate" ? globalThis.setImmediate(run) : globalThis[api](run, Number(ms)) });
  return undefined;
}

function clearTimer({ timer, ref }) {
  const found = timers.get(timer);
  if (found === undefined) return undefined;
  if (ref !== undefined && found.handle) {
    if (ref) found.handle.ref?.();
    else found.handle.unref?.();
    return undefined;
  }
  timers.delete(timer);
  if (found.cancel) return found.cancel();
  const clear = { setTimeout: "clearTimeout", setInterval: "clearInterval", setImmediate: "clearImmediate" }[found.api];
  globalThis[clear](found.handle);
  return undefined;
}

function fire(timer) {
  if (!broken) ask(() => ({ op: "fire", timer }));
}

// ---- globals that a test replaced ----

const WATCHED = [
  ["fetch", globalThis],
  ["random", Math, "Math.random"],
  ["now", performance, "performance.now"],
  ...["log", "info", "warn", "error", "debug", "trace"].map((name) => [name, console, `console.${name}`]),
];

/** Looked at with every message, so that it must be cheap. */
let environmentChanged = false;
const noticing = (name) => (target, ...args) => {
  environmentChanged = true;
  return Reflect[name](target, ...args.slice(0, 2));
};
process.env = new Proxy(process.env, { set: noticing("set"), deleteProperty: noticing("deleteProperty"), defineProperty: noticing("defineProperty") });

function globals() {
  baseline ??= { date: globalThis.Date, values: WATCHED.map(([name, owner]) => owner[name]) };
  const changed = {};
  if (globalThis.Date !== baseline.date) changed.now = globalThis.Date.now();
  WATCHED.forEach(([name, owner, label = name], index) => {
    if (owner[name] !== baseline.values[index]) (changed.replaced ??= {})[label] = mirrors.encode(owner[name]);
  });
  if (environmentChanged) changed.environment = { ...process.env };
  const text = JSON.stringify(changed);
  if (text === lastGlobals) return undefined;
  lastGlobals = text;
  return changed;
}

// ---- modules ----

function connect() {
  const place = HARNESS_PLACE ?? claim();
  fs.writeFileSync(`${plan.directory}/control`, `${place}\n`);
  channel = new Channel(`${plan.directory}/${place}`, { first: true });
  channel.hold(false);
  channel.listen(
    (frame) => {
      guarded(() => serve(take(frame)));
      serveDeferred();
    },
    () => {
      broken ??= new BridgeError("the source under test ended its process");
      channel.hold(false);
    },
  );
}

/** The next set of pipes that no other process of the same test run has. */
function claim() {
  for (let number = 0; number < plan.places; number += 1) {
    try {
      fs.mkdirSync(`${plan.directory}/claims/${number}`);
      return number;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
  }
  throw new BridgeError("more test processes than there are pipes for");
}

function load(file) {
  if (channel === undefined) connect();
  let loaded = modules.get(file);
  if (loaded === undefined) {
    loaded = ask(() => ({ op: "import", file }), { released: true });
    modules.set(file, loaded);
  }
  return loaded;
}

/** The namespace of a module of the source, and a way to hear when its bindings change: for the modules that stand in for it. */
export function exportsOf(file, changed) {
  const namespace = modules.get(file);
  mirrors.watch(namespace, changed);
  return namespace;
}

function standIn(file) {
  const names = Object.keys(load(file));
  const self = JSON.stringify(import.meta.url);
  return [
    `import { exportsOf } from ${self};`,
    `const from = exportsOf(${JSON.stringify(file)}, () => take());`,
    ...names.map((_, index) => `let _${index};`),
    `function take() { ${names.map((name, index) => `_${index} = from[${JSON.stringify(name)}];`).join(" ")} }`,
    "take();",
    ...names.map((name, index) => `export { _${index} as ${JSON.stringify(name)} };`),
  ].join("\n");
}

const stripped = new Stripped(`${plan.directory}/claims/tests.json`);

module.registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith(BRIDGED)) return { url: specifier, format: "module", shortCircuit: true };
    let resolved;
    try {
      resolved = next(specifier, context);
    } catch (error) {
      const file = guess(specifier, context.parentURL);
      if (file === undefined) throw error;
      resolved = { url: pathToFileURL(file).href, shortCircuit: true };
    }
    if (resolved.url.startsWith("file:")) {
      const file = fileURLToPath(resolved.url);
      if (isSource(file)) return { url: BRIDGED + file, format: "module", shortCircuit: true };
    }
    return resolved;
  },
  load(url, context, next) {
    if (!url.startsWith(BRIDGED)) return stripped.inPlaceOf(url, next(url, context));
    return { format: "module", source: standIn(url.slice(BRIDGED.length)), shortCircuit: true };
  },
});

function still(action) {
  return guarded(() => mirrors.still(action));
}

// What is compared stands still meanwhile, whatever a getter of the source does. An equality that does not look at constructors does not get
// what could deceive it. An error's class that is no subclass of Error would be asked whether the error is right: a stub is only looked at.
const LOOSE = new Set([assert.deepEqual, assert.notDeepEqual, assert.partialDeepStrictEqual]);
for (const owner of [assert, assert.strict, assert.Assert.prototype]) {
  for (const name of ["deepEqual", "notDeepEqual", "deepStrictEqual", "notDeepStrictEqual", "partialDeepStrictEqual"]) {
    const original = owner[name];
    const isLoose = LOOSE.has(original);
    owner[name] = function compare(...args) {
      const deception = isLoose ? (mirrors.deceptionIn(args[0]) ?? mirrors.deceptionIn(args[1])) : undefined;
      if (deception !== undefined) throw new BridgeError(`an object that has ${deception} of its own cannot be compared`);
      return still(() => Reflect.apply(original, this, args));
    };
  }
  for (const name of ["throws", "rejects"]) {
    const original = owner[name];
    owner[name] = function check(action, expected, ...more) {
      return original.call(this, action, mirrors.isStub(expected) ? (error) => error instanceof expected : expected, ...more);
    };
  }
}

/** For `vitest-setup.mjs`, which vitest loads for itself. */
globalThis[Symbol.for("harness.still")] = still;

// A directory that a test makes for its source is another user's than the source's, who may use it all the same. Files in it are the tests'.
for (const owner of [fs, fs.promises]) {
  for (const name of ["mkdtemp", "mkdtempSync"]) {
    const original = owner[name];
    if (original === undefined) continue;
    owner[name] = (...args) => {
      const made = (directory) => {
        fs.chmodSync(directory, 0o777);
        return directory;
      };
      const last = args.at(-1);
      if (name === "mkdtempSync") return made(original(...args));
      if (typeof last === "function") return original(...args.slice(0, -1), (error, directory) => last(error, error ? directory : made(directory)));
      return original(...args).then(made);
    };
  }
}
module.syncBuiltinESMExports();
