/**
 * The first half of parsing: which words of the command line belong to which option, subcommand or argument.
 * Nothing is converted here, and nothing that is missing is noticed except the value of an option.
 */
import { hasSubcommands, type Command } from "./command.ts";
import { HelpRequested, UsageError } from "./errors.ts";
import { looksLikeNegativeNumber, looksLikeOption } from "./names.ts";
import { scopeOf, type Match, type Scope } from "./scope.ts";
import { closest } from "./suggest.ts";

/** One appearance of an option. */
export interface Occurrence {
  /** As it was typed, for messages: `--out-dir`, `-o`. */
  readonly spelling: string;
  readonly negated: boolean;
  /** Undefined for flags and counts. */
  readonly value: string | undefined;
}

export interface Walk {
  /** The subcommand's names from the root inwards; empty for the root itself. */
  readonly path: readonly string[];
  readonly command: Command;
  readonly scope: Scope;
  /** By option key, in the order of the command line. */
  readonly occurrences: ReadonlyMap<string, readonly Occurrence[]>;
  /** The words left for positionals. */
  readonly words: readonly string[];
}

/** One command of the chain and the options that were given while it was the innermost one. */
interface Level {
  readonly command: Command;
  readonly scope: Scope;
  readonly occurrences: Map<string, Occurrence[]>;
}

export function walk(root: Command, argv: readonly string[]): Walk {
  const path: string[] = [];
  const words: string[] = [];
  const levels: Level[] = [];
  let level = enter(root);
  let next = 0;

  function enter(command: Command): Level {
    const chain = [...levels.map((outer) => outer.command), command];
    const entered: Level = { command, scope: scopeOf(chain), occurrences: new Map() };
    levels.push(entered);
    return entered;
  }

  function isOption(word: string): boolean {
    return looksLikeOption(word) && (level.scope.hasDigits || !looksLikeNegativeNumber(word));
  }

  function record(match: Match, occurrence: Occurrence): void {
    const earlier = level.occurrences.get(match.key);
    if (earlier === undefined) level.occurrences.set(match.key, [occurrence]);
    else earlier.push(occurrence);
  }

  /** The word behind an option that needs a value. */
  function takeValue(spelling: string): string {
    const word = argv[next];
    if (word === undefined || isOption(word)) {
      throw new UsageError("missing-value", spelling, `${spelling} needs a value`);
    }
    next += 1;
    return word;
  }

  function readLong(word: string): void {
    const equals = word.indexOf("=");
    const spelling = equals === -1 ? word : word.slice(0, equals);
    const inline = equals === -1 ? undefined : word.slice(equals + 1);
    const match = level.scope.long.get(spelling.slice(2));
    if (match === undefined) {
      if (spelling === "--help") throw new HelpRequested(path);
      throw unknownOption(spelling, level.scope);
    }
    const { negated } = match;
    if (match.option.kind === "value") {
      record(match, { spelling, negated, value: inline ?? takeValue(spelling) });
      return;
    }
    if (inline !== undefined) {
      throw new UsageError("unexpected-value", spelling, `${spelling} does not take a value`);
    }
    record(match, { spelling, negated, value: undefined });
  }

  /** `-xvf file`: switches, of which the last may take the rest of the word or the next word as its value. */
  function readCluster(word: string): void {
    for (let index = 1; index < word.length; index += 1) {
      const letter = word.charAt(index);
      const spelling = `-${letter}`;
      const match = level.scope.short.get(letter);
      if (match === undefined) {
        if (letter === "h") throw new HelpRequested(path);
        throw unknownOption(spelling, level.scope);
      }
      if (match.option.kind === "value") {
        const rest = word.slice(index + 1).replace(/^=/, "");
        const value = index + 1 < word.length ? rest : takeValue(spelling);
        record(match, { spelling, negated: false, value });
        return;
      }
      record(match, { spelling, negated: false, value: undefined });
    }
  }

  function readWord(word: string): void {
    if (!hasSubcommands(level.command)) {
      words.push(word);
      return;
    }
    const names = Object.keys(level.command.subcommands);
    const chosen = Object.hasOwn(level.command.subcommands, word) ? level.command.subcommands[word] : undefined;
    if (chosen === undefined) {
      throw new UsageError("unknown-command", word, `unknown command "${word}"`, closest(word, names));
    }
    path.push(word);
    level = enter(chosen);
  }

  while (next < argv.length) {
    const word = argv[next] as string;
    next += 1;
    if (word === "--") {
      words.push(...argv.slice(next));
      break;
    }
    if (!isOption(word)) readWord(word);
    else if (word.startsWith("--")) readLong(word);
    else readCluster(word);
  }

  // An option that a subcommand declares anew is not mixed with the outer one: the innermost level has it.
  const occurrences = new Map(levels.flatMap((each) => [...each.occurrences]));
  return { path, command: level.command, scope: level.scope, occurrences, words };
}

function unknownOption(spelling: string, scope: Scope): UsageError {
  const message = `unknown option ${spelling}`;
  if (!spelling.startsWith("--")) return new UsageError("unknown-option", spelling, message);
  const candidates = [...scope.long].filter(([, match]) => !match.option.hidden).map(([name]) => `--${name}`);
  return new UsageError("unknown-option", spelling, message, closest(spelling, candidates));
}
