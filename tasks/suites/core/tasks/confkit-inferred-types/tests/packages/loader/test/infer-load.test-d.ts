import * as s from '@confkit/schema';
import { load, type Config } from '@confkit/loader';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const check = <T extends true>(): T | undefined => undefined;

const base = s.object({ level: s.oneOf(['debug', 'info']).default('info'), retries: s.number().optional() });
const schema = base.extend({
  store: s.variants('kind', [
    s.object({ kind: s.literal('memory') }),
    s.object({ kind: s.literal('disk'), range: s.tuple([s.number(), s.number()]).optional() }),
  ]),
});

interface Expected {
  level: 'debug' | 'info';
  retries?: number;
  store: { kind: 'memory' } | { kind: 'disk'; range?: [number, number] };
}

const config = load({ schema, layers: [] });
type Value = typeof config.value;
check<Equal<keyof Value, keyof Expected>>();
check<Equal<Value['level'], 'debug' | 'info'>>();
check<Equal<Value['store'], Expected['store']>>();
export const same: Config<Expected> = config;
export const value: Value = { level: 'info', store: { kind: 'disk', range: [1, 2] } };

export const span = (loaded: Value): number => {
  if (loaded.store.kind === 'memory') return 0;
  const [from, to] = loaded.store.range ?? [0, 0];
  return to - from;
};
// @ts-expect-error Not before the kind is known.
export const rangeOf = (loaded: Value): unknown => loaded.store.range;
// @ts-expect-error Retries may be missing.
export const retries = (loaded: Value): number => loaded.retries;
