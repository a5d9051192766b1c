// Which modules are the source's, and how specifiers lead to files: asked by the tests' process, by the source's and by vitest's.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Where the pipes are, and which files are the tests'. */
export const plan = JSON.parse(fs.readFileSync(new URL("plan.json", import.meta.url), "utf8"));

/** In place of `file://`, of a module that the source's process loads. */
export const BRIDGED = "bridge://";

const ENDINGS = [".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", "/index.ts", "/index.tsx", "/index.js"];
const trusted = new Set(plan.trusted);

/** Whether a file of the repository is no file of the tests. */
export function isSource(file) {
  const inRepository = file.startsWith(`${plan.repository}/`) && !file.includes("/node_modules/");
  return inRepository && !trusted.has(path.relative(plan.repository, file));
}

/** The file that a bundler would find where Node found none: endings may be left out, and `./x.js` may mean `./x.ts`. */
export function guess(specifier, parent) {
  if (!/^\.{0,2}\//.test(specifier) || !parent?.startsWith("file:")) return undefined;
  const bare = path.resolve(path.dirname(fileURLToPath(parent)), specifier);
  const stems = [bare, bare.replace(/\.[cm]?jsx?$/, "")];
  return stems.flatMap((stem) => ENDINGS.map((ending) => stem + ending)).find((file) => fs.existsSync(file));
}

/** TypeScript files that are JavaScript already, by their paths. */
export class Stripped {
  #made;

  constructor(file) {
    try {
      this.#made = JSON.parse(fs.readFileSync(file, "utf8"));
    } catch {
      this.#made = {};
    }
  }

  /** What Node loaded, or the JavaScript in its place where the file is still what it was. */
  inPlaceOf(url, loaded) {
    if (!loaded.format?.endsWith("-typescript") || !url.startsWith("file:")) return loaded;
    const [text, script] = this.#made[path.relative(plan.repository, fileURLToPath(url))] ?? [];
    const same = script !== undefined && Buffer.from(loaded.source).equals(Buffer.from(text));
    return same ? { format: loaded.format.replace("-typescript", ""), source: script, shortCircuit: true } : loaded;
  }
}
