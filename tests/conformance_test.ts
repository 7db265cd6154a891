/**
 * The reference's own answers: `data/conformance/` holds traces and the lines
 * that Debian's scanlogd logged for them.
 */

import { findScans, formatReport } from "../mod.ts";
import { assert, assertEquals } from "./assert.ts";
import { chunked, withRunSeed } from "./random.ts";

const FOLDER = new URL("./data/conformance/", import.meta.url);
const FAMILIES = "clock ether flags flood frag mixed options ports short";

const vectors = [...Deno.readDirSync(FOLDER)]
  .map(({ name }) => name)
  .filter((name) => name.endsWith(".pcap"))
  .map((name) => name.slice(0, -".pcap".length))
  .sort();

/** The lines of the reference's rules alone. */
async function linesOf(
  chunks: Uint8Array | Iterable<Uint8Array>,
): Promise<string[]> {
  const lines: string[] = [];
  for await (const report of findScans(chunks, { classic: true })) {
    lines.push(formatReport(report, { utc: true }));
  }
  return lines;
}

async function expectedLines(vector: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(`${vector}.expected`, FOLDER));
  return text.trimEnd().split("\n");
}

Deno.test("the vectors cover every family, and each expects lines", async () => {
  const families = new Set(vectors.map((name) => name.split("-")[0]));
  assertEquals([...families].join(" "), FAMILIES);
  for (const vector of vectors) {
    assert((await expectedLines(vector)).every((line) => line.length > 0));
  }
});

for (const vector of vectors) {
  Deno.test(`conformance: ${vector}`, async (t) => {
    const file = await Deno.readFile(new URL(`${vector}.pcap`, FOLDER));
    const expected = await expectedLines(vector);

    await t.step("the file at once", async () => {
      assertEquals(await linesOf(file), expected);
    });
    for (const largest of [7, 61, 4093]) {
      await t.step(
        `in chunks of up to ${largest} bytes`,
        () =>
          withRunSeed(async (random) => {
            const chunks = chunked(random, file, largest);
            assertEquals(await linesOf(chunks), expected);
          }),
      );
    }
  });
}
