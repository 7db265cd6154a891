/** The first port of each source, kept through a flood of others. */

import { FirstProbes } from "../../../detect/table/first_probes.ts";
import { assert, assertEquals } from "../../assert.ts";
import { seeded } from "../../random.ts";

const RECORDS = 64;
const MINUTE_MS = 60_000;

/** Looks for an IPv4 source, and remembers it if it is new. */
function probe(
  first: FirstProbes,
  source: number,
  port: number,
  time: number,
): boolean {
  const isKnown = first.find(0, 0, 0xffff, source, time);
  if (!isKnown) first.remember(port, time);
  return isKnown;
}

Deno.test("a source's first port and its age are found again", () => {
  const first = new FirstProbes(RECORDS, seeded(1));
  assert(!probe(first, 7, 22, MINUTE_MS));
  assert(probe(first, 7, 23, 2 * MINUTE_MS));
  assertEquals([first.port, first.age], [22, MINUTE_MS]);
});

Deno.test("a flood pushes out nobody who came within six minutes", () => {
  const first = new FirstProbes(RECORDS, seeded(1));
  probe(first, 7, 22, 0);
  for (let i = 0; i < 10_000; i++) probe(first, 1000 + i, 80, i);
  assert(first.find(0, 0, 0xffff, 7, 5 * MINUTE_MS));
  assertEquals(first.port, 22);
  const since = 7 * MINUTE_MS;
  for (let i = 0; i < 10_000; i++) probe(first, 20_000 + i, 80, since + i);
  assert(!first.find(0, 0, 0xffff, 7, since + 10_000));
});

Deno.test("what is remembered of a source anew replaces what was known", () => {
  const first = new FirstProbes(RECORDS, seeded(1));
  probe(first, 7, 22, 0);
  assert(first.find(0, 0, 0xffff, 7, MINUTE_MS));
  first.remember(443, MINUTE_MS);
  assert(first.find(0, 0, 0xffff, 7, MINUTE_MS));
  assertEquals([first.port, first.age], [443, 0]);
});
