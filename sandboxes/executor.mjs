// The executor: the first program of every box. It stays there and serves the harness over its own stdin and stdout, so that a
// command costs a fork and not a `docker exec`.
//
// Where the box allows it, it is root with the capabilities SETUID, SETGID and KILL alone, while commands run as the agent's uid: an
// agent's `kill -9 -1` cannot stop it, and its pipes cannot be reached through /proc. Files are read and written with the effective
// uid of the one who asks, so that a symbolic link leads nobody further than they could go themselves.
//
// Frames, both ways: header length and body length (uint32, big endian), header (JSON), body (bytes). Requests run concurrently and are
// answered by id. It is handed to `node -e` as text: it may import node: modules only.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

// The grader shares the agent's group, so that what it makes can be for both or for itself alone.
const USERS = { agent: { uid: 1000, gid: 1000 }, grader: { uid: 1001, gid: 1000 } };
const privileged = process.getuid() === 0;
const PIPE_GRACE_MS = 200; // how long output may trickle in from processes that outlive their command
const PROC = fs.statSync("/proc").dev;
const running = new Map();
const residents = new Set(fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)));

// The box's first process is this one's parent, in every box. Elsewhere this would be among the machine's own processes, of which `sweep`
// would leave none: it does not even begin.
if (process.ppid !== 1) {
  fs.writeSync(2, "the box has no pid namespace of its own\n");
  process.exit(0); // by itself, so that nobody starts it again
}

if (privileged) {
  process.setgroups([]);
  process.setegid(USERS.agent.gid); // for good: what root writes here is nobody's to change but root's, whatever its group
}

function answer(header, body = Buffer.alloc(0)) {
  const head = Buffer.from(JSON.stringify(header));
  const frame = Buffer.allocUnsafe(8 + head.length + body.length);
  frame.writeUInt32BE(head.length, 0);
  frame.writeUInt32BE(body.length, 4);
  head.copy(frame, 8);
  body.copy(frame, 8 + head.length);
  process.stdout.write(frame);
}

/** Keeps the first and the last half of `limit` bytes and counts what fell between. */
class Capture {
  constructor(limit) {
    this.headRoom = Math.ceil(limit / 2);
    this.tailRoom = Math.floor(limit / 2);
    this.head = [];
    this.tail = [];
    this.tailBytes = 0;
    this.dropped = 0;
  }
  push(chunk) {
    if (this.headRoom > 0) {
      const taken = chunk.subarray(0, this.headRoom);
      this.head.push(taken);
      this.headRoom -= taken.length;
      chunk = chunk.subarray(taken.length);
    }
    if (chunk.length === 0) return;
    this.tail.push(chunk);
    this.tailBytes += chunk.length;
    while (this.tailBytes - this.tail[0].length >= this.tailRoom) {
      const gone = this.tail.shift();
      this.tailBytes -= gone.length;
      this.dropped += gone.length;
      if (this.tail.length === 0) return;
    }
  }
  take() {
    let tail = Buffer.concat(this.tail);
    if (tail.length > this.tailRoom) {
      this.dropped += tail.length - this.tailRoom;
      tail = tail.subarray(tail.length - this.tailRoom);
    }
    return { head: Buffer.concat(this.head), tail, dropped: this.dropped };
  }
}

/** A descriptor that is kept: opening a file costs ten times as much as reading it. Undefined where none of the files is there. */
function keepOpen(flags, ...files) {
  for (const file of files) {
    try {
      return fs.openSync(file, flags);
    } catch {
      // Not this version of cgroups, or not a box that has it.
    }
  }
  return undefined;
}

