// The repository's TypeScript as JavaScript, once for all processes of a grade: each would take a tenth of a second only to be ready for it.
// Runs before the source does, and runs nothing of it. `node - strip|transform`, this text on stdin, in the repository; to descriptor 3 goes
// a JSON object {path: [text, JavaScript]}. Files that cannot be read or made into JavaScript are left to Node.
//
// `transform` is what vitest's own compiler makes of it: it also leaves out imports of types that do not say that they are, which Node keeps.
import fs from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { pathToFileURL } from "node:url";

const mode = process.argv[2];
const options = mode === "transform" ? { mode, sourceMap: true } : { mode };
const compile = mode === "transform" ? await vitestsCompiler() : undefined;
const made = {};

function look(directory) {
  for (const entry of fs.readdirSync(directory || ".", { withFileTypes: true })) {
    const path = directory + entry.name;
    if (entry.isDirectory()) {
      if (entry.name !== "node_modules" && entry.name !== ".git") look(`${path}/`);
    } else if (entry.isFile() && /(?<!\.d)\.[cm]?ts$/.test(entry.name)) {
      try {
        const text = fs.readFileSync(path, "utf8");
        made[path] = [text, compile?.(path, text) ?? stripTypeScriptTypes(text, options)];
      } catch {
        // Whoever loads it is told why it cannot be.
      }
    }
  }
}

look("");
fs.writeFileSync(3, JSON.stringify(made));

/** Undefined where the packages have none, as those of an older vitest. */
async function vitestsCompiler() {
  try {
    const vite = createRequire(createRequire("/workspace/package.json").resolve("vitest/package.json")).resolve("vite/package.json");
    const { transformSync } = await import(pathToFileURL(createRequire(vite).resolve("rolldown/utils")).href);
    return (path, text) => {
      const { code, map, errors } = transformSync(path, text, { lang: "ts", sourcemap: true, tsconfig: false });
      return errors?.length || !map ? undefined : `${code}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString("base64")}`;
    };
  } catch {
    return undefined;
  }
}
