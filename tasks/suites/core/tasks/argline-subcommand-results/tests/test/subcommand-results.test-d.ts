import { command, option, parse, positional, renderHelp } from "../src/index.ts";
import type { AnyResult, Command, CommandName, ParseResult, ResultOf } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
/** Intersections and modifiers evened out, so that only keys and values count. */
type Plain<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;

const tool = command({
  options: {
    verbose: option.count({ short: "v" }),
    format: option.choice(["text", "json"], { default: "text" }),
  },
  subcommands: {
    status: command({ options: { format: option.string(), short: option.flag() } }),
    remote: command({
      bare: true,
      options: { all: option.flag() },
      subcommands: {
        add: command({ positionals: [positional.string("name"), positional.string("urls", { variadic: true })] }),
        prune: command({ options: { all: option.integer({ required: true }) } }),
      },
    }),
    config: command({
      subcommands: {
        user: command({
          subcommands: { set: command({ positionals: [positional.choice("key", ["name", "mail"])] }) },
        }),
      },
    }),
  },
});

const result = parse(tool, []);
type Result = typeof result;

const names: Equal<Result["command"], "status" | "remote" | "remote add" | "remote prune" | "config user set"> = true;
const exportedNames: Equal<CommandName<typeof tool>, Result["command"]> = true;
const sameAsParse: Equal<ParseResult<typeof tool>, Result> = true;

if (result.command === "status") {
  const options: Equal<
    Plain<typeof result.options>,
    { verbose: number; format: string | undefined; short: boolean }
  > = true;
  const args: Equal<keyof typeof result.args, never> = true;
  void [options, args];
} else if (result.command === "remote add") {
  const options: Equal<
    Plain<typeof result.options>,
    { verbose: number; format: "text" | "json"; all: boolean }
  > = true;
  const args: Equal<Plain<typeof result.args>, { name: string; urls: string[] }> = true;
  void [options, args];
} else if (result.command === "remote prune") {
  const options: Equal<Plain<typeof result.options>, { verbose: number; format: "text" | "json"; all: number }> = true;
  void options;
} else if (result.command === "remote") {
  const options: Equal<
    Plain<typeof result.options>,
    { verbose: number; format: "text" | "json"; all: boolean }
  > = true;
  void options;
} else {
  const last: Equal<typeof result.command, "config user set"> = true;
  const key: Equal<typeof result.args.key, "name" | "mail"> = true;
  const options: Equal<Plain<typeof result.options>, { verbose: number; format: "text" | "json" }> = true;
  void [last, key, options];
}

// @ts-expect-error no command has this name
void (result.command === "remote rename");
// @ts-expect-error a group that is not bare cannot be called
void (result.command === "config user");
// @ts-expect-error nor can the root
void (result.command === "");
// @ts-expect-error not every command has the argument
void result.args.name;

switch (result.command) {
  case "status":
  case "remote":
  case "remote add":
  case "remote prune":
  case "config user set":
    break;
  default: {
    const nothing: never = result;
    void nothing;
  }
}

type Add = ResultOf<typeof tool, "remote add">;
const addCommand: Equal<Add["command"], "remote add"> = true;
const addArguments: Equal<Plain<Add["args"]>, { name: string; urls: string[] }> = true;
// @ts-expect-error the name must be one of the commands
type Missing = ResultOf<typeof tool, "remote nothing">;

const asCommand: Command = tool;
const asResult: AnyResult = result;
renderHelp(tool, { program: "tool" });

export { addArguments, addCommand, asCommand, asResult, exportedNames, names, sameAsParse };
export type { Missing };
