import { describe, expect, it } from "vitest";
import { command, dispatch, HelpRequested, option, parse, positional, UsageError } from "../src/index.ts";

const env = {};
const tool = command({
  options: {
    verbose: option.count({ short: "v" }),
    config: option.string({ short: "c", default: "tool.json" }),
    format: option.choice(["text", "json"], { default: "text" }),
  },
  subcommands: {
    status: command({ options: { format: option.string({ default: "long" }) } }),
    remote: command({
      bare: true,
      options: { all: option.flag({ short: "a" }) },
      subcommands: {
        add: command({ positionals: [positional.string("name")] }),
        remove: command({ positionals: [positional.string("name")] }),
      },
    }),
  },
});

describe("subcommands", () => {
  it("names the command and gives it its arguments", () => {
    expect(parse(tool, ["remote", "add", "origin"], { env })).toEqual({
      command: "remote add",
      options: { verbose: 0, config: "tool.json", format: "text", all: false },
      args: { name: "origin" },
    });
  });

  it("takes inherited options on either side of the name", () => {
    expect(parse(tool, ["-c", "x", "status"], { env }).options).toMatchObject({ config: "x" });
    expect(parse(tool, ["remote", "-a", "add", "o", "-c", "y"], { env }).options).toMatchObject({ config: "y", all: true });
  });

  it("lets the last of an inherited option's values win", () => {
    expect(parse(tool, ["-c", "x", "status", "-c", "y"], { env }).options).toMatchObject({ config: "y" });
  });

  it("lets a subcommand replace an inherited option", () => {
    expect(parse(tool, ["status", "--format", "wide"], { env }).options).toMatchObject({ format: "wide" });
  });

  it("calls a bare command without a subcommand", () => {
    expect(parse(tool, ["remote", "-v"], { env })).toMatchObject({ command: "remote", options: { verbose: 1 } });
  });

  it("refuses a command line that stops short of a command", () => {
    expect(() => parse(tool, ["-v"], { env })).toThrow(expect.objectContaining({ code: "missing-command" }));
  });

  it("suggests the closest command", () => {
    expect(() => parse(tool, ["remote", "remvoe"], { env })).toThrow(
      expect.objectContaining({ code: "unknown-command", subject: "remvoe", suggestion: "remove" }),
    );
  });

  it("does not know the options of other commands", () => {
    expect(() => parse(tool, ["status", "--all"], { env })).toThrow(UsageError);
  });

  it("says for which command help was asked", () => {
    expect(() => parse(tool, ["remote", "add", "-h"], { env })).toThrow(HelpRequested);
    expect(() => parse(tool, ["remote", "add", "--help"], { env })).toThrow(
      expect.objectContaining({ path: ["remote", "add"] }),
    );
  });

  it("dispatches on the command", () => {
    const handlers = { "remote add": () => "added", status: () => "shown" };
    expect(dispatch(parse(tool, ["status"], { env }), handlers as never)).toBe("shown");
    expect(() => dispatch(parse(tool, ["remote"], { env }), handlers as never)).toThrow(TypeError);
  });
});
