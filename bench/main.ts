/**
 * Packets per second: decoding and detecting in memory, and a whole run of
 * `--read`, beside the reference's replay of the same trace. All take turns, so
 * that whatever else the machine does meets all of them; ratios compare the
 * same round.
 *
 *     deno task bench [--packets N] [--rounds N] [--traces DIR] [--json FILE]
 *
 * Traces are made at random from a fixed seed, in a temporary directory or in
 * DIR, where those made before are used again.
 *
 * @module
 */

import { parseArgs } from "../daemon/std.ts";
import {
  type Contender,
  findProgram,
  ourLibrary,
  ourProgram,
  reference,
} from "./contenders.ts";
import { median } from "./measure.ts";
import { printTable, type Result, writeJson } from "./report.ts";
import { makeEmptyTrace, makeTrace } from "./traces.ts";

/** Families of traces: 20 sources, which stay in the cache, and 20,000. */
const FAMILIES = ["steady", "many"] as const;

interface BenchOptions {
  packets: number;
  rounds: number;
  traces: string | undefined;
  json: string;
}

function benchOptions(args: readonly string[]): BenchOptions {
  const texts = parseArgs(args, {
    string: ["packets", "rounds", "traces", "json"],
    unknown: (arg) => {
      throw new Error(`unknown option ${arg}`);
    },
  });
  const count = (name: string, fallback: number) => {
    const value = Number(texts[name] ?? fallback);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new Error(`--${name} must be an integer from 1 on`);
  };
  const results = new URL("results/latest.json", import.meta.url).pathname;
  return {
    packets: count("packets", 4_000_000),
    rounds: count("rounds", 5),
    traces: texts.traces as string | undefined,
    json: (texts.json as string | undefined) ?? results,
  };
}

async function benchFamily(
  family: string,
  trace: string,
  contenders: readonly Contender[],
  { packets, rounds }: BenchOptions,
): Promise<Result[]> {
  const cpu = contenders.map((): number[] => []);
  const lines: (number | undefined)[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const run = await contender.run(trace);
      cpu[i].push(run.cpu);
      lines[i] = run.lines;
    }
  }
  const last = contenders.findIndex(({ name }) => name.startsWith("reference"));
  return contenders.map(({ name }, i) => ({
    family,
    name,
    packetsPerSecond: packets / median(cpu[i]),
    toReference: last < 0
      ? undefined
      : median(cpu[last].map((seconds, round) => seconds / cpu[i][round])),
    lines: lines[i],
    cpuSeconds: cpu[i],
  }));
}

async function bench(options: BenchOptions, folder: string): Promise<void> {
  const traceFolder = options.traces ?? folder;
  await Deno.mkdir(traceFolder, { recursive: true });
  const traces = [];
  for (const family of FAMILIES) {
    traces.push(await makeTrace(family, options.packets, traceFolder));
  }
  const empty = await makeEmptyTrace(traces[0], folder);
  const rival = await reference(empty, folder);
  if (rival === undefined) {
    console.error("bench: no reference: it needs scanlogd and gcc");
  }
  const contenders = [ourLibrary, ourProgram(empty, folder)];
  if (rival !== undefined) contenders.push(rival);

  const results: Result[] = [];
  for (const [i, family] of FAMILIES.entries()) {
    results.push(
      ...await benchFamily(family, traces[i], contenders, options),
    );
  }
  printTable(results);
  await writeJson(options.json, options, results);
}

async function main(args: readonly string[]): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-bench-" });
  try {
    const options = benchOptions(args);
    const missing = ["bash", "python3"].filter((name) => !findProgram(name));
    if (missing.length > 0) {
      throw new Error(`not installed: ${missing.join(", ")}`);
    }
    await bench(options, folder);
    return 0;
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
