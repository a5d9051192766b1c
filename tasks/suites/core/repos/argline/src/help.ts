/** Help text of a command. Returns it; printing is the caller's. */
import { hasSubcommands, type Command } from "./command.ts";
import { UsageError } from "./errors.ts";
import { longName } from "./names.ts";
import type { Option } from "./option.ts";
import type { Positional } from "./positional.ts";
import { scopeOf } from "./scope.ts";
import { closest } from "./suggest.ts";
import { table, wrap, type Row } from "./wrap.ts";

export interface HelpSettings {
  /** The name that the program is called by. */
  readonly program: string;
  /** The subcommand to describe, from the root inwards; the root itself when left out. */
  readonly path?: readonly string[];
  /** Columns; 80 when left out. */
  readonly width?: number;
}

/**
 * The help of `root`, or of the subcommand at `path`: usage, description, arguments, commands and options. Ends in a
 * line break. Throws `UsageError` when there is no such subcommand.
 */
export function renderHelp(root: Command, settings: HelpSettings): string {
  const { program, path = [], width = 80 } = settings;
  const chain = chainOf(root, path);
  const command = chain.at(-1) ?? root;
  const sections = [
    usage([program, ...path].join(" "), chain, width),
    command.description === "" ? [] : wrap(command.description, width),
    section("Arguments", command.positionals.map(positionalRow), width),
    section("Commands", Object.entries(command.subcommands).map(commandRow), width),
    ...optionSections(chain, width),
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${text.join("\n\n")}\n`;
}

function chainOf(root: Command, path: readonly string[]): Command[] {
  const chain = [root];
  let current = root;
  for (const name of path) {
    const inner = Object.hasOwn(current.subcommands, name) ? current.subcommands[name] : undefined;
    if (inner === undefined) {
      const suggestion = closest(name, Object.keys(current.subcommands));
      throw new UsageError("unknown-command", name, `unknown command "${name}"`, suggestion);
    }
    chain.push(inner);
    current = inner;
  }
  return chain;
}

function usage(called: string, chain: readonly Command[], width: number): string[] {
  const parts: string[] = [];
  for (const [key, option] of scopeOf(chain).options) {
    if (option.required && !option.hidden) parts.push(`--${longName(key)} <${option.placeholder}>`);
  }
  if ([...scopeOf(chain).options.values()].some((option) => !option.required && !option.hidden)) parts.push("[options]");
  const command = chain.at(-1);
  if (command !== undefined) {
    if (hasSubcommands(command)) parts.push(command.bare ? "[command]" : "<command>");
    parts.push(...command.positionals.map(positionalLabel));
  }
  const lead = `Usage: ${called}`;
  const [first = "", ...others] = wrap(parts.join(" "), Math.max(20, width - lead.length - 1));
  const hanging = " ".repeat(lead.length + 1);
  return [`${lead} ${first}`.trimEnd(), ...others.map((line) => hanging + line)];
}

function section(title: string, rows: readonly Row[], width: number): string[] {
  return rows.length === 0 ? [] : [`${title}:`, ...table(rows, width)];
}

/** The command's own options under their groups in the order of declaration, then those it inherits. */
function optionSections(chain: readonly Command[], width: number): string[][] {
  const own = chain.at(-1)?.options ?? {};
  const groups = new Map<string, Row[]>([["Options", []]]);
  const inherited: Row[] = [];
  for (const [key, option] of scopeOf(chain).options) {
    if (option.hidden) continue;
    if (!Object.hasOwn(own, key)) {
      inherited.push(optionRow(key, option));
      continue;
    }
    const title = option.group ?? "Options";
    const rows = groups.get(title) ?? [];
    groups.set(title, [...rows, optionRow(key, option)]);
  }
  return [...groups, ["Inherited options", inherited] as const].map(([title, rows]) => section(title, rows, width));
}

function commandRow([name, command]: [string, Command]): Row {
  return { left: name, right: command.summary };
}

function positionalRow(positional: Positional): Row {
  const { choices, fallback, variadic } = positional;
  const notes = choices.length > 0 ? [`(choices: ${choices.join(", ")})`] : [];
  if (!variadic && fallback !== undefined) notes.push(`(default: ${String(fallback)})`);
  return { left: positionalLabel(positional), right: joined(positional.description, notes) };
}

function positionalLabel({ name, optional, variadic }: Positional): string {
  const label = variadic ? `${name}...` : name;
  return optional ? `[${label}]` : `<${label}>`;
}

function optionRow(key: string, option: Option): Row {
  const long = option.negatable ? `--[no-]${longName(key)}` : `--${longName(key)}`;
  const names = option.short === undefined ? `    ${long}` : `-${option.short}, ${long}`;
  const value = option.kind === "value" ? ` <${option.placeholder}>${option.repeated ? "..." : ""}` : "";
  return { left: names + value, right: joined(option.description, optionNotes(option)) };
}

function optionNotes(option: Option): string[] {
  const notes: string[] = [];
  if (option.choices.length > 0) notes.push(`(choices: ${option.choices.join(", ")})`);
  const shown = Array.isArray(option.fallback) ? option.fallback.join(", ") : option.fallback;
  if (option.kind === "value" ? shown !== undefined && shown !== "" : shown === true) {
    notes.push(`(default: ${shown === true ? "on" : String(shown)})`);
  }
  if (option.env !== undefined) notes.push(`[env: ${option.env}]`);
  if (option.required) notes.push("(required)");
  return notes;
}

function joined(description: string, notes: readonly string[]): string {
  return [description, ...notes].filter((part) => part !== "").join(" ");
}
