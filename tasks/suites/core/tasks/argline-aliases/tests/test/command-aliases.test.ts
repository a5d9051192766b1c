import { describe, expect, it } from "vitest";
import { command, DeclarationError, option, parse, positional, renderHelp } from "../src/index.ts";

const env = {};
const tool = command({
  subcommands: {
    remote: command({
      summary: "Work with remotes",
      aliases: ["r"],
      subcommands: {
        add: command({ summary: "Add one", positionals: [positional.string("name")] }),
        remove: command({
          summary: "Remove one",
          aliases: ["rm", "delete"],
          options: { force: option.flag({ short: "f" }) },
          positionals: [positional.string("name")],
        }),
      },
    }),
    status: command({ aliases: ["st"] }),
  },
});

describe("aliases of subcommands", () => {
  it("call the command, whose result has its key", () => {
    expect(parse(tool, ["r", "rm", "-f", "origin"], { env })).toEqual({
      command: "remote remove",
      options: { force: true },
      args: { name: "origin" },
    });
    expect(parse(tool, ["remote", "delete", "x"], { env }).command).toBe("remote remove");
    expect(parse(tool, ["st"], { env }).command).toBe("status");
  });

  it("are no commands anywhere else", () => {
    expect(() => parse(tool, ["rm"], { env })).toThrow(expect.objectContaining({ code: "unknown-command" }));
  });

  it("leave the words of arguments alone", () => {
    expect(parse(tool, ["r", "add", "rm"], { env }).args).toEqual({ name: "rm" });
  });

  it("do not reach the path of a request for help", () => {
    expect(() => parse(tool, ["r", "rm", "--help"], { env })).toThrow(
      expect.objectContaining({ path: ["remote", "remove"] }),
    );
  });

  it("are suggested when they are closest", () => {
    const suggesting = (suggestion: string) => expect.objectContaining({ code: "unknown-command", suggestion });
    expect(() => parse(tool, ["r", "delte"], { env })).toThrow(suggesting("delete"));
    expect(() => parse(tool, ["r", "remve"], { env })).toThrow(suggesting("remove"));
    expect(() => renderHelp(tool, { program: "t", path: ["remote", "delte"] })).toThrow(suggesting("delete"));
  });

  it("find the help of the command, which is shown under its key", () => {
    const byAlias = renderHelp(tool, { program: "t", path: ["r", "delete"] });
    expect(byAlias).toBe(renderHelp(tool, { program: "t", path: ["remote", "remove"] }));
    expect(byAlias).toContain("Usage: t remote remove ");
  });

  it("are listed beside the name in the parent's help", () => {
    const help = renderHelp(tool, { program: "t", path: ["remote"] });
    expect(help).toMatch(/^ {2}remove, rm, delete {2}Remove one$/m);
    expect(help).toMatch(/^ {2}add\s+Add one$/m);
  });

  it.each([
    ["an alias that is a sibling's name", { a: command({}), b: command({ aliases: ["a"] }) }],
    ["a name that is an earlier sibling's alias", { b: command({ aliases: ["a"] }), a: command({}) }],
    ["an alias that a sibling has too", { a: command({ aliases: ["x"] }), b: command({ aliases: ["x"] }) }],
    ["an alias that looks like an option", { a: command({ aliases: ["-x"] }) }],
    ["an alias with a blank", { a: command({ aliases: ["x y"] }) }],
  ])("cannot be %s", (_, subcommands) => {
    expect(() => command({ subcommands })).toThrow(DeclarationError);
  });

  it("do not resolve names that every object has", () => {
    expect(() => parse(tool, ["constructor"], { env })).toThrow(expect.objectContaining({ code: "unknown-command" }));
  });
});
