import { describe, expect, it } from "vitest";
import { command, DeclarationError, option, parse, renderHelp } from "../src/index.ts";

const env = {};
const build = command({
  options: {
    color: option.flag({ negatable: true, default: true, aliases: ["colour"], description: "Paint" }),
    outDir: option.string({ short: "o", aliases: ["output-dir", "dest"], env: "OUT", description: "Where to" }),
    define: option.string({ repeated: true, aliases: ["def"] }),
    verbose: option.count({ short: "v", aliases: ["loud"] }),
    jobs: option.integer({ aliases: ["parallel-jobs"] }),
    trace: option.flag({ hidden: true, aliases: ["telemetry"] }),
  },
  subcommands: {
    run: command({ options: { verbose: option.flag() } }),
    pack: command({ options: { dest: option.integer(), archive: option.string({ aliases: ["color"] }) } }),
    plain: command({}),
  },
});

function optionsOf(...argv: string[]): unknown {
  return parse(build, [...argv, "plain"], { env }).options;
}

describe("aliases of options", () => {
  it("stand for values, in every form", () => {
    expect(optionsOf("--output-dir=a")).toMatchObject({ outDir: "a" });
    expect(optionsOf("--dest", "b")).toMatchObject({ outDir: "b" });
    expect(optionsOf("-o", "a", "--dest=b", "--out-dir", "c")).toMatchObject({ outDir: "c" });
  });

  it("stand for flags and their negations", () => {
    expect(optionsOf("--no-colour")).toMatchObject({ color: false });
    expect(optionsOf("--no-colour", "--color")).toMatchObject({ color: true });
    expect(optionsOf("--no-color", "--colour")).toMatchObject({ color: true });
    expect(() => optionsOf("--no-telemetry")).toThrow(expect.objectContaining({ code: "unknown-option" }));
  });

  it("mix with the name in counts and repetitions", () => {
    expect(optionsOf("-v", "--loud", "--verbose")).toMatchObject({ verbose: 3 });
    expect(optionsOf("--def=a", "--define=b", "--def=c")).toMatchObject({ define: ["a", "b", "c"] });
  });

  it("put nothing under a key of their own", () => {
    const { options } = parse(build, ["--dest=b", "plain"], { env });
    expect(Object.keys(options).toSorted()).toEqual(["color", "define", "jobs", "outDir", "trace", "verbose"]);
  });

  it("take precedence over the environment", () => {
    expect(parse(build, ["--dest=b", "plain"], { env: { OUT: "e" } }).options).toMatchObject({ outDir: "b" });
  });

  it("are named in errors as they were typed", () => {
    const refusal = (code: string, subject: string) => expect.objectContaining({ code, subject });
    expect(() => optionsOf("--parallel-jobs=x")).toThrow(refusal("invalid-value", "--parallel-jobs"));
    expect(() => parse(build, ["--dest"], { env })).toThrow(refusal("missing-value", "--dest"));
    expect(() => optionsOf("--no-colour=x")).toThrow(refusal("unexpected-value", "--no-colour"));
  });

  it("are inherited", () => {
    expect(parse(build, ["plain", "--dest=x", "--no-colour"], { env }).options).toMatchObject({ outDir: "x", color: false });
  });

  it("go when a subcommand replaces the option", () => {
    expect(() => parse(build, ["run", "--loud"], { env })).toThrow(expect.objectContaining({ subject: "--loud" }));
  });

  it("give way to a subcommand's own spellings", () => {
    const { options } = parse(build, ["pack", "--dest=3", "--output-dir=y", "--color=z", "--no-colour"], { env });
    expect(options).toMatchObject({ dest: 3, outDir: "y", archive: "z", color: false });
  });

  it.each([
    ["--colouur", "--colour"],
    ["--colr", "--color"],
    ["--no-colouur", "--no-colour"],
    ["--paralel-jobs", "--parallel-jobs"],
    ["--otuput-dir", "--output-dir"],
    ["--telemetri", undefined],
  ])("are suggested for misspellings: %s", (word, suggestion) => {
    expect(() => optionsOf(word)).toThrow(expect.objectContaining({ code: "unknown-option", suggestion }));
  });

  it("are listed in help behind the name", () => {
    const help = renderHelp(build, { program: "build", width: 100 });
    expect(help).toMatch(/^ +--\[no-\]color, --\[no-\]colour\s+Paint/m);
    expect(help).toMatch(/^ {2}-o, --out-dir, --output-dir, --dest <string>\s+Where to/m);
    expect(help).not.toContain("telemetry");
  });
});

describe("declarations with aliases of options", () => {
  it.each([
    ["two options with one alias", { a: option.flag({ aliases: ["x-y"] }), b: option.flag({ aliases: ["x-y"] }) }],
    ["an alias spelt as another option", { outDir: option.flag(), b: option.flag({ aliases: ["out-dir"] }) }],
    ["an option spelt as an earlier alias", { b: option.flag({ aliases: ["out-dir"] }), outDir: option.flag() }],
    ["an alias spelt as a negation", { color: option.flag({ negatable: true }), b: option.flag({ aliases: ["no-color"] }) }],
    ["a negated alias spelt as an option", { color: option.flag({ negatable: true, aliases: ["ink"] }), noInk: option.flag() }],
    ["an alias with dashes in front", { a: option.flag({ aliases: ["--b"] }) }],
    ["an alias in camelCase", { a: option.flag({ aliases: ["outDir"] }) }],
    ["an alias that ends in a hyphen", { a: option.flag({ aliases: ["out-"] }) }],
    ["an alias with an equals sign", { a: option.flag({ aliases: ["b=c"] }) }],
    ["an empty alias", { a: option.flag({ aliases: [""] }) }],
  ])("refuse %s", (_, options) => {
    expect(() => command({ options })).toThrow(DeclarationError);
  });

  it("allow an alias that an inherited option has as well", () => {
    const inner = command({ options: { b: option.string({ aliases: ["same"] }) } });
    const outer = command({ options: { a: option.string({ aliases: ["same"] }) }, subcommands: { inner } });
    expect(parse(outer, ["--same=1", "inner", "--same=2"], { env }).options).toEqual({ a: "1", b: "2" });
  });
});
