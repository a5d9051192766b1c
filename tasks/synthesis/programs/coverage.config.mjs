// The repository's own vitest configuration with the set-up file that follows coverage.
import module from "node:module";

const { loadConfigFromFile, mergeConfig } = await import(module.createRequire("/workspace/package.json").resolve("vite"));
const own = process.env.HARNESS_CONFIG ? await loadConfigFromFile({ command: "serve", mode: "test" }, process.env.HARNESS_CONFIG, process.cwd()) : undefined;

export default mergeConfig(own?.config ?? {}, { test: { setupFiles: ["./.coverage/coverage-vitest.mjs"], pool: "forks" } });
