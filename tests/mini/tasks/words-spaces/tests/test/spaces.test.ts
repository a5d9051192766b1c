import { describe, expect, it } from "vitest";
import { count } from "../src/count.ts";

describe("count", () => {
  it("takes a run of spaces as one", () => expect(count(" a  b ")).toBe(2));
  it("of nothing is zero", () => expect(count("")).toBe(0));
});
