// The objects that both processes have of their own: prototypes, constructors and functions of the language and of Node. They cross by
// name and never as a handle, so that nobody reaches `Function` through a chain of `constructor` properties.
//
// Some are in modules of Node's that a process need not load: as long as one is not loaded nothing is of it, so it is looked through once it is
// there. `Headers` alone would take more of a process's time than all else of its start.
import { EventEmitter } from "node:events";

const GLOBALS = [
  "Object", "Array", "String", "Number", "Boolean", "BigInt", "Symbol", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Date", "RegExp",
  "Promise", "Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError", "EvalError", "URIError", "AggregateError", "ArrayBuffer",
  "SharedArrayBuffer", "DataView", "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array",
  "Uint32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array", "Iterator", "FinalizationRegistry", "Buffer", "URL",
  "URLSearchParams", "TextEncoder", "TextDecoder", "AbortController", "AbortSignal", "Event", "EventTarget", "DOMException", "Blob",
  "JSON", "Math", "Reflect", "Atomics", "Intl", "parseInt", "parseFloat", "isNaN", "isFinite", "encodeURIComponent", "decodeURIComponent",
  "structuredClone",
];

/** What is of a module of Node's that may not be loaded: by the module's name in `process.moduleLoadList`, who has it and under which names. */
const LATE = {
  assert: [() => process.getBuiltinModule("node:assert"), ["AssertionError"]],
  stream: [() => process.getBuiltinModule("node:stream"), ["Readable", "Writable", "Duplex", "Transform", "PassThrough"]],
  "internal/deps/undici/undici": [() => globalThis, ["Headers", "Request", "Response", "FormData"]],
  "internal/webstreams/readablestream": [() => globalThis, ["ReadableStream"]],
  "internal/webstreams/writablestream": [() => globalThis, ["WritableStream"]],
  "internal/webstreams/transformstream": [() => globalThis, ["TransformStream"]],
};

/** Modules whose functions a test may hand to the source: it then gets its own, which runs with its own rights. */
const BUILTINS = [
  "fs", "fs/promises", "path", "os", "util", "vm", "module", "process", "url", "timers", "timers/promises", "buffer", "events", "querystring",
];

/** More of these: their functions are had from the modules alone, which are dear to load. */
const LATE_BUILTINS = new Set(["crypto", "child_process", "worker_threads", "net", "zlib", "http", "https", "assert", "assert/strict", "v8", "stream"]);

const moduleOf = new Map(Object.entries(LATE).flatMap(([module, [, names]]) => names.map((name) => [name, module])));

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

function* generatorOf() {}
async function* asyncGeneratorOf() {}
const up = (value) => Object.getPrototypeOf(value);

/** By name. */
export const named = new Map();
/** Names by object. */
export const nameOf = new Map();
/** Names that either process takes from the other. */
const accepted = new Set();
/** Prototypes whose methods work on any object: what inherits from no others can be mirrored property by property. */
export const slotless = new Set([Object.prototype, EventEmitter.prototype, up(up([][Symbol.iterator]())), up(up(up(asyncGeneratorOf.prototype)))]);

function add(name, value) {
  if (!isObject(value) || nameOf.has(value)) return false;
  named.set(name, value);
  nameOf.set(value, name);
  return true;
}

function accept(name, value) {
  if (!add(name, value)) return false;
  accepted.add(name);
  return true;
}

function addWithMembers(name, value) {
  if (!accept(name, value)) return;
  for (const key of Reflect.ownKeys(value)) {
    if (key === "caller" || key === "arguments" || key === "callee") continue;
    const property = Object.getOwnPropertyDescriptor(value, key);
    const label = `${name}.${typeof key === "symbol" ? `@@${key.description}` : key}`;
    if (key === "prototype") addWithMembers(label, property.value);
    else if (typeof property.value === "function" && key !== "constructor") accept(label, property.value);
  }
}

for (const name of GLOBALS) if (name in globalThis) addWithMembers(name, globalThis[name]);
addWithMembers("EventEmitter", EventEmitter);
for (const name of ["Collator", "DateTimeFormat", "NumberFormat", "PluralRules", "RelativeTimeFormat", "ListFormat", "Segmenter"]) {
  addWithMembers(`Intl.${name}`, Intl[name]);
}
addWithMembers("%TypedArray%", up(Uint8Array));
addWithMembers("%Iterator.prototype%", up(up([][Symbol.iterator]())));
addWithMembers("%ArrayIterator.prototype%", up([][Symbol.iterator]()));
addWithMembers("%StringIterator.prototype%", up(""[Symbol.iterator]()));
addWithMembers("%MapIterator.prototype%", up(new Map().entries()));
addWithMembers("%SetIterator.prototype%", up(new Set().entries()));
addWithMembers("%RegExpStringIterator.prototype%", up("".matchAll(/(?:)/g)));
addWithMembers("%IteratorHelper.prototype%", up([].values().map(() => 0)));
addWithMembers("%Generator.prototype%", up(generatorOf.prototype));
addWithMembers("%AsyncGenerator.prototype%", up(asyncGeneratorOf.prototype));
addWithMembers("%AsyncIterator.prototype%", up(up(asyncGeneratorOf.prototype)));
for (const [name, prototype] of [
  ["Function", Function.prototype],
  ["AsyncFunction", up(async () => {})],
  ["GeneratorFunction", up(generatorOf)],
  ["AsyncGeneratorFunction", up(asyncGeneratorOf)],
]) {
  accept(`${name}.prototype`, prototype); // the constructors, which make code of text, cross in no direction
}
add("globalThis", globalThis);
add("process", process);
add("console", console);
for (const name of ["Function", "AsyncFunction", "GeneratorFunction", "AsyncGeneratorFunction"]) {
  add(name, named.get(`${name}.prototype`).constructor);
}
add("eval", globalThis.eval);

const loaded = process.moduleLoadList;
let seen = 0;
let builtinsAdded = false;

/** Of Node's modules that were loaded since this was asked last. */
function addLate() {
  while (seen < loaded.length) {
    const module = loaded[seen].replace("NativeModule ", "");
    seen += 1;
    if (Object.hasOwn(LATE, module)) bring(module);
    if (builtinsAdded && LATE_BUILTINS.has(module)) addFunctions(module);
  }
}

function bring(module) {
  const [owner, names] = LATE[module];
  for (const name of names) addWithMembers(name, owner()[name]);
}

function addFunctions(module) {
  const exported = process.getBuiltinModule(`node:${module}`);
  for (const key of Object.keys(exported)) {
    const property = Object.getOwnPropertyDescriptor(exported, key);
    if (property !== undefined && "value" in property) add(`node:${module}#${key}`, property.value);
  }
}

/** The name of an object that both processes have, or undefined. Node's modules are looked through when the first function asks. */
export function intrinsicName(value) {
  if (nameOf.has(value)) return nameOf.get(value);
  if (typeof value === "function" && !builtinsAdded) {
    builtinsAdded = true;
    BUILTINS.forEach(addFunctions);
    seen = 0;
  }
  addLate();
  return nameOf.get(value);
}

/** The other process's name, as an object of this one. `anything`: whatever this process has, for the side that is not trusted anyway. */
export function intrinsic(name, { anything }) {
  const late = moduleOf.get(String(name).split(".")[0]);
  if (late !== undefined) bring(late);
  if (accepted.has(name)) return named.get(name);
  if (!anything) return undefined;
  if (named.has(name)) return named.get(name);
  const [module, key] = name.split("#");
  return process.getBuiltinModule(module)?.[key];
}
