/** The type of a parse result, inferred from the declaration. Nothing here exists at run time. */
import type { Command, OptionMap, PositionalList } from "./command.ts";
import type { Option } from "./option.ts";
import type { Positional } from "./positional.ts";

/** The value of each option, by key. */
export type OptionValues<Options extends OptionMap> = {
  -readonly [Key in keyof Options]: Options[Key] extends Option<infer Result> ? Result : never;
};

/** The value of each positional, by name. */
export type ArgumentValues<Positionals extends PositionalList> = {
  [Each in Positionals[number] as Each["name"]]: Each extends Positional<string, infer Result> ? Result : never;
};

export interface Parsed<Options, Arguments> {
  /** The subcommand that was called, as its names joined with single spaces: `"remote add"`; `""` for the root. */
  command: string;
  /** Inherited options and the command's own. */
  options: Options;
  args: Arguments;
}

/** What `parse` returns for the command `C`. */
export type ParseResult<C extends Command> =
  C extends Command<infer Options, infer Positionals>
    ? Parsed<OptionValues<Options>, ArgumentValues<Positionals>>
    : never;

/** A result of which nothing is known but its shape. */
export type AnyResult = Parsed<Record<string, unknown>, Record<string, unknown>>;
