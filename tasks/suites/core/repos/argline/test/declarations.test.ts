import { describe, expect, it } from "vitest";
import { command, DeclarationError, option, positional } from "../src/index.ts";

describe("declarations", () => {
  it.each([
    ["a key that is not camelCase", () => command({ options: { "out-dir": option.string() } })],
    ["two options with one letter", () => command({ options: { a: option.flag({ short: "x" }), b: option.flag({ short: "x" }) } })],
    ["an option spelt as another's negation", () => command({ options: { color: option.flag({ negatable: true }), noColor: option.flag() } })],
    ["a short option of two letters", () => command({ options: { a: option.flag({ short: "ab" }) } })],
    ["two arguments of one name", () => command({ positionals: [positional.string("a"), positional.number("a")] })],
    ["two variadic arguments", () => command({ positionals: [positional.string("a", { variadic: true }), positional.string("b", { variadic: true })] })],
    ["a required argument behind an optional one", () => command({ positionals: [positional.string("a", { optional: true }), positional.string("b")] })],
    ["arguments beside subcommands", () => command({ positionals: [positional.string("a")], subcommands: { b: command({}) } })],
    ["a bare command without subcommands", () => command({ bare: true })],
    ["a subcommand that looks like an option", () => command({ subcommands: { "-x": command({}) } })],
  ])("refuses %s", (_, declare) => {
    expect(declare).toThrow(DeclarationError);
  });
});
