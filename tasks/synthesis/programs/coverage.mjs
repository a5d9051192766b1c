// Loaded with a test file whose sources were left by the instrumenter: says which mutants each test reached, by the test's full title, and
// which were reached outside of any test. One JSON object a process, in /tmp/coverage.
import fs from "node:fs";

const separator = " > ";
const space = (globalThis.__stryker__ ??= {});

/** `runner` has beforeEach, afterEach; `titleOf` takes what the hooks are given. */
export function follow({ beforeEach, afterEach, titleOf }) {
  beforeEach((context) => {
    space.currentTestId = titleOf(context);
  });
  afterEach(() => {
    space.currentTestId = undefined;
  });
}

/** `{ file, titles, outside: [mutant], tests: { mutant: [number of a title] } }`: short, for there may be thousands of either. */
export function write(file) {
  const { static: outside = {}, perTest = {} } = space.mutantCoverage ?? {};
  const titles = Object.keys(perTest);
  const tests = {};
  titles.forEach((title, number) => {
    for (const mutant of Object.keys(perTest[title])) if (!(mutant in outside)) (tests[mutant] ??= []).push(number);
  });
  fs.mkdirSync("/tmp/coverage", { recursive: true });
  fs.writeFileSync(`/tmp/coverage/${process.pid}-${Date.now()}-${Math.random()}.json`, JSON.stringify({ file, titles, outside: Object.keys(outside), tests }));
}

export { separator };
