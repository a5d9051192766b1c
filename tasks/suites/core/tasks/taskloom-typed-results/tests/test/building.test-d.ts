import { describe, dot, graph, type Results } from '../src/index.ts';

/** Both ways, and not `any`. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;

const build = graph()
  .add('config', [], () => ({ include: ['src'] }))
  .add('sources', ['config'], async ({ config }) => config.include.length)
  .add('bundle', ['config', 'sources'], ({ config, sources }, { signal, name }) => {
    const inputs: Same<typeof sources, number> = true;
    const text: string = name;
    return inputs && !signal.aborted ? [config.include[0] ?? text] : [];
  })
  .add('report', ['bundle'], ({ bundle }) => Promise.resolve(bundle.length > 0));

export const results: Same<
  Results<typeof build>,
  { config: { include: string[] }; sources: number; bundle: string[]; report: boolean }
> = true;
export const order: Same<typeof build.order, ('config' | 'sources' | 'bundle' | 'report')[]> = true;
export const layers: Same<typeof build.layers, ('config' | 'sources' | 'bundle' | 'report')[][]> = true;
declare const anyName: string;
export const there: boolean = build.has(anyName);
export const text: string = describe(build) + dot(build) + describe(graph());

const none = graph();
export const noResults: Same<keyof Results<typeof none>, never> = true;

// Results
const kinds = graph()
  .add('nothing', [], () => {})
  .add('nested', [], async () => Promise.resolve(Promise.resolve('x')))
  .add('maybe', [], (): number | Promise<string> => 1)
  .add('never', [], () => {
    throw new Error('x');
  });
export const kindsOfResults: Same<Results<typeof kinds>['nested'], string> = true;
export const maybeIsBoth: Same<Results<typeof kinds>['maybe'], number | string> = true;

// Needs
const needs = ['config', 'report'] as const;
build.add('more', needs, ({ config, report }) => [config.include, report] satisfies [string[], boolean]);
// @ts-expect-error no such task
build.add('more', ['confg'], () => 1);
// @ts-expect-error one of them is not there
build.add('more', ['config', 'more'], () => 1);
// @ts-expect-error there are no tasks yet
graph().add('a', ['a'], () => 1);
// @ts-expect-error not among the needs, though there
build.add('more', ['config'], ({ sources }) => sources);
// @ts-expect-error nothing is needed
build.add('more', [], ({ config }) => config);
// @ts-expect-error not a list
build.add('more', ['config'], ({ config }) => config.length);
// @ts-expect-error a number is no function
build.add('more', ['config'], 1);

// Names
// @ts-expect-error taken
build.add('config', [], () => 1);
// @ts-expect-error taken by the last
build.add('report', ['bundle'], () => 1);
const again = graph().add('a', [], () => 1);
again.add('b', [], () => 1);
again.add('b', [], () => 'another graph may have it');

// Merging
const other = graph().add('x', [], () => 1n).add('y', ['x'], ({ x }) => x);
const merged = build.merge(other).add('end', ['y', 'report'], ({ y, report }) => [y, report] as const);
export const mergedResults: Same<
  Results<typeof merged>,
  { config: { include: string[] }; sources: number; bundle: string[]; report: boolean; x: bigint; y: bigint; end: readonly [bigint, boolean] }
> = true;
// @ts-expect-error both have it
build.merge(graph().add('config', [], () => 1));
// @ts-expect-error both have one of them
merged.merge(graph().add('free', [], () => 1).add('y', ['free'], () => 1));
build.merge(graph());
// @ts-expect-error not a graph
build.merge({});

// Many
const many = graph()
  .add('t0', [], () => 0)
  .add('t1', ['t0'], ({ t0 }) => t0)
  .add('t2', ['t0', 't1'], ({ t1 }) => t1)
  .add('t3', ['t1', 't2'], ({ t2 }) => t2)
  .add('t4', ['t2', 't3'], ({ t3 }) => t3)
  .add('t5', ['t3', 't4', 't0'], ({ t4 }) => t4)
  .add('t6', ['t4', 't5'], ({ t5 }) => t5)
  .add('t7', ['t5', 't6'], ({ t6 }) => t6)
  .add('t8', ['t6', 't7'], ({ t7 }) => t7)
  .add('t9', ['t7', 't8', 't1'], ({ t8 }) => t8)
  .add('t10', ['t8', 't9'], ({ t9 }) => t9)
  .add('t11', ['t9', 't10'], ({ t10 }) => t10)
  .add('t12', ['t10', 't11'], ({ t11 }) => t11)
  .add('t13', ['t11', 't12'], ({ t12 }) => t12)
  .add('t14', ['t12', 't13'], ({ t13 }) => t13)
  .add('t15', ['t13', 't14'], ({ t14 }) => t14)
  .add('t16', ['t14', 't15'], ({ t15 }) => t15)
  .add('t17', ['t15', 't16'], ({ t16 }) => t16)
  .add('t18', ['t16', 't17'], ({ t17 }) => t17)
  .add('t19', ['t17', 't18'], ({ t18 }) => t18)
  .add('t20', ['t18', 't19'], ({ t19 }) => t19)
  .add('t21', ['t19', 't20'], ({ t20 }) => t20)
  .add('t22', ['t20', 't21'], ({ t21 }) => t21)
  .add('t23', ['t21', 't22'], ({ t22 }) => t22)
  .add('t24', ['t22', 't23'], ({ t23 }) => t23)
  .add('t25', ['t23', 't24'], ({ t24 }) => t24)
  .add('t26', ['t24', 't25'], ({ t25 }) => t25)
  .add('t27', ['t25', 't26'], ({ t26 }) => t26)
  .add('t28', ['t26', 't27'], ({ t27 }) => t27)
  .add('alone', [], () => 'x')
  .add('t29', ['t27', 't28'], ({ t28 }) => t28);
export const last: Same<Results<typeof many>['t29'], number> = true;
export const manyRan: Promise<number> = many.run({ targets: ['t29'] }).then((ran) => ran.t0 + ran.t29);
// @ts-expect-error nothing needs it
void many.run({ targets: ['t29'] }).then((ran) => ran.alone);
