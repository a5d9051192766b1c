// The repository's own vitest configuration, and what the bridge adds to it: files of the source are left to Node's loader in the worker,
// where `tests.mjs` puts mirrors in their place.
import fs from "node:fs";
import module from "node:module";
import { BRIDGED, isSource, plan } from "./modules.mjs";

const packages = module.createRequire(`${plan.repository}/`);
const { loadConfigFromFile, mergeConfig } = await import(packages.resolve("vite"));

const bridge = {
  name: "bridge",
  enforce: "pre",
  /** The source's process resolves by itself, and must know the configuration's aliases. */
  configResolved({ resolve }) {
    const aliases = resolve.alias.map(({ find, replacement }) => ({
      ...(find instanceof RegExp ? { pattern: find.source, flags: find.flags } : { prefix: find }),
      replacement,
    }));
    const file = `${plan.directory}/claims/aliases.json`;
    fs.writeFileSync(`${file}.${process.pid}`, JSON.stringify(aliases));
    fs.renameSync(`${file}.${process.pid}`, file); // whole at each moment: another process of tests may have begun
  },
  async resolveId(specifier, importer, options) {
    const resolved = await this.resolve(specifier, importer, { ...options, skipSelf: true });
    // An older vitest looks for itself beside the file that imports it, which `vitest-setup.mjs` is not.
    if (!resolved && specifier === "vitest") return { id: packages.resolve("vitest/package.json").replace("package.json", "dist/index.js"), external: true };
    const file = resolved?.id.split("?")[0];
    return file !== undefined && isSource(file) ? { id: BRIDGED + file, external: true } : null;
  },
};

const own = await loadConfigFromFile({ command: "serve", mode: "test" }, plan.config, plan.repository);
const { testTimeout = 5_000, hookTimeout = 10_000 } = own?.config.test ?? {};
export default mergeConfig(own?.config ?? {}, {
  plugins: [bridge],
  // Between two processes a call takes two changes of context: on a busy machine, a multiple of the time that the limits were made for.
  test: {
    testTimeout: 3 * testTimeout,
    hookTimeout: 3 * hookTimeout,
    pool: "forks",
    fsModuleCache: false,
    execArgv: ["--import", new URL("tests.mjs", import.meta.url).pathname],
    setupFiles: [new URL("vitest-setup.mjs", import.meta.url).pathname],
  },
});
