// The repository's TypeScript as JavaScript, once for all processes of a grade: each would take a tenth of a second only to be ready for it.
// Runs before the source does, and runs nothing of it. `node - strip|transform`, this text on stdin, in the repository; to descriptor 3 goes
// a JSON object {path: [text, JavaScript]}. Files that cannot be read or made into JavaScript are left to Node.
import fs from "node:fs";
import { stripTypeScriptTypes } from "node:module";

const mode = process.argv[2];
const options = mode === "transform" ? { mode, sourceMap: true } : { mode };
const made = {};

function look(directory) {
  for (const entry of fs.readdirSync(directory || ".", { withFileTypes: true })) {
    const path = directory + entry.name;
    if (entry.isDirectory()) {
      if (entry.name !== "node_modules" && entry.name !== ".git") look(`${path}/`);
    } else if (entry.isFile() && /(?<!\.d)\.[cm]?ts$/.test(entry.name)) {
      try {
        const text = fs.readFileSync(path, "utf8");
        made[path] = [text, stripTypeScriptTypes(text, options)];
      } catch {
        // Whoever loads it is told why it cannot be.
      }
    }
  }
}

look("");
fs.writeFileSync(3, JSON.stringify(made));
