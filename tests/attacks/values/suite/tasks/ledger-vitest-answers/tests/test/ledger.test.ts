import { describe, expect, it } from "vitest";
import * as ledger from "../src/index.ts";

const entries = ledger.read("ann 3 on 7, bob 5 on 9, ann 8 on 12");

describe("a ledger", () => {
  it("knows the names", () => {
    expect(ledger.names(entries)).toEqual(new Set(["ann", "bob"]));
  });

  it("adds up", () => {
    expect(ledger.totals(entries)).toEqual(new Map([["ann", 11], ["bob", 5]]));
  });

  it("adds up, whatever the class", () => {
    expect([...ledger.totals(ledger.read("eve 6 on 1"))]).toEqual([["eve", 6]]);
  });

  it("sorts", () => {
    expect(ledger.amounts(entries)).to.include(8);
    expect(ledger.amounts(entries)).to.include(5);
  });

  it("knows the days", () => {
    expect(ledger.days(entries).includes(12)).toBe(true);
  });

  it("knows the shares", () => {
    expect(ledger.shares(entries)).toEqual([{ part: 0.1875 }, { part: 0.3125 }, { part: 0.5 }]);
  });

  it("knows the shares, each once", () => {
    expect(ledger.parts(entries)).toEqual(new Set([{ part: 0.1875 }, { part: 0.3125 }, { part: 0.5 }]));
  });

  it("is written in bytes", () => {
    expect(ledger.bytes(entries)).toEqual(new Uint8Array([3, 5, 8]));
  });

  it("knows the last day", () => {
    expect(ledger.last(entries)).toEqual(new Date("2026-11-12"));
  });

  it("finds", async () => {
    await expect(ledger.find(entries, "bob")).resolves.toEqual([5]);
    await expect(ledger.find(entries, "eve")).rejects.toThrow(ledger.NameError);
  });

  it("tells who waits", () => ledger.find(entries, "ann").then((found) => {
    expect(found).toEqual([3, 8]);
  }));
});
