const LENGTH = { length: 1 } as const;
const TIME = { time: 1 } as const;
const MASS = { mass: 1 } as const;
const CURRENT = { current: 1 } as const;
const ENERGY = { length: 2, time: -2, mass: 1 } as const;

/** Units by name: how many base units (m, s, kg, A, K) one of them is, and of which dimension. */
export const UNITS = {
  '1': { factor: 1, dimension: {} },
  rad: { factor: 1, dimension: {} },
  '%': { factor: 0.01, dimension: {} },
  m: { factor: 1, dimension: LENGTH },
  km: { factor: 1000, dimension: LENGTH },
  cm: { factor: 0.01, dimension: LENGTH },
  mm: { factor: 0.001, dimension: LENGTH },
  mi: { factor: 1609.344, dimension: LENGTH },
  ft: { factor: 0.3048, dimension: LENGTH },
  s: { factor: 1, dimension: TIME },
  ms: { factor: 0.001, dimension: TIME },
  min: { factor: 60, dimension: TIME },
  h: { factor: 3600, dimension: TIME },
  d: { factor: 86_400, dimension: TIME },
  kg: { factor: 1, dimension: MASS },
  g: { factor: 0.001, dimension: MASS },
  t: { factor: 1000, dimension: MASS },
  lb: { factor: 0.453_592_37, dimension: MASS },
  A: { factor: 1, dimension: CURRENT },
  mA: { factor: 0.001, dimension: CURRENT },
  K: { factor: 1, dimension: { temperature: 1 } },
  N: { factor: 1, dimension: { length: 1, time: -2, mass: 1 } },
  J: { factor: 1, dimension: ENERGY },
  W: { factor: 1, dimension: { length: 2, time: -3, mass: 1 } },
  Hz: { factor: 1, dimension: { time: -1 } },
  C: { factor: 1, dimension: { time: 1, current: 1 } },
  V: { factor: 1, dimension: { length: 2, time: -3, mass: 1, current: -1 } },
  L: { factor: 0.001, dimension: { length: 3 } },
} as const;

export type UnitName = keyof typeof UNITS;
