import { describe, expect, it } from "vitest";
import { command, option, parse, UsageError } from "../src/index.ts";

const env = {};

const tool = command({
  options: {
    outDir: option.string({ short: "o", default: "dist" }),
    jobs: option.integer({ short: "j", env: "JOBS" }),
    ratio: option.number(),
    exclude: option.string({ short: "x", repeated: true, env: "EXCLUDE" }),
    mode: option.choice(["fast", "safe"], { default: "safe" }),
    color: option.flag({ negatable: true, default: true, env: "COLOR" }),
    force: option.flag({ short: "f" }),
    verbose: option.count({ short: "v", env: "VERBOSE" }),
  },
});

function optionsOf(...argv: string[]) {
  return parse(tool, argv, { env }).options;
}

function refusal(run: () => unknown): UsageError {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("values on the command line", () => {
  it("uses defaults when nothing is given", () => {
    expect(optionsOf()).toEqual({
      outDir: "dist",
      jobs: undefined,
      ratio: undefined,
      exclude: [],
      mode: "safe",
      color: true,
      force: false,
      verbose: 0,
    });
  });

  it.each([
    ["as the next word", ["--out-dir", "build"]],
    ["behind an equals sign", ["--out-dir=build"]],
    ["behind a short option", ["-o", "build"]],
    ["attached to a short option", ["-obuild"]],
    ["attached with an equals sign", ["-o=build"]],
    ["at the end of a cluster", ["-vfobuild"]],
  ])("reads a value %s", (_, argv) => {
    expect(optionsOf(...argv).outDir).toBe("build");
  });

  it("keeps equals signs and blanks inside an inline value", () => {
    expect(optionsOf("--out-dir=a=b c").outDir).toBe("a=b c");
    expect(optionsOf("--out-dir=").outDir).toBe("");
  });

  it("takes the last of several values unless repeated", () => {
    const options = optionsOf("-o", "a", "-o", "b", "-x", "c", "--exclude=d");
    expect(options.outDir).toBe("b");
    expect(options.exclude).toEqual(["c", "d"]);
  });

  it("counts switches, clustered or not", () => {
    expect(optionsOf("-vv", "--verbose").verbose).toBe(3);
  });

  it("lets the last of a flag and its negation win", () => {
    expect(optionsOf("--no-color").color).toBe(false);
    expect(optionsOf("--no-color", "--color").color).toBe(true);
  });

  it("reads whole negative numbers as values", () => {
    expect(optionsOf("-j", "-5").jobs).toBe(-5);
    expect(optionsOf("--ratio=-0.5").ratio).toBe(-0.5);
  });

  it("lets digits be short options", () => {
    const digits = command({ options: { five: option.flag({ short: "5" }) } });
    expect(parse(digits, ["-5"], { env }).options.five).toBe(true);
  });

  it("converts with a custom function", () => {
    const dated = command({ options: { since: option.custom((raw) => new Date(`${raw}T00:00:00Z`)) } });
    expect(parse(dated, ["--since", "2026-01-02"], { env }).options.since?.getTime()).toBe(Date.UTC(2026, 0, 2));
  });
});

describe("the environment", () => {
  it("fills in what the command line lacks", () => {
    const { options } = parse(tool, [], { env: { JOBS: "3", COLOR: "off", EXCLUDE: "a, b", VERBOSE: "2" } });
    expect(options).toMatchObject({ jobs: 3, color: false, exclude: ["a", "b"], verbose: 2 });
  });

  it("gives way to the command line", () => {
    const { options } = parse(tool, ["-j8", "-x", "c"], { env: { JOBS: "3", EXCLUDE: "a,b" } });
    expect(options).toMatchObject({ jobs: 8, exclude: ["c"] });
  });

  it("counts an empty variable as unset", () => {
    expect(parse(tool, [], { env: { JOBS: "", COLOR: "" } }).options).toMatchObject({ jobs: undefined, color: true });
  });

  it("names the variable when its value is refused", () => {
    expect(refusal(() => parse(tool, [], { env: { JOBS: "many" } }))).toMatchObject({
      code: "invalid-value",
      subject: "$JOBS",
    });
  });
});

describe("refusals of options", () => {
  it.each([
    ["an unknown option", ["--nothing"], "unknown-option", "--nothing"],
    ["an unknown letter", ["-vz"], "unknown-option", "-z"],
    ["a missing value", ["--jobs"], "missing-value", "--jobs"],
    ["an option where a value should be", ["--jobs", "--force"], "missing-value", "--jobs"],
    ["a value for a flag", ["--force=yes"], "unexpected-value", "--force"],
    ["the negation of a flag that has none", ["--no-force"], "unknown-option", "--no-force"],
    ["text for an integer", ["-j", "two"], "invalid-value", "-j"],
    ["a fraction for an integer", ["--jobs=1.5"], "invalid-value", "--jobs"],
    ["hexadecimal for a number", ["--ratio=0x10"], "invalid-value", "--ratio"],
    ["a word that is no choice", ["--mode", "slow"], "invalid-value", "--mode"],
  ])("refuses %s", (_, argv, code, subject) => {
    expect(refusal(() => optionsOf(...argv))).toMatchObject({ code, subject });
  });

  it("refuses a command line without a required option", () => {
    const strict = command({ options: { apiKey: option.string({ required: true, env: "API_KEY" }) } });
    expect(refusal(() => parse(strict, [], { env }))).toMatchObject({ code: "missing-option", subject: "--api-key" });
    expect(parse(strict, [], { env: { API_KEY: "k" } }).options.apiKey).toBe("k");
  });

  it("suggests the closest spelling, and none when nothing is close", () => {
    expect(refusal(() => optionsOf("--otu-dir=x")).suggestion).toBe("--out-dir");
    expect(refusal(() => optionsOf("--no-colour")).suggestion).toBe("--no-color");
    expect(refusal(() => optionsOf("--zebra")).suggestion).toBeUndefined();
  });
});
