// Random frames of a hostile source, taken by the tests' side of the bridge: whatever they say, they are refused or become values, and nothing
// that the tests' process has of its own is another afterwards. `node hostile.mjs SEED FRAMES`
import { intrinsicName, named } from "/run/harness/bridge/intrinsics.mjs";
import { BridgeError, Mirrors } from "/run/harness/bridge/values.mjs";

let state = Number(process.argv[2]);
const random = (limit) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
};
const pick = (list) => list[random(list.length)];

const check = () => "sound";
class Kind {
  method() {}
}
const SHARED = 6;
/** What a test handed to the source: its functions and classes are its own, of its other objects the source may change any. */
const share = (mirrors) => [check, Kind, Kind.prototype, [1, 2], new AbortController().signal, [1, 2].values()].forEach((value) => mirrors.encode(value));
const names = [...named.keys(), "Function", "eval", "process", "globalThis", "node:fs#writeFileSync", "__proto__", "constructor"];
const kinds = ["sym", "fn", "arr", "err", "map", "set", "date", "re", "box", "dom", "buf", "view", "prom", "sig", "obj", "rem", "ns", "what"];
const texts = ["__proto__", "constructor", "size", "has", "@@__IMMUTABLE_SET__@@", "prototype", "toString", "asymmetricMatch", "$$typeof", "then", "length", "0", "valueOf", "stack", "next", "a"];
const someKey = () => (random(3) === 0 ? -1 - random(SHARED + 2) : 1 + random(40));

function word(depth = 0) {
  switch (random(depth > 2 ? 6 : 12)) {
    case 0:
      return random(100);
    case 1:
      return pick(texts);
    case 2:
      return pick([null, true, ["u"], ["n", "-0"], ["b", "12"], ["b", "x"], {}, [], ["?"]]);
    case 3:
      return ["w", pick(["iterator", "toStringTag", "hasInstance", "species", "nothing"])];
    case 4:
      return ["k", pick(["jest.asymmetricMatcher", "any", "vitest:x"])];
    case 5:
      return ["i", pick(names)];
    case 6:
      return ["url", pick(["https://example.com/", "no url"])];
    default:
      return ["r", someKey()];
  }
}

const words = (most) => Array.from({ length: random(most) }, () => word());
const node = () => ({
  r: someKey(),
  k: pick(kinds),
  p: pick([null, ["i", "Object.prototype"], ["i", "Function.prototype"], word(), word()]),
  o: Array.from({ length: random(4) }, () => [word(), word(), random(16), word()]),
  i: random(2) === 0 ? words(5) : undefined,
  v: [word(), pick(texts), random(5)],
  y: pick(["", "AAAA", "not base64", 5]),
  m: words(3),
  t: random(3) === 0 ? word() : undefined,
  c: random(3),
  n: pick(texts),
  l: random(9),
  x: random(3),
  d: pick(texts),
  aborted: random(2) === 0,
  reason: word(),
});

const look = () => [...named].map(([name, value]) => [name, value, Object.getPrototypeOf(value), Object.isExtensible(value), Reflect.ownKeys(value).map((key) => [key, Object.getOwnPropertyDescriptor(value, key)])]);
process.on("unhandledRejection", () => {}); // a getter of Node's own that is asked of something else: fails a test, and that is all
Object.getOwnPropertyDescriptors(globalThis); // what Node loads late is loaded,
for (const module of ["assert/strict", "child_process", "crypto", "https", "stream", "v8", "worker_threads", "zlib"]) process.getBuiltinModule(module);
intrinsicName(() => {}); // and from here on the list is whole
const before = look();
const ofTheTests = [check, Kind, Kind.prototype];
const describe = (value) => [Object.getPrototypeOf(value), Object.isExtensible(value), ...Object.entries(Object.getOwnPropertyDescriptors(value)).map(([key, shape]) => [key, ...Object.entries(shape).flat()])];
const ownBefore = ofTheTests.map(describe);
const remote = { call() {}, construct: () => ({}), invoke() {}, settled() {} };
let mirrors;
let taken = 0;

for (let frame = 0; frame < Number(process.argv[3]); frame += 1) {
  if (frame % 50 === 0) {
    mirrors = new Mirrors(remote, { trusted: true });
    share(mirrors);
    mirrors.changes();
  }
  try {
    mirrors.apply(Array.from({ length: 1 + random(4) }, node));
    mirrors.decode(word());
    mirrors.changes();
    taken += 1;
  } catch (error) {
    if (!(error instanceof BridgeError) && !(error instanceof Error)) throw error;
  }
}

const same = (one, other) => Object.is(one, other) || (Array.isArray(one) && one.length === other.length && one.every((each, index) => same(each, other[index])));
const equal = (one, other) => same(Object.entries(one).flat(), Object.entries(other).flat());
for (const [index, [name, value, prototype, extensible, properties]] of look().entries()) {
  const [, valueBefore, prototypeBefore, extensibleBefore, propertiesBefore] = before[index];
  const changed = value !== valueBefore || prototype !== prototypeBefore || extensible !== extensibleBefore || properties.length !== propertiesBefore.length;
  if (changed || !properties.every(([key, shape], at) => key === propertiesBefore[at][0] && equal(shape, propertiesBefore[at][1]))) {
    throw new Error(`${name} is another`);
  }
}
if (!same(ofTheTests.map(describe), ownBefore)) throw new Error("a function or a class of the tests is another");
console.log(`${taken} frames taken`);
