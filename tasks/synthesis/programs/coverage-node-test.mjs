// For node:test: hooks of the process's own, before any of the file's.
import { afterEach, beforeEach } from "node:test";
import { follow, write } from "./coverage.mjs";

follow({ beforeEach, afterEach, titleOf: (context) => context.fullName ?? context.name });
process.on("exit", () => write(process.argv[1].slice(process.cwd().length + 1)));
