// Tests that were written for jest or mocha, under vitest: its names are global, and jest's object and mocha's hooks are vitest's own.
import { defineConfig } from "vitest/config";

const here = new URL(".", import.meta.url).pathname;

export default defineConfig({
  resolve: { alias: { "@jest/globals": `${here}.vitest/names.mjs`, mocha: `${here}.vitest/names.mjs` } },
  test: { globals: true, passWithNoTests: true, setupFiles: ["./.vitest/names.mjs"], include: ["**/*.{ts,tsx,mts,cts,js,mjs}"], exclude: ["**/node_modules/**", "**/.vitest/**"] },
});
