// What stands between tests and the source that they judge where the two share a process; loaded before everything else.
//
// The job comes on stdin: a key, the canary, the file to run, which files are the tests', and the texts of those that the source must not read.
// Nothing of it can be had a second time: stdin is read to its end, the bytes are overwritten, and what is left are variables of modules.
import fs from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import "./source-assert.mjs";
import "./source-assert.mjs?strict";
import { judgeByPrototypes } from "./assertions.mjs";
import { lockDown } from "./lockdown.mjs";
import { Modules } from "./modules.mjs";
import { lockProcess } from "./process.mjs";
import { connect } from "./reporter.mjs";

const job = readJob();
await connect(job.key);
const modules = new Modules(job);
judgeByPrototypes((made) => modules.isOfTests(made));
lockDown((made) => modules.textOf(made));
lockProcess();
syncBuiltinESMExports();
registerHooks(modules);

function readWhatIsThere(piece) {
  while (true) {
    try {
      return fs.readSync(0, piece);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // stdin need not be one that waits
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function readJob() {
  const pieces = [];
  let length = 0;
  while (true) {
    const piece = new Uint8Array(64 * 1024); // no Buffer: the source's may come from the same memory
    const got = readWhatIsThere(piece);
    if (got === 0) break;
    pieces.push(piece.subarray(0, got));
    length += got;
  }
  const whole = new Uint8Array(length);
  for (const piece of pieces.reverse()) {
    length -= piece.length;
    whole.set(piece, length);
    piece.fill(0);
  }
  const job = JSON.parse(new TextDecoder().decode(whole));
  whole.fill(0);
  return job;
}
