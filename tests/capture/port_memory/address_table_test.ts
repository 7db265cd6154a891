import {
  ADDRESS_TABLE,
  AddressTable,
} from "../../../capture/port_memory/address_table.ts";
import type { AddressWords } from "../../../detect/packet/address.ts";
import { assert, assertEquals, assertLess } from "../../assert.ts";

/** Odd numbers as good as any. */
const KEY = [0x9e3779b97f4a7c15n, 0xc2b2ae3d27d4eb4fn] as const;

function addresses(count: number): AddressWords[] {
  return Array.from(
    { length: count },
    (_, i) => [0, 0, 0xffff, 0x0a000001 + i],
  );
}

Deno.test("three thousand addresses find a place, but for very few", () => {
  const memory = new ArrayBuffer(ADDRESS_TABLE.byteLength);
  const refused = new AddressTable(memory, KEY).assign(addresses(3_000));
  const places = new BigUint64Array(memory).filter((_, i) => i % 2 === 1);
  const taken = places.filter((lower) => lower !== 0n);
  assertEquals(new Set(taken).size, 3_000 - refused);
  assertLess(refused, 30);
});

Deno.test("what does not fit is counted, and what is given up goes", () => {
  const memory = new ArrayBuffer(ADDRESS_TABLE.byteLength);
  const table = new AddressTable(memory, KEY);
  const count = ADDRESS_TABLE.entries * 4;
  const refused = table.assign(addresses(2 * count));
  assert(refused >= count);
  assertEquals(table.assign([]), 0);
  assert(new Uint8Array(memory).every((byte) => byte === 0));
});
