/** What was wrong with a command line, for callers that branch on it. */
export type UsageErrorCode =
  | "unknown-option"
  | "unknown-command"
  | "missing-value"
  | "unexpected-value"
  | "invalid-value"
  | "missing-option"
  | "missing-argument"
  | "unexpected-argument"
  | "missing-command";

/** The person who typed the command line made a mistake. The message is fit to be printed as it is. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code: UsageErrorCode;
  /** The offending option, command or argument as it was spelt, such as `--colr`. */
  readonly subject: string;
  /** The closest valid spelling, when one is close enough to be worth naming. */
  readonly suggestion: string | undefined;

  constructor(code: UsageErrorCode, subject: string, message: string, suggestion?: string) {
    super(suggestion === undefined ? message : `${message} (did you mean ${suggestion}?)`);
    this.code = code;
    this.subject = subject;
    this.suggestion = suggestion;
  }
}

/** The author of a declaration made a mistake; thrown by `command()`, never while parsing. */
export class DeclarationError extends Error {
  override readonly name = "DeclarationError";
}

/** `--help` or `-h` was found where neither is declared. `path` names the subcommand that was asked about. */
export class HelpRequested extends Error {
  override readonly name = "HelpRequested";
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super("help was requested");
    this.path = path;
  }
}
