// What the test files wrote of their coverage, test by test, put together: `{ test_files, reached, loaded }` to file descriptor 3, with numbers of
// test files by mutant and by source. There may be thousands of mutants and hundreds of files.
import fs from "node:fs";

const files = [];
const reached = new Map();
const loaded = new Map();
const add = (map, key, number) => {
  if (!map.has(key)) map.set(key, new Set());
  map.get(key).add(number);
};

const place = "/tmp/coverage";
for (const name of fs.existsSync(place) ? fs.readdirSync(place) : []) {
  const { file, outside, tests } = JSON.parse(fs.readFileSync(`${place}/${name}`, "utf8"));
  const number = files.includes(file) ? files.indexOf(file) : files.push(file) - 1;
  for (const mutant of [...outside, ...Object.keys(tests)]) {
    add(reached, mutant, number);
    add(loaded, mutant.split(":")[0], number);
  }
}

const plain = (map) => Object.fromEntries([...map].map(([key, numbers]) => [key, [...numbers]]));
fs.writeFileSync(3, JSON.stringify({ test_files: files, reached: plain(reached), loaded: plain(loaded) }));
