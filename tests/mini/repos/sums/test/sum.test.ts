import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sum } from "../src/sum.ts";

describe("sum", () => {
  it("adds two numbers", () => assert.equal(sum([1, 2]), 3));
  it("of nothing is zero", () => assert.equal(sum([]), 0));
});
