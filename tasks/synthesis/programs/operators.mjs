// Faults that people make in TypeScript and that the instrumenter has no mutator for. Each operator takes a node and says what to put in
// place of which piece of text; nothing is said of whether the outcome compiles.
//
// A piece is `{ start, end, replacement, kind }`, in UTF-16 units. `kind` is what the task will be: a bug, a feature to write, types, async.

/** Whether an expression narrows a type, or looks like it. */
function narrows(ts, node) {
  if (ts.isParenthesizedExpression(node)) return narrows(ts, node.expression);
  if (ts.isPrefixUnaryExpression(node)) return narrows(ts, node.operand);
  if (ts.isCallExpression(node)) return /^is[A-Z]|\.is[A-Z]|^has[A-Z]/.test(node.expression.getText());
  if (!ts.isBinaryExpression(node)) return false;
  const { InstanceOfKeyword, InKeyword } = ts.SyntaxKind;
  if (node.operatorToken.kind === InstanceOfKeyword || node.operatorToken.kind === InKeyword) return true;
  return [node.left, node.right].some((side) => ts.isTypeOfExpression(side) || side.kind === ts.SyntaxKind.NullKeyword || side.getText() === "undefined");
}

function leaves(ts, node) {
  if (ts.isBlock(node)) return node.statements.length > 0 && leaves(ts, node.statements[node.statements.length - 1]);
  return ts.isReturnStatement(node) || ts.isThrowStatement(node) || ts.isContinueStatement(node) || ts.isBreakStatement(node);
}

/** A statement's text with the white space before it, back to the end of the line above, and not the comments. */
function whole(source, node) {
  const text = source.text;
  let start = node.getStart(source);
  while (start > 0 && (text[start - 1] === " " || text[start - 1] === "\t")) start -= 1;
  if (start > 0 && text[start - 1] === "\n") start -= 1;
  if (start > 0 && text[start - 1] === "\r") start -= 1;
  return { start, end: node.getEnd() };
}