const memoryEvents = keepOpen("r", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control");
const ownOomScore = keepOpen("r+", "/proc/self/oom_score_adj");
const usualOomScore = ownOomScore === undefined ? "" : fs.readFileSync("/proc/self/oom_score_adj", "utf8");
const small = Buffer.alloc(512);

/** How often the kernel has killed in this box for want of memory. Whose child it was does not matter, nor how the command itself ended. */
function outOfMemoryKills() {
  if (memoryEvents === undefined) return 0;
  const found = /^oom_kill (\d+)$/m.exec(small.latin1Slice(0, fs.readSync(memoryEvents, small, 0, small.length, 0)));
  return found ? Number(found[1]) : 0;
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends what a command left behind. Alone in the box, everything but this process and init goes, sessions of their own included, and is waited
 * for: what is done next must not meet the dying. Where a command left nothing, this costs one call.
 */
function sweep(pid) {
  if (pid) signal(-pid, "SIGKILL");
  if (running.size > 0) return;
  for (let round = 0; round < 500 && signal(-1, "SIGKILL") && someoneLives(); round += 1) nap();
}

/**
 * Whether anybody but the first processes of the box is there. A zombie counts until init has buried it: the next command may need its place.
 * This process's own children stay zombies as long as it waits.
 */
function someoneLives() {
  return fs.readdirSync("/proc").some((name) => {
    if (!/^\d+$/.test(name) || residents.has(name)) return false;
    try {
      const status = fs.readFileSync(`/proc/${name}/stat`, "latin1");
      // Its state, and whose child it is. A process may give itself any name, brackets included.
      const [state, parent] = status.slice(status.lastIndexOf(")") + 2).split(" ", 2);
      return !"ZX".includes(state) || parent !== String(process.pid);
    } catch {
      return false; // it is gone
    }
  });
}

function nap() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
}

/** Starts a program of which the kernel knows that it goes before the executor when the box's memory runs out. */
function start(program, args, options) {
  // Without it the kernel takes the largest, which this process rarely is.
  if (ownOomScore !== undefined) fs.writeSync(ownOomScore, "1000", 0); // what is started inherits it
  try {
    return spawn(program, args, options);
  } finally {
    if (ownOomScore !== undefined) fs.writeSync(ownOomScore, usualOomScore, 0);
  }
}

function execute(request, stdin) {
  const started = process.hrtime.bigint();
  const killsBefore = outOfMemoryKills();
  const captures = [new Capture(request.output_limit), new Capture(request.output_limit), new Capture(request.report_limit)];
  let timedOut = false;
  let finished = false;
  let child;
  const identity = (privileged && USERS[request.user]) || {};
  try {
    child = start(request.argv[0], request.argv.slice(1), {
      cwd: request.cwd,
      env: request.env,
      detached: true,
      // No pipe that nobody uses: each costs as much as a small file. A bash whose stdin is one would also run the agent's ~/.bashrc.
      stdio: [stdin.length > 0 ? "pipe" : "ignore", "pipe", "pipe", request.report_limit > 0 ? "pipe" : "ignore"],
      ...identity,
    });
  } catch (error) {
    answer({ id: request.id, error: error.code ?? "EINVAL", message: String(error.message) });
    return;
  }
  const streams = [child.stdout, child.stderr, child.stdio[3]].filter((stream) => stream);
  const pid = child.pid;
  if (pid) running.set(request.id, pid);
  const deadline = setTimeout(() => {
    timedOut = true;
    if (pid) signal(-pid, "SIGKILL");
  }, request.timeout_ms);

  const finish = (code, name) => {
    if (finished) return;
    finished = true;
    clearTimeout(deadline);
    for (const stream of streams) stream.destroy();
    child.stdin?.destroy();
    running.delete(request.id);
    sweep(pid);
    const taken = captures.map((capture) => capture.take());
    answer(
      {
        id: request.id,
        exit_code: code,
        signal: name,
        timed_out: timedOut,
        out_of_memory: outOfMemoryKills() > killsBefore,
        duration_ms: Number(process.hrtime.bigint() - started) / 1e6,
        parts: taken.map((part) => [part.head.length, part.tail.length, part.dropped]),
      },
      Buffer.concat(taken.flatMap((part) => [part.head, part.tail])),
    );
  };

  streams.forEach((stream, index) => {
    stream.on("data", (chunk) => captures[index].push(chunk));
    stream.on("error", () => {});
  });
  child.stdin?.on("error", () => {}); // the command may close its stdin before it has read all of it
  child.stdin?.end(stdin);
  child.on("error", (error) => {
    if (finished) return;
    finished = true;
    clearTimeout(deadline);
    running.delete(request.id);
    answer({ id: request.id, error: error.code ?? "EINVAL", message: String(error.message) });
  });
  child.on("exit", (code, name) => setTimeout(() => finish(code, name), PIPE_GRACE_MS));
  child.on("close", (code, name) => finish(code, name));
}

/** Runs `action` with the effective identity of `user`. Synchronous throughout: nothing else may run in between. */
function as(user, action) {
  if (!privileged || !(user in USERS)) return action();
  process.seteuid(USERS[user].uid);
  try {
    return action();
  } finally {
    process.seteuid(0);
  }
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_NONBLOCK } = fs.constants;

function withRegularFile(name, flags, mode, action) {
  const descriptor = fs.openSync(name, flags | O_NONBLOCK, mode); // O_NONBLOCK: a FIFO must not hang the box
  try {
    const status = fs.fstatSync(descriptor);
    if (status.isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
    if (!status.isFile()) throw Object.assign(new Error("not a regular file"), { code: "EINVAL" });
    // The kernel shows /proc/self as to this very process, whose affairs are not the agent's.
    if (status.dev === PROC) throw Object.assign(new Error("in /proc"), { code: "EACCES" });
    return action(descriptor, status.size);
  } finally {
    fs.closeSync(descriptor);
  }
}

function readFile(request) {
  return withRegularFile(request.path, O_RDONLY, 0, (descriptor, size) => {
    // Not by its size alone: files in /proc have none, and others may grow.
    const content = Buffer.allocUnsafe(Math.min(Math.max(size, 65536), request.limit) + 1);
    const chunks = [];
    let length = size > request.limit ? size : 0;
    while (length <= request.limit) {
      const got = fs.readSync(descriptor, content);
      if (got === 0) return Buffer.concat(chunks);
      chunks.push(Buffer.from(content.subarray(0, got)));
      length += got;
    }
    throw Object.assign(new Error(`more than ${request.limit} bytes`), { code: "EFBIG" });
  });
}

function writeFile(request, content) {
  fs.mkdirSync(path.dirname(request.path), { recursive: true });
  withRegularFile(request.path, O_WRONLY | O_CREAT, request.mode, (descriptor) => {
    fs.ftruncateSync(descriptor, 0);
    fs.writeFileSync(descriptor, content);
  });
  return Buffer.alloc(0);
}

const fileOperations = { read: readFile, write: writeFile };

/** Brings the box back to what it was when new, and looks whether that is so: `pristine` is what was found, not what was tried. */
function reset(request) {
  running.clear();
  sweep();
  for (const place of request.places) {
    if (fs.existsSync(place)) fs.chmodSync(place, request.modes[place] ?? 0o1777);
    for (const user of ["agent", "grader", "root"]) as(user, () => empty(place));
  }
  const gone = request.places.every((place) => !fs.existsSync(place) || fs.readdirSync(place).length === 0);
  answer({ id: request.id, pristine: gone && onlyProcesses() && noSharedMemory() });
}

function empty(place) {
  for (const name of fs.existsSync(place) ? fs.readdirSync(place) : []) {
    try {
      fs.rmSync(path.join(place, name), { recursive: true, force: true });
    } catch {
      // Not this user's: the other one's turn, or it is found below.
    }
  }
}

/** Whether there is nobody but this process and those that were there before it; the dead wait for init, which may take a moment. */
function onlyProcesses() {
  for (let round = 0; round < 20; round += 1) {
    const others = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && !residents.has(name));
    if (others.length === 0) return true;
    nap();
  }
  return false;
}

function noSharedMemory() {
  return ["shm", "sem", "msg"].every((kind) => fs.readFileSync(`/proc/sysvipc/${kind}`, "utf8").trim().split("\n").length === 1);
}

function serve(request, body) {
  if (request.op === "exec") return execute(request, body);
  if (request.op === "reset") return reset(request);
  if (request.op === "cancel") {
    const pid = running.get(request.target);
    running.delete(request.target);
    if (pid) sweep(pid); // now, not when its end is noticed: what is asked next may start before that
    return undefined;
  }
  try {
    const content = as(request.user, () => fileOperations[request.op](request, body));
    answer({ id: request.id }, content);
  } catch (error) {
    answer({ id: request.id, error: error.code ?? "EIO", message: String(error.message) });
  }
  return undefined;
}

let pending = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
  while (pending.length >= 8) {
    const headLength = pending.readUInt32BE(0);
    const total = 8 + headLength + pending.readUInt32BE(4);
    if (pending.length < total) return;
    const request = JSON.parse(pending.toString("utf8", 8, 8 + headLength));
    serve(request, pending.subarray(8 + headLength, total));
    pending = pending.subarray(total);
  }
});
process.stdin.on("end", () => process.exit(0)); // the harness is gone: the box ends with it
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => process.exit(0));
answer({ id: 0, ready: true, privileged, node: process.version });
