import { parseAddress } from "../../../detect/packet/address.ts";
import { SourceKey } from "../../../detect/table/source_key.ts";
import { assertEquals, assertNotEquals } from "../../assert.ts";

/** The key of an address, where /64s count as one source. */
function keyOf(address: string): number[] {
  const key = new SourceKey(64, undefined);
  const { words: [w0, w1, w2, w3] } = parseAddress(address);
  key.of(w0, w1, w2, w3);
  return [key.w0, key.w1, key.w2, key.w3];
}

const CARRIERS: readonly [address: string, embedded: string][] = [
  ["64:ff9b::203.0.113.5", "203.0.113.5"],
  ["2002:cb00:7105::", "203.0.113.5"],
  ["2002:cb00:7105:1:2:3:4:5", "203.0.113.5"],
  // RFC 4380, 4: the client's address is inverted.
  ["2001:0:c000:201:0:1234:34ff:8efa", "203.0.113.5"],
];

for (const [address, embedded] of CARRIERS) {
  Deno.test(`${address} counts as ${embedded}`, () => {
    assertEquals(keyOf(address), keyOf(embedded));
  });
}

for (
  const address of [
    "64:ff9b:1::203.0.113.5", // RFC 8215: of local use, of any prefix length
    "64:ff9b::1:203.0.113.5",
    "2003:cb00:7105::",
    "2001:1:c000:201:0:1234:34ff:8efa",
    "2001:db8::203.0.113.5",
  ]
) {
  Deno.test(`${address} counts by its prefix`, () => {
    const { words: [w0, w1] } = parseAddress(address);
    assertEquals(keyOf(address), [w0, w1, 0, 0]);
    assertNotEquals(keyOf(address), keyOf("203.0.113.5"));
  });
}
