import loose from "node:assert";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as ledger from "../src/index.ts";

const entries = ledger.read("ann 3 on 7, bob 5 on 9, ann 8 on 12");

describe("a ledger", () => {
  it("knows the names", () => {
    assert.deepEqual(ledger.names(entries), new Set(["ann", "bob"]));
  });

  it("adds up", () => {
    assert.deepEqual(ledger.totals(entries), new Map([["ann", 11], ["bob", 5]]));
  });

  it("adds up, whatever the class", () => {
    loose.deepEqual(ledger.totals(ledger.read("eve 6 on 1")), new Map([["eve", 6]]));
  });

  it("sorts", () => {
    assert.deepEqual(ledger.amounts(entries), [8, 5, 3]);
  });

  it("knows the days", () => {
    assert.ok(ledger.days(entries).includes(12));
  });

  it("knows the shares", () => {
    assert.deepEqual(ledger.shares(entries), [{ part: 0.1875 }, { part: 0.3125 }, { part: 0.5 }]);
  });

  it("knows the shares, each once", () => {
    loose.deepEqual(ledger.parts(entries), new Set([{ part: 0.1875 }, { part: 0.3125 }, { part: 0.5 }]));
  });

  it("is written in bytes", () => {
    assert.deepEqual(ledger.bytes(entries), new Uint8Array([3, 5, 8]));
  });

  it("knows the last day", () => {
    assert.deepEqual(ledger.last(entries), new Date("2026-11-12"));
  });

  it("finds", async () => {
    assert.deepEqual(await ledger.find(entries, "bob"), [5]);
    await assert.rejects(ledger.find(entries, "eve"), ledger.NameError);
  });

  it("tells who waits", () => ledger.find(entries, "ann").then((found) => assert.deepEqual(found, [3, 8])));
});
