import type { AnySchema, Infer, Issue, Path } from '@confkit/schema';
import { Config } from './config.ts';
import { ConfigError, type ConfigIssue } from './errors.ts';
import { interpolate } from './interpolate.ts';
import type { Layer } from './layers.ts';
import { mergeLayers } from './merge.ts';
import type { Origins } from './origin.ts';
import { Redactor } from './redact.ts';

export interface LoadOptions<S extends AnySchema> {
  readonly schema: S;
  /** From the weakest to the strongest. */
  readonly layers: readonly Layer[];
  /**
   * Paths of values that must not be shown, such as `db.password`. `*` stands for any one key or index; a single key,
   * such as `token`, matches at any depth.
   */
  readonly redact?: readonly string[];
}

/**
 * Merges the layers, resolves references and checks the result.
 *
 * @throws {LayerError} when a layer cannot be read.
 * @throws {InterpolationError} when a reference cannot be resolved.
 * @throws {ConfigError} when the result does not satisfy the schema.
 */
export function load<S extends AnySchema>({ schema, layers, redact = [] }: LoadOptions<S>): Config<Infer<S>> {
  const { tree: merged, origins } = mergeLayers(layers);
  const { tree, references } = interpolate(merged);
  const redactor = new Redactor(redact, references);
  // Interpolation makes text even of typed values, and only the schema knows what the text stands for.
  const isInterpolated = (path: Path): boolean => path.some((_, index) => references.from(path.slice(0, index + 1)).length > 0);
  const coerce = (path: Path): boolean => origins.inForce(path)?.origin.textual === true || isInterpolated(path);
  const result = schema.safeParse(tree, { coerce });
  if (!result.ok) throw new ConfigError(result.issues.map((issue) => located(concealed(issue, redactor), origins)));
  return new Config(result.value, origins, redactor);
}

/** The issue without the secrets that it would show. */
function concealed(issue: Issue, redactor: Redactor): Issue {
  if (issue.received === undefined) return issue;
  if (redactor.isSecret(issue.path)) return { code: issue.code, path: issue.path, message: 'Invalid value' };
  const received = redactor.mask(issue.received, issue.path);
  const branches = issue.branches?.map((branch) => branch.map((inner) => concealed(inner, redactor)));
  return branches === undefined ? { ...issue, received } : { ...issue, received, branches };
}

/** The issue with the origin of the value that it refuses. */
function located(issue: Issue, origins: Origins): ConfigIssue {
  const origin = issue.code === 'required' ? undefined : origins.inForce(issue.path)?.origin;
  return origin === undefined ? issue : { ...issue, origin };
}
