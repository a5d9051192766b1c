import { expectTypeOf } from "vitest";
import { limitEach, parseRate, TokenBucket } from "../src/index.ts";

const bucket = new TokenBucket(parseRate("1/s"));

expectTypeOf(bucket.capacity).toEqualTypeOf<number>();
expectTypeOf(parseRate("1/s").burst).toEqualTypeOf<number>();
expectTypeOf(limitEach([1], bucket, async (item) => String(item))).resolves.toEqualTypeOf<string[]>();
