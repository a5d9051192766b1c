// Lists the mutants of a repository's sources, and the sources as the instrumenter leaves them: what is run to learn which test reaches which
// mutant. Reads `{ sources }` from stdin, in the repository's directory; writes JSON to file descriptor 3. Runs none of what it reads.
import fs from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { operators } from "./operators.mjs";

const packages = createRequire("/workspace/package.json");
const { Instrumenter } = await import(pathToFileURL(packages.resolve("@stryker-mutator/instrumenter")).href);
const { ts } = packages("ts-morph");

const silent = () => {};
const logger = { isDebugEnabled: () => false, isTraceEnabled: () => false, debug: silent, info: silent, warn: silent, trace: silent, error: silent };
/** Texts are nobody's logic, and a body that is gone is the operators' to take, with its document kept. */
const EXCLUDED = ["StringLiteral"];
const options = { plugins: null, excludedMutations: EXCLUDED, ignorers: [], noHeader: false };

const { sources } = JSON.parse(fs.readFileSync(0, "utf8"));
const mutants = [];
const instrumented = {};
const skipped = {};
let total = 0;

for (const file of sources) {
  const content = fs.readFileSync(file, "utf8");
  let made;
  try {
    made = await new Instrumenter(logger).instrument([{ name: file, mutate: true, content }], options);
  } catch (error) {
    skipped[file] = String(error.message).split("\n")[0].slice(0, 200);
    continue;
  }
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.Latest, true);
  const scopes = functionsOf(source);
  const prefix = `${total}:`; // ids begin again with every file
  total += 1;
  const places = [];
  for (const { id, location, mutatorName, replacement, status } of made.mutants) {
    if (status === "Ignored") continue;
    const start = offset(source, location.start);
    const end = offset(source, location.end);
    places.push({ id: prefix + id, start, end });
    const body = mutatorName === "BlockStatement" && scopes.some((scope) => scope.body === start);
    if (!body) mutants.push({ id: prefix + id, file, operator: mutatorName, start, end, replacement, kind: "bug", reach: prefix + id, ...scopeAt(scopes, start) });
  }
  instrumented[file] = made.files[0].content.replaceAll(/(stry(?:MutAct|Cov)_9fa48\()((?:"\d+"(?:, )?)+)/g, (_, call, ids) => call + ids.replaceAll(/"(\d+)"/g, `"${prefix}$1"`));
  let number = 0;
  const visit = (node) => {
    for (const [operator, find] of Object.entries(operators)) {
      for (const { start, end, replacement, kind = "bug" } of find(ts, node, source)) {
        const around = places.filter((place) => place.start <= start && end <= place.end).sort((a, b) => a.end - a.start - (b.end - b.start))[0];
        mutants.push({ id: `${prefix}${operator}${(number += 1)}`, file, operator, start, end, replacement, kind, reach: around?.id ?? null, ...scopeAt(scopes, start) });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

fs.writeFileSync(3, JSON.stringify({ mutants, instrumented, skipped }));

function offset(source, { line, column }) {
  return source.getPositionOfLineAndCharacter(line, column);
}

/** Functions with a name, of their own or of what they are the value of: name, doc, where they are. */
function functionsOf(source) {
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) {
      const owner = node.name ? node : ts.isVariableDeclaration(node.parent) || ts.isPropertyAssignment(node.parent) || ts.isPropertyDeclaration(node.parent) ? node.parent : undefined;
      const name = ts.isConstructorDeclaration(node) ? "constructor" : owner?.name?.getText(source);
      const type = ts.findAncestor(node, (above) => ts.isClassLike(above));
      const outer = ts.isVariableDeclaration(node.parent) ? node.parent.parent.parent : node;
      const doc = ts.getJSDocCommentsAndTags(outer).find((entry) => ts.isJSDoc(entry));
      found.push({
        name: name && type?.name && ts.isClassElement(node) ? `${type.name.text}.${name}` : name,
        doc: doc ? (typeof doc.comment === "string" ? doc.comment : ts.getTextOfJSDocComment(doc.comment)) : undefined,
        start: node.getStart(source),
        end: node.getEnd(),
        body: node.body.getStart(source),
      });
    } else if (ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node)) {
      found.push({ name: node.name.text, start: node.getStart(source), end: node.getEnd(), body: -1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The smallest function with a name around a place. */
function scopeAt(scopes, place) {
  const around = scopes.filter(({ name, start, end }) => name && start <= place && place < end).sort((a, b) => a.end - a.start - (b.end - b.start))[0];
  return { function: around?.name ?? null, doc: around?.doc?.slice(0, 2000) ?? null };
}
