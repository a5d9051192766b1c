import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (name: string): string => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      '@confkit/schema': source('schema'),
      '@confkit/loader': source('loader'),
    },
  },
  test: {
    include: ['packages/*/test/**/*.test.ts'],
  },
});
