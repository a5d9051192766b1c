import { graph } from '../src/index.ts';

/** Both ways, and not `any`; no property more. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;

const build = graph()
  .add('config', [], () => 'c')
  .add('clean', [], () => {})
  .add('sources', ['config'], () => 1)
  .add('types', ['sources'], () => 2n)
  .add('bundle', ['types', 'clean'], async () => true)
  .add('report', ['sources'], () => Symbol('r'));

const all = await build.run();
export const allAreThere: Same<typeof all, { config: string; clean: void; sources: number; types: bigint; bundle: boolean; report: symbol }> = true;
const limited = await build.run({ concurrency: 2, onEvent: ({ task, type }) => [task, type] satisfies ['config' | 'clean' | 'sources' | 'types' | 'bundle' | 'report', string] });
export const limitedIsAll: Same<typeof limited, typeof all> = true;
const empty = await graph().run();
export const nothing: Same<keyof typeof empty, never> = true;

// Targets
const bundled = await build.run({ targets: ['bundle'] });
export const bundledNeeds: Same<typeof bundled, { config: string; clean: void; sources: number; types: bigint; bundle: boolean }> = true;
const config = await build.run({ targets: ['config'], concurrency: 1 });
export const configNeedsNothing: Same<typeof config, { config: string }> = true;
const two = await build.run({ targets: ['report', 'types'] });
export const twoNeeds: Same<typeof two, { config: string; sources: number; types: bigint; report: symbol }> = true;
const fixed = ['report'] as const;
const reported = await build.run({ targets: fixed });
export const reportedNeeds: Same<typeof reported, { config: string; sources: number; report: symbol }> = true;
const nobody = await build.run({ targets: [] });
export const nobodyRan: Same<keyof typeof nobody, never> = true;
// @ts-expect-error it does not run
void bundled.report;
// @ts-expect-error no such task
void build.run({ targets: ['bundel'] });
// @ts-expect-error one of them is not there
void build.run({ targets: ['bundle', 'x'] });
// @ts-expect-error there are none
void graph().run({ targets: ['x'] });
// @ts-expect-error not one of the names
void build.run({ onEvent: ({ task }) => task === 'x' });

// Nobody knows how many
declare const some: ('report' | 'types')[];
declare const someFixed: readonly ('report' | 'types')[];
const ran = await build.run({ targets: some });
const ranFixed = await build.run({ targets: someFixed });
export const ranMay: Same<typeof ran, { config?: string; sources?: number; types?: bigint; report?: symbol }> = true;
export const ranFixedMay: Same<typeof ranFixed, { config?: string; sources?: number; types?: bigint; report?: symbol }> = true;
// @ts-expect-error may not have run
export const sure: bigint = ran.types;
// @ts-expect-error cannot run
void ran.bundle;

// Nobody knows which
declare const either: 'report' | 'types';
const ranEither = await build.run({ targets: [either] });
export const maybeReport: symbol | undefined = ranEither.report;
export const maybeTypes: bigint | undefined = ranEither.types;
// @ts-expect-error may be the other
export const sureReport: symbol = ranEither.report;
// @ts-expect-error cannot run
void ranEither.clean;

// Nobody knows whether
declare const options: { concurrency: number; targets?: readonly ('report' | 'types')[] };
const ranMaybe = await build.run(options);
export const maybeBundle: boolean | undefined = ranMaybe.bundle;
export const maybeConfig: string | undefined = ranMaybe.config;
// @ts-expect-error may not have run
export const sureBundle: boolean = ranMaybe.bundle;
// @ts-expect-error no such task
void ranMaybe.x;

// After a merge
const merged = build.merge(graph().add('x', [], () => 'x').add('y', ['x'], () => 'y')).add('z', ['y', 'config'], () => 'z');
const ranMerged = await merged.run({ targets: ['z'] });
export const mergedNeeds: Same<typeof ranMerged, { x: string; y: string; config: string; z: string }> = true;
