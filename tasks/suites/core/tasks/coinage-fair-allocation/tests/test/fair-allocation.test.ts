import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Money } from '../src/index.ts';

const minor = (units: bigint, ratios: readonly (string | number)[]): bigint[] =>
  Money.ofMinor(units, 'JPY').allocate([...ratios]).map((part) => part.minor);

describe('fair allocation', () => {
  it('gives what is left to those that lost the largest fraction', () => {
    assert.deepEqual(minor(100n, ['33.3', '33.3', '33.4']), [33n, 33n, 34n]);
    assert.deepEqual(minor(10n, [1, 5, 1]), [2n, 7n, 1n]);
    assert.deepEqual(minor(7n, [10, 11, 12, 13]), [1n, 2n, 2n, 2n]);
    assert.deepEqual(minor(101n, [1, 1, 1, 1, 4]), [13n, 13n, 13n, 12n, 50n]);
  });

  it('keeps the order of the ratios among equal fractions', () => {
    assert.deepEqual(minor(5n, [1, 1, 1]), [2n, 2n, 1n]);
    assert.deepEqual(minor(11n, [2, 1, 2, 1]), [4n, 2n, 3n, 2n]);
  });

  it('gives nothing for a ratio of zero', () => {
    assert.deepEqual(minor(5n, [0, 1, 1]), [0n, 3n, 2n]);
    assert.deepEqual(minor(1n, [0, '0.000', 1e-12, 0]), [0n, 0n, 1n, 0n]);
    assert.deepEqual(minor(-5n, ['0', 1, 0, 1]), [0n, -3n, 0n, -2n]);
  });

  it('divides a debt like a credit', () => {
    for (const ratios of [[1, 1, 1], ['33.3', '33.3', '33.4'], [0, 3, 7, 5], [5, 1, 1, 1, 0.5]]) {
      for (const units of [1n, 2n, 5n, 99n, 100n, 101n, 1_234_567n]) {
        assert.deepEqual(minor(-units, ratios), minor(units, ratios).map((part) => -part), `${units} by ${ratios.join()}`);
      }
    }
  });

  it('knows only proportions', () => {
    const same = [[1, 2, 4], ['0.001', '0.002', '0.004'], ['1e-9', 2e-9, '0.000000004'], ['1e20', '2e20', '400000000000000000000']];
    for (const ratios of same) assert.deepEqual(minor(100n, ratios), [14n, 29n, 57n], ratios.join());
    assert.deepEqual(minor(100n, ['0.0004', '0.0004']), [50n, 50n]);
    assert.deepEqual(minor(10_000n, ['0.12345', '0.87655']), [1235n, 8765n]);
  });

  it('stays exact for large amounts and long ratios', () => {
    const units = 900_719_925_474_099_312_345n;
    const ratios = ['0.3333333333333333333333333', '0.3333333333333333333333334', '0.3333333333333333333333333'];
    const parts = minor(units, ratios);
    assert.equal(parts.reduce((a, b) => a + b, 0n), units);
    assert.deepEqual(parts, [300_239_975_158_033_104_115n, 300_239_975_158_033_104_115n, 300_239_975_158_033_104_115n]);
    assert.deepEqual(minor(10n ** 24n + 1n, ['0.12345', '0.2']), [
      381_666_409_027_670_428_196_012n,
      618_333_590_972_329_571_803_989n,
    ]);
  });

  it('always adds up, within one unit of the exact share', () => {
    let seed = 7;
    const next = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 60; round += 1) {
      const weights = Array.from({ length: 1 + next(6) }, () => next(50));
      weights.push(1);
      const units = BigInt(next(100_000) - 50_000);
      const total = BigInt(weights.reduce((a, b) => a + b, 0));
      const parts = minor(units, weights.map((weight) => `${weight}e-3`));
      assert.equal(parts.reduce((a, b) => a + b, 0n), units);
      for (const [index, part] of parts.entries()) {
        const distance = part * total - units * BigInt(weights[index] ?? 0);
        assert.ok((distance < 0n ? -distance : distance) < total, `${units} by ${weights.join()}: ${parts.join()}`);
      }
    }
  });

  it('splits evenly, debts too', () => {
    assert.deepEqual(Money.of('-1', 'USD').split(3).map((part) => part.minor), [-34n, -33n, -33n]);
    assert.deepEqual(Money.of('0.02', 'USD').split(4).map((part) => part.minor), [1n, 1n, 0n, 0n]);
  });

  it('still refuses what makes no sense', () => {
    for (const ratios of [[], [0], ['0.0', 0], [1, '-0.0001'], [-1e-9, 1]]) {
      assert.throws(() => Money.zero('EUR').allocate(ratios), RangeError, ratios.join());
      assert.throws(() => Money.of(1, 'EUR').allocate(ratios), RangeError, ratios.join());
    }
  });

  it('gives zeros for zero', () => {
    assert.deepEqual(minor(0n, [1, 2, 0]), [0n, 0n, 0n]);
  });
});
