import { MissingArgumentError } from './errors.ts';
import type { Part, PluralPart, ValuePart } from './parse.ts';

export type ArgumentValue = string | number | Date;
export type Arguments = { readonly [name: string]: ArgumentValue };

export interface FormatContext {
  readonly locale: string;
  readonly timeZone: string;
}

/** The text of a message that was read before. */
export function formatMessage(parts: readonly Part[], args: Arguments, context: FormatContext, count = 0): string {
  return parts.map((part) => formatPart(part, args, context, count)).join('');
}

function formatPart(part: Part, args: Arguments, context: FormatContext, count: number): string {
  if (typeof part === 'string') return part;
  switch (part.kind) {
    case 'count':
      return formatNumber(count, context, undefined);
    case 'plural': {
      const value = Number(valueOf(args, part.name));
      return formatMessage(choose(part, value, context), args, context, value);
    }
    case 'select': {
      const value = String(valueOf(args, part.name));
      return formatMessage(part.cases.get(value) ?? part.cases.get('other') ?? [], args, context, count);
    }
    default:
      return formatValue(part, valueOf(args, part.name), context);
  }
}

function choose({ cases, ordinal }: PluralPart, value: number, { locale }: FormatContext): readonly Part[] {
  const category = new Intl.PluralRules(locale, { type: ordinal ? 'ordinal' : 'cardinal' }).select(value);
  return cases.get(`=${value}`) ?? cases.get(category) ?? cases.get('other') ?? [];
}

function formatValue({ kind, style }: ValuePart, value: ArgumentValue, context: FormatContext): string {
  const { locale, timeZone } = context;
  if (kind === 'value') return String(value);
  if (kind === 'number') return formatNumber(Number(value), context, style);
  const length = (style ?? 'medium') as 'full' | 'long' | 'medium' | 'short';
  const styles = kind === 'date' ? { dateStyle: length } : { timeStyle: length };
  return new Intl.DateTimeFormat(locale, { ...styles, timeZone }).format(new Date(value));
}

function formatNumber(value: number, { locale }: FormatContext, style: string | undefined): string {
  const options = style === 'percent' ? { style: 'percent' as const } : style === 'integer' ? { maximumFractionDigits: 0 } : {};
  return new Intl.NumberFormat(locale, options).format(value);
}

function valueOf(args: Arguments, name: string): ArgumentValue {
  const value = Object.hasOwn(args, name) ? args[name] : undefined;
  if (value === undefined) throw new MissingArgumentError(name);
  return value;
}
