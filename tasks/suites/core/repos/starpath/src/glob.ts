import { expandBraces } from './braces.ts';
import { compileSegment } from './compile.ts';
import { literalOf, splitPath } from './escape.ts';

export interface GlobOptions {
  /** Whether what is no literal also matches a `.` at the start of a name. */
  readonly dot?: boolean;
}

/** `**`, or a name by its expression. */
type Step = 'any' | RegExp;

/** A pattern, ready to be matched. */
export class Glob {
  readonly pattern: string;
  readonly #dot: boolean;
  readonly #variants: readonly (readonly Step[])[];
  readonly #bases: readonly (readonly string[])[];

  constructor(pattern: string, { dot = false }: GlobOptions = {}) {
    this.pattern = pattern;
    this.#dot = dot;
    const variants = expandBraces(pattern).map(splitPath);
    this.#variants = variants.map((segments) => segments.map((segment) => (segment === '**' ? 'any' : compileSegment(segment, dot))));
    this.#bases = variants.map(baseOf);
  }

  /** The directory at the start of the pattern that is the same for all matches. */
  get base(): string {
    const [first = [], ...others] = this.#bases;
    const end = first.findIndex((name, index) => others.some((other) => other[index] !== name));
    return first.slice(0, end === -1 ? first.length : end).join('/');
  }

  match(path: string): boolean {
    const names = path.split('/');
    return this.#variants.some((steps) => this.#reaches(steps, names, false));
  }

  /** False when no path below the directory can match; `''` is where all paths start. */
  mayMatchBelow(directory: string): boolean {
    const names = directory === '' ? [] : directory.split('/');
    return this.#variants.some((steps) => this.#reaches(steps, names, true));
  }

  /** Whether the steps match the names, or with `isPartial` these and at least one more. */
  #reaches(steps: readonly Step[], names: readonly string[], isPartial: boolean): boolean {
    const [step, ...rest] = steps;
    const [name, ...others] = names;
    if (step === undefined) return name === undefined && !isPartial;
    if (name === undefined) return isPartial || (step === 'any' && this.#reaches(rest, names, false));
    if (step !== 'any') return step.test(name) && this.#reaches(rest, others, isPartial);
    const isEntered = name !== '' && (this.#dot || !name.startsWith('.'));
    return this.#reaches(rest, names, isPartial) || (isEntered && this.#reaches(steps, others, isPartial));
  }
}

/** The names before the first segment that is magic, without the last segment, which is no directory. */
function baseOf(segments: readonly string[]): string[] {
  const names = segments.slice(0, -1).map(literalOf);
  const end = names.indexOf(undefined);
  return names.slice(0, end === -1 ? names.length : end).map(String);
}

export function glob(pattern: string, options?: GlobOptions): Glob {
  return new Glob(pattern, options);
}
