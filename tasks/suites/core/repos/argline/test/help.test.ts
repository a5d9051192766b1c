import { describe, expect, it } from "vitest";
import { columns, command, option, positional, renderHelp, UsageError, wrap } from "../src/index.ts";

const tool = command({
  summary: "Work with remotes",
  description: "Work with remotes of the repository in the current directory.",
  options: { verbose: option.count({ short: "v", description: "Say more" }), trace: option.flag({ hidden: true }) },
  subcommands: {
    add: command({
      summary: "Add a remote",
      options: {
        fetch: option.flag({ negatable: true, default: true, description: "Fetch at once" }),
        depth: option.integer({ short: "d", env: "DEPTH", description: "How many commits to fetch of each branch of the remote" }),
        tags: option.choice(["all", "none"], { default: "all", group: "Transfer" }),
        token: option.string({ required: true, placeholder: "secret" }),
      },
      positionals: [positional.string("name", { description: "What to call it" }), positional.string("urls", { variadic: true, optional: true })],
    }),
    remove: command({ summary: "Remove a remote" }),
  },
});

describe("help", () => {
  it("lists commands and options of the root", () => {
    expect(renderHelp(tool, { program: "rem" })).toBe(`Usage: rem [options] <command>

Work with remotes of the repository in the current directory.

Commands:
  add     Add a remote
  remove  Remove a remote

Options:
  -v, --verbose  Say more
`);
  });

  it("describes a subcommand within a width", () => {
    expect(renderHelp(tool, { program: "rem", path: ["add"], width: 60 })).toBe(`Usage: rem add --token <secret> [options] <name> [urls...]

Add a remote

Arguments:
  <name>     What to call it
  [urls...]

Options:
      --[no-]fetch       Fetch at once (default: on)
  -d, --depth <integer>  How many commits to fetch of each
                         branch of the remote [env: DEPTH]
      --token <secret>   (required)

Transfer:
      --tags <all|none>  (choices: all, none) (default: all)

Inherited options:
  -v, --verbose  Say more
`);
  });

  it("refuses a path that leads nowhere", () => {
    expect(() => renderHelp(tool, { program: "rem", path: ["remov"] })).toThrow(UsageError);
  });
});

describe("wrapping", () => {
  it("breaks at blanks and keeps line breaks", () => {
    expect(wrap("one two  three\n\nfour", 8)).toEqual(["one two", "three", "", "four"]);
  });

  it("leaves a word that is too long on a line of its own", () => {
    expect(wrap("a reallylongword b", 6)).toEqual(["a", "reallylongword", "b"]);
  });

  it("does not count colour escapes", () => {
    const red = "\u001B[31mred\u001B[0m";
    expect(columns(red)).toBe(3);
    expect(wrap(`${red} ${red}`, 7)).toHaveLength(1);
  });
});
