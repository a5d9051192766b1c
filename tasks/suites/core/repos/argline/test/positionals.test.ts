import { describe, expect, it } from "vitest";
import { command, option, parse, positional, UsageError } from "../src/index.ts";

const env = {};
const copy = command({
  options: { force: option.flag({ short: "f" }) },
  positionals: [positional.string("sources", { variadic: true }), positional.string("target")],
});
const resize = command({
  positionals: [
    positional.string("file"),
    positional.integer("width", { default: 640 }),
    positional.choice("fit", ["crop", "pad"], { optional: true }),
  ],
});

describe("positionals", () => {
  it("leaves the last word for the argument behind a variadic one", () => {
    expect(parse(copy, ["a", "b", "c"], { env }).args).toEqual({ sources: ["a", "b"], target: "c" });
  });

  it("lets options stand between arguments", () => {
    const { args, options } = parse(copy, ["a", "-f", "b"], { env });
    expect(args).toEqual({ sources: ["a"], target: "b" });
    expect(options.force).toBe(true);
  });

  it("takes every word behind two dashes as an argument", () => {
    expect(parse(copy, ["-f", "--", "-f", "--", "x"], { env }).args).toEqual({ sources: ["-f", "--"], target: "x" });
  });

  it("takes a single dash as a word", () => {
    expect(parse(copy, ["-", "out"], { env }).args).toEqual({ sources: ["-"], target: "out" });
  });

  it("fills optional arguments from the left", () => {
    expect(parse(resize, ["a.png"], { env }).args).toEqual({ file: "a.png", width: 640, fit: undefined });
    expect(parse(resize, ["a.png", "80", "pad"], { env }).args).toEqual({ file: "a.png", width: 80, fit: "pad" });
  });

  it.each([
    ["too few words", copy, ["a"], "missing-argument"],
    ["too many words", resize, ["a", "1", "pad", "b"], "unexpected-argument"],
    ["a word of the wrong type", resize, ["a", "wide"], "invalid-value"],
  ])("refuses %s", (_, declared, argv, code) => {
    expect(() => parse(declared, argv, { env })).toThrow(UsageError);
    expect(() => parse(declared, argv, { env })).toThrow(expect.objectContaining({ code }));
  });
});
