// What pages do when scripts run: light or dark, tables that sort and filter, and the viewer of trials.
// Whatever a model or a tool wrote is put in with textContent and never as markup. No request leaves the page: records are scripts beside it.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== "") made.append(child);
    return made;
  }

  // The same table as leaderboard/text.py: what would steer the reader is shown as what it is.
  const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const visible = (text) => String(text).replace(STEERING, (one) => {
    const code = one.charCodeAt(0);
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
  const words = (name) => String(name).replaceAll("_", " ");
  const short = (value) => value === null || value === undefined ? "–" : value >= 1e6 ? `${+(value / 1e6).toPrecision(3)}M` : value >= 1e4 ? `${+(value / 1e3).toPrecision(3)}k` : value >= 1000 ? Math.round(value).toLocaleString("en") : `${+value.toPrecision(3)}`;

  const seconds = (value) => value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;

  function remember(name, value) {
    try { return value === undefined ? localStorage.getItem(name) : localStorage.setItem(name, value); } catch { return null; } // storage may be off
  }

  // Light and dark: the system's choice until the reader makes one.
  const setScheme = (scheme) => { document.documentElement.style.colorScheme = scheme; };
  const chosen = remember("harness-scheme");
  if (chosen === "light" || chosen === "dark") setScheme(chosen);
  for (const button of document.querySelectorAll(".scheme")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const now = document.documentElement.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
      const next = now === "dark" ? "light" : "dark";
      setScheme(next);
      remember("harness-scheme", next);
    });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      if (!heading.dataset.sort) return;
      const button = element("button", { type: "button" }, heading.textContent);
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const numbers = heading.dataset.sort === "number";
        const before = heading.getAttribute("aria-sort");
        const up = before ? before === "descending" : !numbers;
        for (const other of headings) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        const value = (row) => { const cell = row.cells[column]; const text = cell.dataset.value ?? cell.textContent.trim(); return numbers ? parseFloat(text) || 0 : text; };
        const rows = [...table.tBodies[0].rows].map((row, place) => [value(row), place, row]);
        rows.sort(([a, i], [b, j]) => (numbers ? a - b : a.localeCompare(b)) * (up ? 1 : -1) || i - j);
        table.tBodies[0].append(...rows.map(([, , row]) => row));
      });
    });
  }

  for (const input of document.querySelectorAll("input[data-filter]")) {
    const line = input.closest(".filter");
    const rows = [...byId(input.dataset.filter).tBodies[0].rows];
    line.hidden = rows.length < 4;
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !wanted.every((word) => row.textContent.toLowerCase().includes(word));
        shown += !row.hidden;
      }
      line.querySelector("[role=status]").textContent = wanted.length ? `${shown} of ${rows.length}` : "";
    });
  }

  if (!document.body.classList.contains("trial") || !byId("trial")) return;

  // ---- Records: loaded by script, unpacked, checked against the name that they are asked by.
  const KEPT = 8;
  const LONGEST_TEXT = 100_000;
  const loaded = new Map(); // name -> promise of a record, the latest last
  const arriving = new Map(); // name -> {parts, resolve, reject}

  window.harnessRecord = (name, number, count, base64) => {
    const waiting = arriving.get(name);
    if (!waiting) return;
    waiting.parts[number - 1] = base64;
    if (number === 1) for (let next = 2; next <= count; next++) load(`data/${name}.${next}.js`, waiting.reject);
    if (waiting.parts.filter(Boolean).length === count) { arriving.delete(name); waiting.resolve(waiting.parts); }
  };

  function load(source, reject) {
    const script = element("script", { src: source });
    script.addEventListener("error", () => reject(new Error(`${source} is not beside this page`)));
    script.addEventListener("load", () => script.remove());
    document.head.append(script);
  }

  function record(name) {
    if (!/^[0-9a-f]{32}$/.test(name)) return Promise.reject(new Error("there is no record of this trial"));
    const found = loaded.get(name) || new Promise((resolve, reject) => {
      arriving.set(name, { parts: [], resolve, reject });
      load(`data/${name}.js`, reject);
    }).then((parts) => unpack(name, parts));
    loaded.delete(name);
    loaded.set(name, found);
    found.catch(() => { loaded.delete(name); arriving.delete(name); });
    if (loaded.size > KEPT) loaded.delete(loaded.keys().next().value);
    return found;
  }

  async function unpack(name, parts) {
    const pieces = parts.map((part) => { const text = atob(part); const bytes = new Uint8Array(text.length); for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i); return bytes; });
    const stream = new Blob(pieces).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = await new Response(stream).arrayBuffer();
    if (globalThis.crypto && crypto.subtle) {
      const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      if (!digest.startsWith(name)) throw new Error("the record is not the one that this report was made of");
    }
    return JSON.parse(new TextDecoder().decode(bytes));
  }

  // ---- The address: #run/task/trial[/t7][&run/task/trial]
  let index = null;
  let current = null; // {shown: [place, place?], turn, records}
  let ticket = 0;

  const place = (text) => { const [run, task, trial, turn] = text.split("/"); return { run, task, trial, turn: /^t\d+$/.test(turn || "") ? Number(turn.slice(1)) : null }; };
  const address = (first, second, turn) => `#${first.run}/${first.task}/${first.trial}${turn ? `/t${turn}` : ""}${second ? `&${second.run}/${second.task}/${second.trial}` : ""}`;
  const siblings = (task) => Object.hasOwn(index.tasks, task) ? index.tasks[task].map(([run, trial, name, outcome]) => ({ run: index.runs[run][0], label: index.runs[run][1], task, trial, name, outcome })) : [];
  const find = ({ run, task, trial }) => siblings(task).find((each) => each.run === run && each.trial === trial);
  const called = (trial) => `${trial.label} #${trial.trial}`;
  const say = (text) => { byId("status").textContent = visible(text); };

  window.harnessTrials = (content) => {
    index = content;
    addEventListener("hashchange", open);
    open();
  };

  async function open() {
    const started = performance.now();
    const mine = ++ticket;
    let hash = location.hash.slice(1);
    try { hash = decodeURIComponent(hash); } catch { /* not escaped: as it is */ }
    const [first, second] = hash.split("&").map(place);
    const trials = [find(first), second && find(second)].filter(Boolean);
    if (!hash || !trials.length) { say(hash ? "There is no such trial in this report." : "Choose a trial on the leaderboard."); byId("trial").replaceChildren(); return; }
    if (current && current.key === trials.map((each) => each.name + each.run + each.trial).join()) { if (first.turn !== null) go(first.turn, false); return; }
    say("Loading");
    let records;
    try { records = await Promise.all(trials.map((each) => record(each.name))); } catch (error) { if (mine === ticket) { say(`${called(trials[0])}: ${error.message}`); byId("trial").replaceChildren(picker(trials)); current = { key: "", trials, turn: 0 }; } return; }
    if (mine !== ticket) return; // another was asked for meanwhile
    current = { key: trials.map((each) => each.name + each.run + each.trial).join(), trials, turn: 0, count: Math.max(...records.map((each) => each.turns.length)) };
    byId("trial").replaceChildren(...(trials.length > 1 ? sideBySide(trials, records) : alone(trials[0], records[0])));
    document.title = visible(`${trials.map(called).join(" and ")} on ${trials[0].task}`);
    byId("trail").replaceChildren(element("a", { href: `tasks/${trials[0].task}.html` }, trials[0].task), trials.length > 1 ? " / side by side" : ` / ${called(trials[0])}`);
    say("");
    if (first.turn !== null) go(first.turn, false); else scrollTo(0, 0);
    document.documentElement.dataset.openedMs = (performance.now() - started).toFixed(1);
  }

  // ---- Pieces of a page.
  const outcome = (trial) => element("span", { class: `o ${{ resolved: "y", flagged: "w", infrastructure: "i" }[trial.outcome] || "n"}` }, index.outcomes[trial.outcome]);

  function text(content, kind = "text") {
    const shown = visible(content);
    if (shown.length <= LONGEST_TEXT) return element(kind === "text" ? "pre" : "div", { class: kind }, shown);
    const box = element(kind === "text" ? "pre" : "div", { class: kind }, shown.slice(0, LONGEST_TEXT));
    const more = element("button", { type: "button" }, `Show ${short(shown.length - LONGEST_TEXT)} more characters`);
    more.addEventListener("click", () => { box.append(shown.slice(LONGEST_TEXT)); more.remove(); });
    return element("div", {}, box, more);
  }

  function fold(title, open, ...children) {
    return element("details", { class: "fold", open }, element("summary", {}, title), ...children);
  }

  function diff(patch) {
    const box = element("pre", { class: "diff", tabindex: "0", role: "region", "aria-label": "Patch" });
    const lines = visible(patch).split("\n");
    for (const line of lines.slice(0, 5000)) {
      const kind = /^(diff --git|\+\+\+ |--- |index )/.test(line) ? "dh" : { "+": "da", "-": "dd", "@": "dk" }[line[0]] || null;
      box.append(element("span", { class: kind }, `${line}\n`));
    }
    if (lines.length > 5000) box.append(`${lines.length - 5000} more lines: they are in patch.diff of the run.`);
    return box;
  }

  function picker(trials) {
    const all = siblings(trials[0].task);
    const select = (label, value, choose, none) => {
      const made = element("select", {}, none ? element("option", { value: "" }, none) : null, ...all.map((each, at) => element("option", { value: at }, `${called(each)}: ${index.outcomes[each.outcome]}`)));
      made.value = value;
      made.addEventListener("change", () => choose(all[made.value]));
      return element("label", {}, `${label} `, made);
    };
    const at = (trial) => trial ? all.findIndex((each) => each.run === trial.run && each.trial === trial.trial) : "";
    const bar = element("div", { class: "bar" },
      select("attempt", at(trials[0]), (trial) => { location.hash = address(trial, trials[1]); }),
      select("beside", at(trials[1]), (trial) => { location.hash = address(trials[0], trial); }, "nothing"));
    const fold = element("button", { type: "button" }, "Open or close outputs");
    fold.addEventListener("click", toggleOutputs);
    bar.append(fold);
    return bar;
  }

  function head(trial, record) {
    const usage = record.usage;
    const chips = [
      `${record.turns.length} turns`, seconds(record.duration_seconds), `${short(usage.input_tokens)} tokens in${usage.cached_input_tokens ? ` (${short(usage.cached_input_tokens)} cached)` : ""}`,
      `${short(usage.output_tokens)} out${usage.reasoning_tokens ? ` (${short(usage.reasoning_tokens)} reasoning)` : ""}`,
      record.cost === null ? null : `cost ${short(record.cost)}`, record.stop_reason ? `ended by ${words(record.stop_reason)}` : null, record.tries > 1 ? `${record.tries} tries` : null, record.started_at.slice(0, 19).replace("T", " "),
    ];
    return element("p", { class: "chips" }, element("a", { href: `runs/${trial.run}.html` }, called(trial)), outcome(trial), chips.filter(Boolean).map((chip) => element("span", {}, visible(chip))));
  }

  function grade(record) {
    const parts = [];
    if (record.failure) parts.push(element("p", { class: "notice" }, visible(`No grade: ${words(record.failure.kind)} failed during ${record.failure.during === "agent" ? "the agent's work" : "grading"}. ${record.failure.message}`)));
    const given = record.grade;
    if (given) {
      const tests = Object.entries(given.tests);
      const good = tests.filter(([, status]) => status === "passed").length;
      const list = (lines) => element("ul", { class: "plainlist tests", tabindex: "0", "aria-label": "List" }, lines);
      tests.sort(([a, x], [b, y]) => (x === "passed") - (y === "passed"));
      parts.push(fold(`Grade: ${words(given.verdict)}; ${good} of ${tests.length} tests passed${given.mode ? `; ${words(given.mode)}` : ""}`, good < tests.length, list(tests.map(([name, status]) => element("li", {}, element("span", { class: `o ${status === "passed" ? "y" : "n"}` }, words(status)), ` ${visible(name)}`)))));
      const lines = [...given.new_type_errors.map((line) => ["type error", line, "n"]), ...given.new_lint_findings.map((line) => ["lint", line, "i"]), ...given.stripped.map((each) => ["left out", `${each.path} (${words(each.reason)})`, "i"]), ...given.integrity.map((each) => [each.weight, `${words(each.rule)} at ${each.path}${each.line === null ? "" : `:${each.line}`}: ${each.excerpt}`, each.weight === "flag" ? "w" : "i"])];
      if (lines.length) parts.push(fold(`${lines.length} findings of compiler, linter and integrity`, true, list(lines.map(([kind, line, tone]) => element("li", {}, element("span", { class: `o ${tone}` }, kind), ` ${visible(line)}`)))));
      if (given.checks.length) parts.push(fold("What the checks printed", false, given.checks.map((check) => [element("h4", {}, visible(`${check.name}: ${check.ended}, ${seconds(check.duration_seconds)}`)), check.output ? text(check.output) : null])));
    }
    if (record.patch) parts.push(fold("Patch", false, diff(record.patch)));
    return element("section", { "aria-label": "Grade" }, parts);
  }

  // Under which names programs give the text that goes and the text that comes.
  const CHANGES = [["old_text", "new_text"], ["old_str", "new_str"], ["old_string", "new_string"]];

  function callText(call) {
    let given;
    try { given = JSON.parse(call.arguments); } catch { given = null; }
    const box = element("pre", { class: "text" }, element("span", { class: "tool" }, visible(call.name)));
    if (given === null || typeof given !== "object" || Array.isArray(given)) { box.append(` ${visible(call.arguments)}`.slice(0, LONGEST_TEXT)); return box; }
    if (call.name === "bash" && typeof given.command === "string" && Object.keys(given).length === 1) { box.append(` ${visible(given.command)}`.slice(0, LONGEST_TEXT)); return box; }
    const change = CHANGES.find(([, after]) => typeof given[after] === "string");
    for (const [name, value] of Object.entries(given)) {
      if (change && change.includes(name)) continue;
      const shown = visible(typeof value === "string" ? value : JSON.stringify(value)).slice(0, LONGEST_TEXT);
      box.append("\n", element("span", { class: "argument" }, `${visible(name)}:`), shown.includes("\n") ? `\n${shown}` : ` ${shown}`);
    }
    if (change) box.append("\n", ...changed(given[change[0]], given[change[1]]));
    return box;
  }

  // An edit reads as a diff: what both texts begin and end with stands once.
  function changed(before, after) {
    const lines = (value) => typeof value === "string" && value ? visible(value.slice(0, LONGEST_TEXT)).split("\n") : [];
    const gone = lines(before), come = lines(after);
    let top = 0, bottom = 0;
    const least = Math.min(gone.length, come.length);
    while (top < least && gone[top] === come[top]) top += 1;
    while (bottom < least - top && gone.at(-1 - bottom) === come.at(-1 - bottom)) bottom += 1;
    const marked = (kind, sign, some) => some.map((line) => element("span", { class: kind }, `${sign}${line}\n`));
    return [
      ...marked(null, " ", come.slice(0, top)), ...marked("dd", "-", gone.slice(top, gone.length - bottom)),
      ...marked("da", "+", come.slice(top, come.length - bottom)), ...marked(null, " ", come.slice(come.length - bottom)),
    ];
  }

  function brief(call) {
    let given;
    try { given = JSON.parse(call.arguments); } catch { given = null; }
    const about = given && typeof given === "object" ? given.command ?? given.path ?? given.pattern : "";
    return `${call.name} ${typeof about === "string" ? (typeof given?.path === "string" ? given.path : about) : ""}`.trim();
  }

  function output(message) {
    const lines = message.content.split("\n");
    const rest = lines.length > 1 ? `${lines.length} lines` : `${short(message.content.length)} characters`;
    const summary = element("summary", {}, visible(`${rest}${message.cut_bytes ? `, ${short(message.cut_bytes)} bytes left out` : ""} · ${lines.find((line) => line.trim()) || "(nothing)"}`).slice(0, 300));
    return element("details", { class: "output", open: lines.length <= 10 && message.content.length < 1200 }, summary, text(message.content));
  }

  function turnView(record, at, base) {
    const turn = record.turns[at];
    const end = at + 1 < record.turns.length ? record.turns[at + 1].message_index : record.messages.length;
    const [answer, ...after] = record.messages.slice(turn.message_index, end);
    const usage = turn.usage;
    const cost = [seconds(turn.latency_seconds), turn.tools_seconds ? `tools ${seconds(turn.tools_seconds)}` : null, `${short(usage.input_tokens)} in${usage.cached_input_tokens ? ` (${short(usage.cached_input_tokens)} cached)` : ""}`, `${short(usage.output_tokens)} out${usage.reasoning_tokens ? ` (${short(usage.reasoning_tokens)} reasoning)` : ""}`, turn.requests > 1 ? `${turn.requests} requests` : null, turn.finish_reason === "length" ? "cut off" : null];
    const box = element("article", { class: "turn", id: base ? `t${at + 1}` : null, tabindex: "-1", "data-turn": at + 1, "aria-label": `Turn ${at + 1}` },
      element("h3", {}, element("a", { href: address(...(current.trials.length > 1 ? current.trials : [current.trials[0], null]), at + 1) }, `Turn ${at + 1}`), element("span", { class: "muted" }, cost.filter(Boolean).join(" · ")), turn.events.map((event) => element("span", { class: "event" }, words(event)))));
    if (answer && answer.reasoning) box.append(fold("Reasoning", true, text(answer.reasoning, "reasoning")));
    if (answer && answer.content) box.append(text(answer.content, "said"));
    const left = [...after];
    for (const call of answer ? answer.tool_calls : []) {
      const found = left.findIndex((message) => message.role === "tool" && message.tool_call_id === call.id);
      box.append(element("div", { class: "call" }, callText(call), found >= 0 ? output(left.splice(found, 1)[0]) : null));
    }
    for (const message of left) box.append(element("h4", {}, message.role === "tool" ? "result" : `${message.role} (the harness)`), text(message.content));
    return box;
  }

  function opening(record) {
    const end = record.turns.length ? record.turns[0].message_index : record.messages.length;
    return record.messages.slice(0, end).map((message) => fold(message.role === "system" ? "System prompt" : message.role === "user" ? "Task, as the agent was told" : message.role, false, text(message.content)));
  }

  function contents(record) {
    const list = element("ol");
    record.turns.forEach((turn, at) => {
      const answer = record.messages[turn.message_index];
      const calls = answer ? answer.tool_calls.map(brief).join(", ") : "";
      list.append(element("li", {}, element("a", { href: address(current.trials[0], null, at + 1), "data-to": at + 1 }, element("span", { class: "muted" }, String(at + 1)), element("span", { class: turn.events.length ? "odd" : null }, visible(calls || "no call").slice(0, 120)))));
    });
    return element("nav", { class: "turns", "aria-label": "Turns", tabindex: "0" }, list);
  }

  function alone(trial, record) {
    const turns = record.turns.map((_, at) => turnView(record, at, true));
    return [element("h1", {}, trial.task), head(trial, record), picker([trial]), grade(record),
      element("div", { class: "trialgrid" }, contents(record), element("div", {}, element("h2", {}, "Transcript"), opening(record), turns.length ? turns : element("p", { class: "muted" }, "There is no turn in it.")))];
  }

  // Two transcripts part where they first do something else: other calls, or other words where there is no call.
  function divergence(a, b) {
    const done = (record, at) => { const turn = record.turns[at]; if (!turn) return null; const answer = record.messages[turn.message_index]; return !answer ? "" : answer.tool_calls.length ? JSON.stringify(answer.tool_calls.map((call) => [call.name, call.arguments])) : answer.content; };
    for (let at = 0; at < Math.max(a.turns.length, b.turns.length); at++) if (done(a, at) !== done(b, at)) return at;
    return -1;
  }

  function sideBySide(trials, records) {
    const parted = divergence(...records);
    current.parted = parted + 1;
    const rows = [];
    for (let at = 0; at < current.count; at++) {
      if (at === parted) rows.push(element("p", { class: "divergence", id: "divergence" }, `First divergence: turn ${at + 1}`));
      rows.push(element("div", { class: "pair", id: `t${at + 1}` }, records.map((each) => at < each.turns.length ? turnView(each, at, false) : element("div", { class: "turn muted" }, "It had ended."))));
    }
    const note = parted < 0 ? "They do the same in every turn." : `They do the same in ${parted} turns, then part.`;
    return [element("h1", {}, trials[0].task), picker(trials), element("p", { class: "muted" }, note),
      element("div", { class: "pair" }, records.map((each, at) => element("section", { "aria-label": called(trials[at]) }, head(trials[at], each), grade(each)))),
      element("h2", {}, "Transcripts"), element("div", { class: "pair sides" }, trials.map((each) => element("strong", {}, called(each)))), ...rows];
  }

  // ---- Moving about.
  function go(turn, moved = true) {
    if (!current || !current.count) return;
    const target = Math.min(Math.max(turn, 1), current.count);
    const box = byId(`t${target}`);
    if (!box) return;
    current.turn = target;
    for (const other of document.querySelectorAll(".turn[data-here]")) delete other.dataset.here;
    for (const link of document.querySelectorAll(".turns a")) if (Number(link.dataset.to) === target) { link.setAttribute("aria-current", "true"); link.scrollIntoView({ block: "nearest" }); } else link.removeAttribute("aria-current");
    box.scrollIntoView();
    const article = box.matches("article") ? box : box.querySelector("article");
    if (article) { article.dataset.here = ""; article.focus({ preventScroll: true }); }
    if (moved) history.replaceState(null, "", address(current.trials[0], current.trials[1], target));
  }

  function step(by) {
    const all = siblings(current.trials[0].task);
    const at = all.findIndex((each) => each.run === current.trials[0].run && each.trial === current.trials[0].trial);
    const next = all[at + by];
    if (next) location.hash = address(next, current.trials[1], 0); else say(by > 0 ? "This is the last attempt." : "This is the first attempt.");
  }

  function beside() {
    if (current.trials.length > 1) { location.hash = address(current.trials[0], null, current.turn); return; }
    const all = siblings(current.trials[0].task);
    const at = all.findIndex((each) => each.run === current.trials[0].run && each.trial === current.trials[0].trial);
    const other = all[at + 1] || all[at - 1];
    if (other) location.hash = address(current.trials[0], other);
  }

  function toggleOutputs() {
    const all = [...document.querySelectorAll(".output")];
    const open = all.some((each) => !each.open);
    for (const each of all) each.open = open;
  }

  const keys = byId("keys");
  byId("keys-button").hidden = false;
  byId("keys-button").addEventListener("click", () => keys.showModal());
  byId("keys-close").addEventListener("click", () => keys.close());
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open || event.target.closest("input, select, textarea")) return;
    if (event.key === "?") { keys.showModal(); return; }
    if (!current) return;
    const actions = { j: () => go(current.turn + 1), k: () => go(current.turn - 1), l: () => step(1), h: () => step(-1), o: toggleOutputs, c: beside, d: () => { if (current.parted) go(current.parted); } };
    if (Object.hasOwn(actions, event.key)) { event.preventDefault(); actions[event.key](); }
  });
})();
