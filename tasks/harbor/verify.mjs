// Runs the tests of an exported task and ends with 0 where each that is expected passed. Test files come from the base commit and the hidden
// patch, whatever was made of them; compiler errors count where the base did not have them.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";

const here = process.argv[2];
const plan = JSON.parse(fs.readFileSync(`${here}/config.json`, "utf8"));
const git = (...args) => execFileSync("git", ["-c", "core.fsmonitor=false", ...args], { stdio: ["ignore", "pipe", "inherit"] });

const kept = plan.protected.filter((file) => !plan.hidden.includes(file));
if (kept.length > 0) git("checkout", "--quiet", "HEAD", "--", ...kept);
for (const file of plan.hidden) fs.rmSync(file, { force: true });
const old = git("ls-tree", "-r", "--name-only", "-z", "HEAD").toString().split("\0");
const restored = plan.hidden.filter((file) => old.includes(file));
if (restored.length > 0) git("checkout", "--quiet", "HEAD", "--", ...restored);
if (fs.statSync(`${here}/hidden.patch`).size > 0) git("apply", "--whitespace=nowarn", `${here}/hidden.patch`);

const passed = new Set();
const compiled = spawnSync("tsc", ["--noEmit", "--pretty", "false"], { encoding: "utf8" });
const errors = [...compiled.stdout.matchAll(/^(\S[^\n]*?)\(\d+,\d+\): error (TS\d+): (.*)$/gm)].map(([, file, code, message]) => ({ file, text: `${file}: ${code}: ${message}` }));
const known = [...plan.type_errors];
for (const { file, text } of errors) {
  if (plan.hidden.includes(file) || plan.type_test_files.includes(file)) continue;
  const at = known.indexOf(text);
  if (at < 0) fail(`a new type error: ${text}`);
  known.splice(at, 1);
}
for (const file of plan.type_test_files) if (!errors.some((error) => error.file === file)) passed.add(`${file}::typecheck`);

const run = (argv) => spawnSync(argv[0], argv.slice(1), { stdio: ["ignore", "inherit", "inherit", "pipe"], timeout: 1000 * plan.timeout_seconds, maxBuffer: 2 ** 26 });
const take = (result, only) => {
  for (const line of String(result.output?.[3] ?? "").split("\n").filter(Boolean)) {
    const { file = only, path, status } = JSON.parse(line);
    if (path && status === "passed") passed.add(`${file}::${path.join(" > ")}`);
  }
};
if (plan.runner === "vitest") take(run(["vitest", "run", `--reporter=${here}/${plan.reporter}`, "--no-file-parallelism", "--no-cache", ...plan.files]));
else for (const file of plan.files) take(run(["node", `--test-reporter=${here}/${plan.reporter}`, "--test-reporter-destination=stdout", file]), file);

const missing = plan.expected.filter((test) => !passed.has(test));
if (missing.length > 0) fail(`${missing.length} of ${plan.expected.length} tests did not pass, such as ${missing[0]}`);

function fail(why) {
  console.error(why);
  process.exit(1);
}
