/** The detector's memory is allocated at its start, and stays as it is. */

import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertMatch,
} from "./assert.ts";
import { Detector } from "../mod.ts";
import type { Samples, Tables } from "./slow_memory.ts";

/** What the runtime's own doings may add, such as compiled code. */
const NOISE = 256 * 1024;
/** Buffers that are no tables, all together. */
const SMALL = 4 * 1024;

async function run(args: readonly string[]): Promise<[string, string]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...args],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const [told, diagnostics] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  assertEquals(code, 0, diagnostics);
  return [told, diagnostics];
}

function pathOf(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

Deno.test("tables are allocated at the start and stay, whatever comes", async () => {
  const [told] = await run([
    "--v8-flags=--expose-gc",
    pathOf("slow_memory.ts"),
  ]);
  const samples: Samples = JSON.parse(told);
  const { start, rounds, reports, evicted } = samples;
  const heaps = rounds.map(({ heapUsed }) => heapUsed).join(", ");
  console.log(
    `${samples.packets} packets, tables ${start.byteLength} bytes, heap ${heaps} bytes, ${evicted} forgotten early, reports ${
      JSON.stringify(reports)
    }`,
  );
  // It was really driven to its limits.
  assert(evicted > 1_000, `${evicted} evicted`);
  for (const type of ["scan", "flood", "decoys", "unlogged", "end"]) {
    assert(reports[type] > 0, `no report of type ${type}`);
  }
  // byteLength is the sum of all buffers, but for small ones.
  assertAlmostAll({ ...start, allocated: samples.allocated });
  assertAlmostAll(samples.defaults);
  assertAlmostAll(samples.fleet);
  for (const { byteLength } of rounds) {
    assertEquals(byteLength, start.byteLength);
  }
  // Groups of decoys, of which there are 16 at a time.
  assertLess(samples.allocatedLater, SMALL * reports.decoys / 16);
  // The first round compiles the code.
  const [, early] = rounds;
  assertLess(rounds[rounds.length - 1].heapUsed - early.heapUsed, NOISE);
});

function assertAlmostAll({ byteLength, allocated }: Tables): void {
  assertLessOrEqual(byteLength, allocated);
  assertLess(allocated - byteLength, SMALL);
}

Deno.test("--verbose tells how much the tables take", async () => {
  const [, told] = await run([
    ...["--allow-ffi", "--allow-read", pathOf("../main.ts"), "--no-drop"],
    ...["--verbose", "--read", pathOf("data/conformance/mixed-1.pcap")],
  ]);
  const size = (new Detector(() => {}).byteLength / 2 ** 20).toFixed(1);
  assertMatch(told, new RegExp(`tables take ${RegExp.escape(size)} MiB`));
});
