/**
 * How the figures are told: a table for people, JSON for programs.
 *
 * @module
 */

/** What one contender did with one family. */
export interface Result {
  /** The trace's family. */
  family: string;
  /** The contender. */
  name: string;
  /** The median of the rounds. */
  packetsPerSecond: number;
  /** How many times the reference's speed; undefined if there is none. */
  toReference?: number;
  /** Lines written, if it writes any. */
  lines?: number;
  /** Processor time of each round in seconds, without start-up. */
  cpuSeconds: number[];
}

/** Prints the table. */
export function printTable(results: readonly Result[]): void {
  const rows = [
    ["family", "what", "million packets/s", "to reference", "lines"],
    ...results.map((result) => [
      result.family,
      result.name,
      (result.packetsPerSecond / 1e6).toFixed(2),
      result.toReference?.toFixed(2) ?? "-",
      String(result.lines ?? "-"),
    ]),
  ];
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => row[column].length))
  );
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
    );
    console.log(cells.join("  ").trimEnd());
  }
}

/** Writes the figures, and what they were measured on. */
export async function writeJson(
  path: string,
  { packets, rounds }: { packets: number; rounds: number },
  results: readonly Result[],
): Promise<void> {
  const report = {
    date: new Date().toISOString(),
    deno: Deno.version.deno,
    processor: await processorName(),
    packets,
    rounds,
    results,
  };
  await Deno.mkdir(path.replace(/[^/]*$/, "") || ".", { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(report, null, 2) + "\n");
  console.error(`bench: written to ${path}`);
}

async function processorName(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? Deno.build.arch;
}
