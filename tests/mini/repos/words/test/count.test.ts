import { expect, test } from "vitest";
import { count } from "../src/count.ts";

test("counts two words", () => expect(count("two words")).toBe(2));
