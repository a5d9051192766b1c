import { command, dispatch, option, parse, positional } from "../src/index.ts";
import type { AnyResult } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
type Plain<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;

const tool = command({
  options: { verbose: option.count() },
  subcommands: {
    list: command({ options: { limit: option.integer({ default: 10 }) } }),
    remote: command({ subcommands: { add: command({ positionals: [positional.string("url")] }) } }),
  },
});
const result = parse(tool, []);

const returned = dispatch(result, {
  list: (list) => {
    const options: Equal<Plain<typeof list.options>, { verbose: number; limit: number }> = true;
    void options;
    return list.options.limit;
  },
  "remote add": (add) => {
    const args: Equal<Plain<typeof add.args>, { url: string }> = true;
    const name: Equal<typeof add.command, "remote add"> = true;
    void [args, name];
    return add.args.url;
  },
});
const returnedIsUnion: Equal<typeof returned, number | string> = true;

const finished = dispatch(result, { list: async () => 1, "remote add": () => undefined });
const finishedIsUnion: Equal<typeof finished, Promise<number> | undefined> = true;

// @ts-expect-error "remote add" has no handler
dispatch(result, { list: () => 1 });

// @ts-expect-error no command is called "remote remove"
dispatch(result, { list: () => 1, "remote add": () => 2, "remote remove": () => 3 });

// @ts-expect-error a command's result has no arguments of another
dispatch(result, { list: () => 1, "remote add": ({ args }) => args.path });

// @ts-expect-error a handler must take its command's result
dispatch(result, { list: () => 1, "remote add": (given: { args: { url: number } }) => given.args.url });

const leaf = command({ positionals: [positional.integer("count")] });
const counted = dispatch(parse(leaf, ["1"]), { "": ({ args }) => args.count });
const countedIsNumber: Equal<typeof counted, number> = true;

declare const loose: AnyResult;
declare const looseHandlers: Record<string, (given: AnyResult) => boolean>;
const looseReturned = dispatch(loose, looseHandlers);
const looseIsBoolean: Equal<typeof looseReturned, boolean> = true;

export { countedIsNumber, finishedIsUnion, looseIsBoolean, returnedIsUnion };
