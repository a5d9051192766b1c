import { hasSubcommands, type Command } from "./command.ts";
import { UsageError } from "./errors.ts";
import { resolveOptions, resolvePositionals, type Environment } from "./resolve.ts";
import type { AnyResult, ParseResult } from "./result.ts";
import { walk } from "./walk.ts";

export interface ParseSettings {
  /** Where options look for their `env`; the process's own environment when left out. */
  readonly env?: Environment;
}

/**
 * Reads `argv`, without the interpreter and the script, as the declaration says.
 *
 * Throws `UsageError` when the command line does not fit, and `HelpRequested` for an undeclared `--help` or `-h`.
 */
export function parse<C extends Command>(root: C, argv: readonly string[], settings: ParseSettings = {}): ParseResult<C> {
  const { path, command, scope, occurrences, words } = walk(root, argv);
  if (hasSubcommands(command) && words.length === 0 && !command.bare) {
    const names = Object.keys(command.subcommands).join(", ");
    throw new UsageError("missing-command", path.join(" "), `a command is needed: one of ${names}`);
  }
  const result: AnyResult = {
    command: path.join(" "),
    options: resolveOptions(scope, occurrences, settings.env ?? process.env),
    args: resolvePositionals(command.positionals, words),
  };
  return result as ParseResult<C>;
}
