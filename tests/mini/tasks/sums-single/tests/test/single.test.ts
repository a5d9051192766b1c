import assert from "node:assert/strict";
import { it } from "node:test";
import { sum } from "../src/sum.ts";

it("of one number is that number", () => assert.equal(sum([5]), 5));
it("of three numbers", () => assert.equal(sum([1, 2, 3]), 6));
