import { describe, expect, it } from "vitest";
import { command, option, parse, positional } from "../src/index.ts";

const env = {};
const include = option.string({ short: "I", repeated: true, env: "INCLUDE", default: ["std"] });
const leaf = command({ positionals: [positional.string("files", { variadic: true, optional: true })] });
const tool = command({
  options: {
    verbose: option.count({ short: "v", env: "VERBOSE" }),
    include,
    color: option.flag({ negatable: true }),
    level: option.integer({ short: "l" }),
  },
  subcommands: {
    build: leaf,
    remote: command({
      bare: true,
      options: { header: option.string({ short: "H", repeated: true }) },
      subcommands: { add: leaf },
    }),
  },
});

function optionsOf(argv: string[], variables: Record<string, string> = env): unknown {
  return parse(tool, argv, { env: variables }).options;
}

describe("an inherited option on both sides of a subcommand", () => {
  it("adds up a count", () => {
    expect(optionsOf(["-vv", "build", "-v", "file", "--verbose"])).toMatchObject({ verbose: 4 });
  });

  it("collects repeated values in the order of the command line", () => {
    expect(optionsOf(["-Ia", "--include", "b", "build", "-Ic"])).toMatchObject({ include: ["a", "b", "c"] });
  });

  it("collects over more than two levels", () => {
    expect(optionsOf(["-Ia", "-v", "remote", "-Hx", "-Ib", "-v", "add", "-Ic", "-Hy", "-v"])).toMatchObject({
      include: ["a", "b", "c"],
      header: ["x", "y"],
      verbose: 3,
    });
    expect(optionsOf(["-Ia", "remote", "add", "-Ic"])).toMatchObject({ include: ["a", "c"] });
  });

  it("does not consult the environment when any level has it", () => {
    const variables = { INCLUDE: "e,f", VERBOSE: "9" };
    expect(optionsOf(["-Ia", "-v", "build", "-Ib"], variables)).toMatchObject({ include: ["a", "b"], verbose: 1 });
    expect(optionsOf(["build"], variables)).toMatchObject({ include: ["e", "f"], verbose: 9 });
  });

  it("still lets the last of single values and of flags win", () => {
    expect(optionsOf(["-l1", "remote", "-l2", "add", "-l3"])).toMatchObject({ level: 3 });
    expect(optionsOf(["-l1", "build"])).toMatchObject({ level: 1 });
    expect(optionsOf(["--no-color", "build", "--color"])).toMatchObject({ color: true });
    expect(optionsOf(["--color", "build", "--no-color"])).toMatchObject({ color: false });
  });

  it("keeps apart two keys that share one declaration object", () => {
    const list = option.string({ repeated: true });
    const pair = command({ options: { left: list, right: list }, subcommands: { go: leaf } });
    expect(parse(pair, ["--left=a", "--right=b", "go", "--left=c"], { env }).options).toEqual({
      left: ["a", "c"],
      right: ["b"],
    });
  });

  it("refuses a value of either side that does not fit", () => {
    expect(() => optionsOf(["-lx", "build"])).toThrow(expect.objectContaining({ code: "invalid-value", subject: "-l" }));
  });
});

describe("an option that a subcommand replaces", () => {
  const app = command({
    options: {
      format: option.choice(["text", "json"], { short: "f" }),
      tag: option.string({ repeated: true }),
      quiet: option.count({ short: "q" }),
    },
    subcommands: {
      plain: leaf,
      list: command({
        options: {
          format: option.integer({ default: 7, env: "LIST_FORMAT" }),
          tag: option.string({ repeated: true }),
          quiet: option.flag({ short: "q" }),
        },
        bare: true,
        subcommands: { all: leaf },
      }),
      strict: command({ options: { format: option.string({ required: true }) } }),
    },
  });

  it("has its own default when only the outer one was given", () => {
    expect(parse(app, ["-f", "json", "list"], { env }).options).toMatchObject({ format: 7 });
  });

  it("has its own environment variable when only the outer one was given", () => {
    expect(parse(app, ["-f", "json", "list"], { env: { LIST_FORMAT: "8" } }).options).toMatchObject({ format: 8 });
  });

  it("is required even though the outer one was given", () => {
    expect(() => parse(app, ["-f", "json", "strict"], { env })).toThrow(
      expect.objectContaining({ code: "missing-option", subject: "--format" }),
    );
  });

  it("does not mix the outer one's values with its own", () => {
    expect(parse(app, ["--tag=a", "-q", "list", "--tag=b"], { env }).options).toMatchObject({ tag: ["b"], quiet: false });
  });

  it("starts a count of its own", () => {
    const inner = command({ options: { depth: option.count({ short: "d" }) }, bare: true, subcommands: { go: leaf } });
    const outer = command({ options: { depth: option.count({ short: "d" }) }, subcommands: { inner, go: leaf } });
    expect(parse(outer, ["-dd", "inner"], { env }).options).toMatchObject({ depth: 0 });
    expect(parse(outer, ["-dd", "inner", "-d", "go", "-d"], { env }).options).toMatchObject({ depth: 2 });
    expect(parse(outer, ["-dd", "go", "-d"], { env }).options).toMatchObject({ depth: 3 });
  });

  it("is the one that commands below it inherit", () => {
    const argv = ["--tag=a", "-f", "json", "list", "--tag=b", "--format=1", "all", "--tag=c"];
    expect(parse(app, argv, { env }).options).toMatchObject({ tag: ["b", "c"], format: 1 });
    expect(parse(app, ["--tag=a", "list", "all"], { env }).options).toMatchObject({ tag: [] });
  });

  it("leaves the outer one to the commands that do not replace it", () => {
    expect(parse(app, ["-f", "json", "--tag=a", "plain", "--tag=b", "-qq"], { env }).options).toMatchObject({
      format: "json",
      tag: ["a", "b"],
      quiet: 2,
    });
  });
});
