/**
 * Measures the program beside Openwall's scanlogd and tcpdump: replay of
 * files, floods, bulk transfers, start, memory, idling, latency. All take
 * turns, so that whatever else the machine does meets all of them; ratios
 * compare the same round.
 *
 *     deno task bench [OPTIONS]       --help lists them
 *
 * Traffic stays in network namespaces, which are removed in the end, after a
 * failure or Ctrl-C too. What needs root or a tool that is missing is skipped
 * with a reason. The exit status says whether everything could be measured,
 * not whether bars were met.
 *
 * @module
 */

import { idle, memory, startUp } from "./at_rest.ts";
import type { Amounts, Benchmark } from "./benchmark.ts";
import { bulk } from "./bulk.ts";
import { Figures } from "./figures.ts";
import { randomSources, synFlood } from "./floods.ts";
import { Lab } from "./lab.ts";
import { latency } from "./latency.ts";
import { helpText, type Options, parseOptions } from "./options.ts";
import { describeMissing } from "./programs.ts";
import { updatePage } from "./page.ts";
import { replay } from "./replay.ts";
import { makeReport, type Outcome, printOutcome, writeJson } from "./report.ts";

const BENCHMARKS: readonly Benchmark[] = [
  replay,
  synFlood,
  randomSources,
  bulk,
  idle,
  startUp,
  memory,
  latency,
];

/** A load above this, before anything is measured, is told. */
const BUSY = 0.5;

/** Runs a benchmark, as far as it comes. */
async function runOne(
  benchmark: Benchmark,
  amounts: Amounts,
  lab: Lab,
): Promise<Outcome> {
  const { name, title, needs, bars } = benchmark;
  const figures = new Figures();
  const outcome: Outcome = { name, title, figures: figures.all, bars: [] };
  outcome.skipped = describeMissing(needs);
  if (outcome.skipped === undefined) {
    console.error(`bench: ${name}`);
    try {
      await benchmark.run(figures, amounts, lab);
    } catch (error) {
      outcome.failed = error instanceof Error ? error.message : `${error}`;
    }
  }
  outcome.bars = bars.map((bar) => figures.judge(bar));
  return outcome;
}

/** Runs all that are wanted; returns whether none failed. */
async function runAll(
  { only, amounts, json }: Options,
  lab: Lab,
): Promise<boolean> {
  const load = loadBefore();
  const wanted = BENCHMARKS.filter(({ name }) =>
    only.length === 0 || only.includes(name)
  );
  const outcomes: Outcome[] = [];
  for (const benchmark of wanted) {
    const outcome = await runOne(benchmark, amounts, lab);
    if (lab.isClosed) return false;
    outcomes.push(outcome);
    printOutcome(outcome);
    // Whoever ends a long run early keeps what has been measured.
    if (json === undefined) continue;
    const run = { load, amounts, benchmarks: outcomes };
    await writeJson(json, await makeReport(run));
  }
  return outcomes.every(({ failed }) => failed === undefined);
}

/** The machine's load before a run; whoever shares it makes figures noisy. */
function loadBefore(): number {
  const [load] = Deno.loadavg();
  if (load > BUSY) {
    console.error(`bench: the machine is busy (load ${load.toFixed(1)})`);
  }
  return load;
}

/** Resolves to the exit status of a run that was ended by a signal. */
function interruption(): Promise<number> {
  return new Promise((done) => {
    Deno.addSignalListener("SIGINT", () => done(130));
    Deno.addSignalListener("SIGTERM", () => done(143));
  });
}

async function bench(options: Options): Promise<number> {
  await using lab = await Lab.create();
  const ended = runAll(options, lab).then((isGood) => isGood ? 0 : 1);
  return await Promise.race([ended, interruption()]);
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const names = BENCHMARKS.map(({ name }) => name);
    const options = parseOptions(args, names);
    if (options.help) console.log(helpText(names));
    else if (options.page === undefined) return await bench(options);
    else await updatePage(options.page);
    return 0;
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
