import { parse, visit, type BinaryOperator, type Expr, type NodeOf, type Visitor } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const tree = parse('f(1)');

// Parameters follow the key; the result is the union of what the functions return.
const size = visit(tree, {
  call: (node) => {
    const isCall: Equal<typeof node, NodeOf<'call'>> = true;
    return isCall ? node.args.length : 0;
  },
  string: (node) => node.value,
  otherwise: (node) => {
    const isExpr: Equal<typeof node, Expr> = true;
    return isExpr ? null : undefined;
  },
});
export const sizeIsUnion: Equal<typeof size, number | string | null | undefined> = true;

const operator = visit(tree, { binary: ({ operator: found }) => found, otherwise: (node) => node.span });
export const operatorIsUnion: Equal<typeof operator, BinaryOperator | Expr['span']> = true;

// A narrower node asks for its own kinds only, but others may be there.
declare const operation: NodeOf<'unary' | 'binary'>;
const operands = visit(operation, {
  unary: (node) => [node.operand],
  binary: (node) => [node.left, node.right] as const,
});
export const operandsAreExact: Equal<typeof operands, Expr[] | readonly [Expr, Expr]> = true;

visit(operation, {
  unary: (node) => node.operand,
  binary: (node) => node.left,
  let: (node) => node.body,
});

visit(operation, {
  unary: (node) => node.operand,
  otherwise: (node) => {
    const isOperation: Equal<typeof node, NodeOf<'unary' | 'binary'>> = true;
    return isOperation;
  },
});

// A complete visitor needs no `otherwise`, whatever the node.
declare const names: Visitor<string>;
const name = visit(tree, names);
export const nameIsString: Equal<typeof name, string> = true;
const operationName = visit(operation, names);
export const operationNameIsString: Equal<typeof operationName, string> = true;

// @ts-expect-error kinds are missing and there is no `otherwise`
visit(tree, { call: () => 1 });

// @ts-expect-error the second kind of the node is missing
visit(operation, { unary: (node) => node.operand });

// @ts-expect-error no such kind
visit(tree, { calls: () => 1, otherwise: () => 2 });

// @ts-expect-error no such kind beside the complete ones
visit(operation, { unary: () => 1, binary: () => 2, ternary: () => 3 });

// @ts-expect-error a number node has no `args`
visit(tree, { number: (node) => node.args, otherwise: () => 2 });

// @ts-expect-error the function takes another kind of node
visit(tree, { number: (node: NodeOf<'call'>) => node.args, otherwise: () => 2 });

// @ts-expect-error not a function
visit(tree, { number: 1, otherwise: () => 2 });
