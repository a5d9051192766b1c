import { sum } from "../src/sum.ts";

const big: bigint = sum([1n, 2n]);
const small: number = sum([1, 2]);
// @ts-expect-error a mixed list has no type to be
sum([1, 2n]);
void [big, small];
