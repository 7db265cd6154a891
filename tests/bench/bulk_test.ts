import { shareOfNeighbours } from "../../bench/bulk.ts";
import { assertEquals } from "../assert.ts";

Deno.test("a drift that goes on evenly is nobody's fault", () => {
  assertEquals(shareOfNeighbours(8, 9, 10), 1);
  assertEquals(shareOfNeighbours(10, 9, 8), 1);
});

Deno.test("what is slower than before and after has cost something", () => {
  assertEquals(shareOfNeighbours(10, 9, 10), 0.9);
  assertEquals(shareOfNeighbours(8, 4.5, 10), 0.5);
});
