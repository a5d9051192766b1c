// For vitest: a set-up file, which runs in every test file's worker.
import { afterAll, afterEach, beforeEach } from "vitest";
import { follow, separator, write } from "./coverage.mjs";

let file;
const titles = (task) => {
  const found = [];
  for (let at = task; at && at !== at.file; at = at.suite) found.unshift(at.name);
  return found.filter(Boolean).join(separator);
};

follow({
  beforeEach,
  afterEach,
  titleOf: ({ task }) => {
    file ??= task.file.name;
    return titles(task);
  },
});
afterAll(() => {
  if (file) write(file);
});
