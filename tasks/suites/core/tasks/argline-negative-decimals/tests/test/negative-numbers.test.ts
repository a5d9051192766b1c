import { describe, expect, it } from "vitest";
import { command, option, parse, positional } from "../src/index.ts";

const env = {};
const shift = command({
  options: {
    gain: option.number({ short: "g" }),
    step: option.integer(),
    label: option.string(),
    at: option.number({ repeated: true }),
    verbose: option.count({ short: "v" }),
  },
  positionals: [positional.string("words", { variadic: true, optional: true })],
});

const NOTATIONS: [string, number][] = [
  ["-7", -7],
  ["-0.5", -0.5],
  ["-.5", -0.5],
  ["-5.", -5],
  ["-1e3", -1000],
  ["-1E+3", -1000],
  ["-2.5e-3", -0.0025],
];

describe("negative numbers", () => {
  it.each(NOTATIONS)("takes %s as the value of a long option", (word, value) => {
    expect(parse(shift, ["--gain", word], { env }).options.gain).toBe(value);
  });

  it.each(NOTATIONS)("takes %s as the value at the end of a cluster", (word, value) => {
    const { options } = parse(shift, ["-vg", word, "-v"], { env });
    expect(options).toMatchObject({ gain: value, verbose: 2 });
  });

  it.each(NOTATIONS)("takes %s as an argument", (word) => {
    expect(parse(shift, ["a", word, "-v", "b"], { env }).args.words).toEqual(["a", word, "b"]);
  });

  it("collects several of them in a repeated option", () => {
    expect(parse(shift, ["--at", "-0.5", "--at", "-.25", "--at=-1"], { env }).options.at).toEqual([-0.5, -0.25, -1]);
  });

  it("reads an integer in any notation", () => {
    expect(parse(shift, ["--step", "-1e2"], { env }).options.step).toBe(-100);
    expect(() => parse(shift, ["--step", "-1.5"], { env })).toThrow(expect.objectContaining({ code: "invalid-value" }));
  });

  it("gives them to options of text too", () => {
    expect(parse(shift, ["--label", "-1.50"], { env }).options.label).toBe("-1.50");
  });

  it("takes one as the argument of a subcommand", () => {
    const tool = command({ subcommands: { move: command({ positionals: [positional.number("by")] }) } });
    expect(parse(tool, ["move", "-.75"], { env }).args).toEqual({ by: -0.75 });
  });

  it.each([["-5x"], ["-."], ["-1.2.3"], ["-e5"], ["-0x1F"], ["-1e"], ["--5"], ["-Infinity"]])(
    "still takes %s for an option",
    (word) => {
      expect(() => parse(shift, [word], { env })).toThrow(expect.objectContaining({ code: "unknown-option" }));
      expect(() => parse(shift, ["--gain", word], { env })).toThrow(expect.objectContaining({ code: "missing-value" }));
    },
  );

  it("still reads options where a short option is a digit", () => {
    const digits = command({
      options: { zero: option.flag({ short: "0" }), five: option.string({ short: "5" }), gain: option.number() },
    });
    expect(parse(digits, ["-0", "-5.5"], { env }).options).toMatchObject({ zero: true, five: ".5" });
    expect(() => parse(digits, ["--gain", "-0.5"], { env })).toThrow(expect.objectContaining({ code: "missing-value" }));
  });
});
