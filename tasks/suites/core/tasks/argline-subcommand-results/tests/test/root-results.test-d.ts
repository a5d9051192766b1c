import { command, option, parse, positional } from "../src/index.ts";
import type { AnyResult, Command, CommandName } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
type Plain<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;

const leaf = command({
  options: { jobs: option.integer(), dry: option.flag() },
  positionals: [positional.string("file", { optional: true })],
});
const leafResult = parse(leaf, []);
const leafName: Equal<typeof leafResult.command, ""> = true;
const leafOptions: Equal<Plain<typeof leafResult.options>, { jobs: number | undefined; dry: boolean }> = true;
const leafArguments: Equal<Plain<typeof leafResult.args>, { file: string | undefined }> = true;

const bare = command({
  bare: true,
  options: { dry: option.flag() },
  subcommands: { run: leaf },
});
const bareResult = parse(bare, []);
const bareNames: Equal<CommandName<typeof bare>, "" | "run"> = true;
if (bareResult.command === "") {
  const rootOptions: Equal<Plain<typeof bareResult.options>, { dry: boolean }> = true;
  void rootOptions;
} else {
  const runArguments: Equal<Plain<typeof bareResult.args>, { file: string | undefined }> = true;
  void runArguments;
}

const notBare = command({ bare: false, subcommands: { run: leaf } });
const notBareNames: Equal<CommandName<typeof notBare>, "run"> = true;

/** One command may hang in several places, each time with what it inherits there. */
const twice = command({
  subcommands: {
    left: command({ options: { side: option.string({ required: true }) }, subcommands: { run: leaf } }),
    right: command({ options: { side: option.integer({ required: true }) }, subcommands: { run: leaf } }),
  },
});
const twiceResult = parse(twice, []);
if (twiceResult.command === "left run") {
  const side: Equal<typeof twiceResult.options.side, string> = true;
  void side;
} else {
  const side: Equal<typeof twiceResult.options.side, number> = true;
  void side;
}

declare const unknownCommand: Command;
declare const unknownSubcommands: Record<string, Command>;
const unknownResult = parse(unknownCommand, []);
const unknownIsLoose: Equal<typeof unknownResult, AnyResult> = true;
const dynamic = command({ options: { dry: option.flag() }, subcommands: unknownSubcommands });
const dynamicResult = parse(dynamic, []);
const dynamicIsLoose: Equal<typeof dynamicResult, AnyResult> = true;

function describe(target: Command): string {
  return parse(target, []).command;
}
describe(twice);
describe(leaf);

export { bareNames, dynamicIsLoose, leafArguments, leafName, leafOptions, notBareNames, unknownIsLoose };
