import { command, option, parse, positional } from "../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

const copy = command({
  options: {
    outDir: option.string({ default: "dist" }),
    jobs: option.integer(),
    exclude: option.string({ repeated: true }),
    mode: option.choice(["fast", "safe"], { required: true }),
    since: option.custom((raw) => new Date(raw)),
    color: option.flag({ negatable: true }),
    verbose: option.count(),
  },
  positionals: [
    positional.string("sources", { variadic: true }),
    positional.integer("width", { default: 640 }),
    positional.choice("fit", ["crop", "pad"], { optional: true }),
  ],
});

const { options, args } = parse(copy, []);

const optionsAreInferred: Equal<
  typeof options,
  {
    outDir: string;
    jobs: number | undefined;
    exclude: string[];
    mode: "fast" | "safe";
    since: Date | undefined;
    color: boolean;
    verbose: number;
  }
> = true;

const argsAreInferred: Equal<
  typeof args,
  { sources: string[]; width: number; fit: "crop" | "pad" | undefined }
> = true;

// @ts-expect-error a default must be one of the choices
option.choice(["fast", "safe"], { default: "slow" });
// @ts-expect-error a repeated option has a list for its default
option.string({ repeated: true, default: "one" });

export { argsAreInferred, optionsAreInferred };
