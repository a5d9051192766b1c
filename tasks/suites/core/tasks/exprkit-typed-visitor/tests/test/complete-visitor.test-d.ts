import type { Expr, NodeKind, NodeOf, Visitor } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const keysAreKinds: Equal<keyof Visitor<string>, NodeKind> = true;
export const callTakesCall: Equal<Parameters<Visitor<string>['call']>[0], NodeOf<'call'>> = true;
export const letReturnsResult: Equal<ReturnType<Visitor<boolean>['let']>, boolean> = true;

const describe = (node: Expr): string => node.kind;

// Functions for a wider node do as well; parameters need no annotation.
export const complete: Visitor<string> = {
  number: (node) => node.value.toFixed(1),
  string: (node) => node.value,
  boolean: describe,
  null: describe,
  identifier: (node) => node.name,
  list: (node) => node.elements.map((element) => element.kind).join(),
  record: (node) => node.fields.map((field) => field.name).join(),
  unary: (node) => node.operator,
  binary: (node) => node.operator,
  conditional: describe,
  member: (node) => node.property,
  index: describe,
  call: (node) => String(node.args.length),
  lambda: (node) => node.params.map((param) => param.name).join(),
  let: (node) => node.name,
};

const { let: _, ...withoutLet } = complete;
// @ts-expect-error one kind is missing
export const incomplete: Visitor<string> = withoutLet;

// @ts-expect-error the result of one function does not fit
export const wrongResult: Visitor<string> = { ...complete, let: () => 1 };

// @ts-expect-error the parameter of one function does not fit
export const wrongNode: Visitor<string> = { ...complete, let: (node: NodeOf<'call'>) => node.kind };