export const operators = {
  DroppedAwait(ts, node, source) {
    if (!ts.isAwaitExpression(node)) return [];
    return [{ start: node.getStart(source), end: node.getEnd(), replacement: node.expression.getText(source), kind: "async" }];
  },

  SwappedArguments(ts, node, source) {
    if (!(ts.isCallExpression(node) || ts.isNewExpression(node)) || !node.arguments) return [];
    const found = [];
    for (let at = 0; at + 1 < node.arguments.length; at += 1) {
      const [one, two] = [node.arguments[at], node.arguments[at + 1]];
      const texts = [one.getText(source), two.getText(source)];
      if (ts.isSpreadElement(one) || ts.isSpreadElement(two) || texts[0] === texts[1]) continue;
      const between = source.text.slice(one.getEnd(), two.getStart(source));
      found.push({ start: one.getStart(source), end: two.getEnd(), replacement: texts[1] + between + texts[0] });
    }
    return found;
  },

  OffByOne(ts, node, source) {
    const place = { start: node.getStart(source), end: node.getEnd() };
    if (ts.isNumericLiteral(node) && /^\d{1,6}$/.test(node.text) && !ts.isLiteralTypeNode(node.parent) && !ts.isEnumMember(node.parent)) {
      const value = Number(node.text);
      return [{ ...place, replacement: String(value + 1) }, ...(value > 0 ? [{ ...place, replacement: String(value - 1) }] : [])];
    }
    if (ts.isPropertyAccessExpression(node) && (node.name.text === "length" || node.name.text === "size")) {
      const assigned = ts.isBinaryExpression(node.parent) && node.parent.left === node && node.parent.operatorToken.kind === ts.SyntaxKind.EqualsToken;
      const counted = ts.isPrefixUnaryExpression(node.parent) || ts.isPostfixUnaryExpression(node.parent) || ts.isCallExpression(node.parent);
      return assigned || counted ? [] : [{ ...place, replacement: `(${node.getText(source)} - 1)` }];
    }
    if (ts.isElementAccessExpression(node) && !ts.isStringLiteral(node.argumentExpression)) {
      const index = node.argumentExpression;
      if (!ts.isIdentifier(index) || !/^(?:i|j|k|n|at|index|position|pos|offset)$/.test(index.text)) return [];
      return [{ start: index.getStart(source), end: index.getEnd(), replacement: `${index.text} + 1` }];
    }
    return [];
  },

  WeakenedNarrowing(ts, node, source) {
    if (!ts.isBinaryExpression(node)) return [];
    const { AmpersandAmpersandToken, BarBarToken, InstanceOfKeyword, EqualsEqualsEqualsToken } = ts.SyntaxKind;
    const place = { start: node.getStart(source), end: node.getEnd() };
    const found = [];
    if (node.operatorToken.kind === AmpersandAmpersandToken || node.operatorToken.kind === BarBarToken) {
      if (narrows(ts, node.left)) found.push({ ...place, replacement: node.right.getText(source) });
      if (narrows(ts, node.right)) found.push({ ...place, replacement: node.left.getText(source) });
    }
    if (node.operatorToken.kind === InstanceOfKeyword) found.push({ ...place, replacement: `${node.left.getText(source)} instanceof Object` });
    if (node.operatorToken.kind === EqualsEqualsEqualsToken && ts.isTypeOfExpression(node.left)) {
      found.push({ ...place, replacement: `${node.left.getText(source)} !== "undefined"` });
    }
    return found;
  },

  WidenedUnion(ts, node, source) {
    if (!ts.isUnionTypeNode(node)) return [];
    const place = { start: node.getStart(source), end: node.getEnd() };
    const found = [];
    if (node.types.every((type) => ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal))) found.push({ ...place, replacement: "string" });
    if (!node.types.some((type) => type.getText(source) === "undefined")) found.push({ ...place, replacement: `${node.getText(source)} | undefined` });
    return found.map((piece) => ({ ...piece, kind: "types" }));
  },

  WrongConstraint(ts, node, source) {
    if (!ts.isTypeParameterDeclaration(node) || !node.constraint || ts.isMappedTypeNode(node.parent)) return [];
    const { constraint } = node;
    return [{ start: constraint.getStart(source), end: constraint.getEnd(), replacement: "unknown", kind: "types" }];
  },

  WrongConditionalType(ts, node, source) {
    if (!ts.isConditionalTypeNode(node)) return [];
    const place = { start: node.getStart(source), end: node.getEnd(), kind: "types" };
    return [
      { ...place, replacement: node.trueType.getText(source) },
      { ...place, replacement: node.falseType.getText(source) },
    ].filter(({ replacement }) => replacement !== "never" && !/\binfer\b/.test(node.extendsType.getText(source)));
  },

  LostModifier(ts, node, source) {
    if (ts.isMappedTypeNode(node)) {
      return [node.readonlyToken, node.questionToken]
        .filter((token) => token)
        .map((token) => ({ start: token.getStart(source), end: token.getEnd() + 0, replacement: "", kind: "types" }));
    }
    if (!(ts.isPropertySignature(node) || ts.isPropertyDeclaration(node)) || !node.modifiers) return [];
    const readonly = node.modifiers.find((modifier) => modifier.kind === ts.SyntaxKind.ReadonlyKeyword);
    return readonly ? [{ start: readonly.getStart(source), end: readonly.getEnd() + 1, replacement: "", kind: "types" }] : [];
  },

  LostExhaustiveness(ts, node, source) {
    if (!ts.isCaseClause(node) || node.statements.length === 0 || node.parent.clauses.length < 2) return [];
    return [{ ...whole(source, node), replacement: "" }];
  },

  WrongOptionalChaining(ts, node, source) {
    const place = { start: node.getStart(source), end: node.getEnd() };
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) {
      const token = node.operatorToken;
      return [{ start: token.getStart(source), end: token.getEnd(), replacement: "||" }];
    }
    if (ts.isPropertyAccessExpression(node) && node.questionDotToken) {
      return [{ ...place, replacement: `${node.expression.getText(source)}!.${node.name.text}` }];
    }
    return [];
  },

  RemovedGuard(ts, node, source) {
    if (!ts.isIfStatement(node) || node.elseStatement || !leaves(ts, node.thenStatement)) return [];
    if (!ts.isBlock(node.parent) && !ts.isSourceFile(node.parent) && !ts.isCaseOrDefaultClause(node.parent)) return [];
    return [{ ...whole(source, node), replacement: "" }];
  },

  RemovedBranch(ts, node, source) {
    if (!ts.isIfStatement(node) || !node.elseStatement) return [];
    const text = (branch) => branch.getText(source);
    const place = { start: node.getStart(source), end: node.getEnd() };
    const without = { start: node.thenStatement.getEnd(), end: node.getEnd(), replacement: "" };
    return [without, { ...place, replacement: text(node.elseStatement) }];
  },

  RemovedBody(ts, node, source) {
    const named = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isGetAccessorDeclaration(node);
    if (!named || !node.body || !node.name || node.body.statements.length === 0) return [];
    if (source.text.slice(node.body.getStart(source), node.body.getEnd()).split("\n").length < 3) return [];
    const indent = /[ \t]*$/.exec(source.text.slice(0, node.body.getEnd() - 1))[0];
    const step = indent.includes("\t") ? "\t" : "  ";
    const end = source.text.includes("\r\n") ? "\r\n" : "\n";
    const replacement = `{${end}${indent}${step}throw new Error("not implemented");${end}${indent}}`;
    return [{ start: node.body.getStart(source), end: node.body.getEnd(), replacement, kind: "feature" }];
  },

  LostCopy(ts, node, source) {
    const only = ts.isArrayLiteralExpression(node) && node.elements.length === 1 && ts.isSpreadElement(node.elements[0]);
    if (!only) return [];
    return [{ start: node.getStart(source), end: node.getEnd(), replacement: node.elements[0].expression.getText(source) }];
  },

  SwappedSpread(ts, node, source) {
    if (!ts.isObjectLiteralExpression(node) || node.properties.length !== 2) return [];
    const [one, two] = node.properties;
    if (!ts.isSpreadAssignment(one)) return [];
    const between = source.text.slice(one.getEnd(), two.getStart(source));
    return [{ start: one.getStart(source), end: two.getEnd(), replacement: two.getText(source) + between + one.getText(source) }];
  },

  RemovedCleanup(ts, node, source) {
    if (!ts.isTryStatement(node) || !node.finallyBlock || !node.catchClause) return [];
    return [{ start: node.catchClause.getEnd(), end: node.getEnd(), replacement: "" }];
  },

  RemovedCall(ts, node, source) {
    if (!ts.isExpressionStatement(node) || !ts.isBlock(node.parent)) return [];
    const call = ts.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
    if (!ts.isCallExpression(call) || call.expression.kind === ts.SyntaxKind.SuperKeyword) return [];
    return [{ ...whole(source, node), replacement: "" }];
  },

  WrongCombinator(ts, node, source) {
    if (!ts.isPropertyAccessExpression(node) || node.expression.getText(source) !== "Promise") return [];
    const other = { all: "race", race: "any", allSettled: "all", any: "race" }[node.name.text];
    return other ? [{ start: node.name.getStart(source), end: node.name.getEnd(), replacement: other, kind: "async" }] : [];
  },
};
