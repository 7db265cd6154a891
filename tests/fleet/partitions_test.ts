/** Readers of parts of the stream write what one reader of all would write. */

import { formatProbe } from "../../format/probe.ts";
import { assert, assertEquals } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";
import { amount } from "../long.ts";
import { crowd, hostAddress, inOrder, scanners } from "./crowd.ts";

const HOSTS = 1000;
const SOURCES = 5000;
const DAYS = amount(1, 20);
const DAY = 86_400_000;
const MIDNIGHT = Date.UTC(2026, 0, 1);
const RATE = 200_000;

/** The readers' streams, cut by the source's /24 as packaging/fleet/ does. */
function partOf(source: string): number {
  const [a, b, c] = source.split(".").map(Number);
  return ((a * 31 + b * 17 + c * 7) >> 1) % 2;
}

/** Writes a file of all records and one for each of two readers. */
async function write(folder: string): Promise<number> {
  const day = inOrder([
    ...crowd({ seed: 7, sources: SOURCES, hosts: HOSTS }),
    ...scanners(HOSTS, 7),
  ]);
  for (let i = 0; i < DAYS; i++) {
    const parts: [string[], string[], string[]] = [[], [], []];
    for (const { time, source, host, port } of day) {
      const line = formatProbe({
        time: MIDNIGHT + i * DAY + time,
        source,
        sourcePort: 40_000,
        destination: hostAddress(host),
        destinationPort: port,
        protocol: "tcp",
        flags: 2,
        ttl: 51,
        outcome: "silent",
      }, `web${host}`) + "\n";
      parts[0].push(line);
      parts[1 + partOf(source)].push(line);
    }
    for (const [part, lines] of parts.entries()) {
      const path = `${folder}/${part}`;
      await Deno.writeTextFile(path, lines.join(""), { append: true });
    }
  }
  return DAYS * day.length;
}

/** Reads files side by side; gives their lines, and how long it took. */
async function read(...paths: string[]): Promise<[string[], number]> {
  const begin = performance.now();
  const args = ["--no-drop", "--log-burst=0", "-o", "json"];
  const readers = paths.map((path) =>
    new Process(program(["--read", path, ...args]))
  );
  for (const reader of readers) assertEquals(await reader.end(), 0);
  const lines = readers.flatMap(({ stdout }) => stdout)
    .filter((line) => line.includes('"event_type":"portscan"'));
  return [lines.sort(), (performance.now() - begin) / 1000];
}

Deno.test("the lines of two readers are the lines of one", async () => {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const count = await write(folder);
    const [all, alone] = await read(`${folder}/0`);
    const [parts, together] = await read(`${folder}/1`, `${folder}/2`);
    assertEquals(parts, all);
    // The scanner that takes all day goes on the next day.
    assert(all.length >= 2 * DAYS + 1, `${all.length} lines`);
    const [one, two] = [count / alone, count / together].map(Math.round);
    console.log(`${one} records/s, with two readers ${two}`);
    // Of a short run most is the start.
    if (amount(0, 1) > 0) assert(one >= RATE, `${one} records/s`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
