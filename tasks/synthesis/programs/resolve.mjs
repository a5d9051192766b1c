// Relative specifiers as a bundler resolves them, where Node finds no file: endings may be left out, and `./x.js` may mean `./x.ts`. The bridge
// does the same when it grades.
import fs from "node:fs";
import module from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ENDINGS = [".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", "/index.ts", "/index.tsx", "/index.js"];

module.registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (!/^\.{0,2}\//.test(specifier) || !context.parentURL?.startsWith("file:")) throw error;
      const bare = path.resolve(path.dirname(fileURLToPath(context.parentURL)), specifier);
      const stems = [bare, bare.replace(/\.[cm]?jsx?$/, "")];
      const file = stems.flatMap((stem) => ENDINGS.map((ending) => stem + ending)).find((candidate) => fs.existsSync(candidate));
      if (file === undefined) throw error;
      return next(pathToFileURL(file).href, context);
    }
  },
});
