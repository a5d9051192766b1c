// The names that tests of jest or mocha use, as vitest has them.
import * as vitest from "vitest";

export const { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test, vi } = vitest;
export const jest = Object.assign(Object.create(vi), { requireActual: vi.importActual, setTimeout: (testTimeout) => vi.setConfig({ testTimeout }) });
export const before = beforeAll;
export const after = afterAll;
export const context = describe;
export const specify = it;
export const suite = describe;
export const setup = beforeEach;
export const teardown = afterEach;

Object.assign(globalThis, { jest, before, after, context, specify, setup, teardown, xit: it.skip, xtest: it.skip, xdescribe: describe.skip, fit: it.only, fdescribe: describe.only });
