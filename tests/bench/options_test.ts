import { FULL, QUICK } from "../../bench/benchmark.ts";
import { parseOptions } from "../../bench/options.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const NAMES = ["replay", "idle"];

Deno.test("amounts are full, quick, or what is asked for", () => {
  assertEquals(parseOptions([], NAMES).amounts.rounds, FULL.rounds);
  const { amounts } = parseOptions([
    "--quick",
    "--seconds",
    "7",
    "--bulk-turns",
    "9",
  ], NAMES);
  assertEquals(amounts.floodSeconds, 7);
  assertEquals(amounts.bulkTurns, 9);
  assertEquals(amounts.replayPackets, QUICK.replayPackets);
});

Deno.test("--only may be given more than once, with names that exist", () => {
  const args = ["--only", "idle", "--only", "replay"];
  assertEquals(parseOptions(args, NAMES).only, ["idle", "replay"]);
  assertThrows(
    () => parseOptions(["--only", "nothing"], NAMES),
    Error,
    'there is no "nothing"',
  );
});

for (const args of [["--rounds", "0"], ["--packets", "many"], ["--what"]]) {
  Deno.test(`${args.join(" ")} is refused`, () => {
    assertThrows(() => parseOptions(args, NAMES), Error, args[0]);
  });
}
