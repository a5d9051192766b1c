// Loaded by vitest before each test file: what its assertions compare stands still meanwhile, whatever a getter of the source does.
import { chai } from "vitest";

const still = globalThis[Symbol.for("harness.still")];
const COMPARING = [
  "toEqual", "toStrictEqual", "toMatchObject", "toContain", "toContainEqual", "toHaveProperty", "toHaveBeenCalledWith", "toBeCalledWith",
  "toHaveBeenLastCalledWith", "toHaveBeenNthCalledWith", "toHaveBeenCalledExactlyOnceWith", "toHaveReturnedWith", "toHaveLastReturnedWith",
  "toHaveNthReturnedWith", "toHaveResolvedWith", "eql", "eqls", "equal", "equals", "eq", "members", "property",
];

chai.use(({ Assertion }, utils) => {
  for (const name of COMPARING) {
    if (typeof Assertion.prototype[name] !== "function") continue;
    utils.overwriteMethod(Assertion.prototype, name, (compare) => function (...args) {
      return still(() => Reflect.apply(compare, this, args));
    });
  }
});
