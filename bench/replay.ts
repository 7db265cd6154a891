/**
 * Replay of capture files: decoding and detecting in memory, a whole run of
 * `--read`, and others with the same trace.
 *
 * @module
 */

import type { Amounts, Benchmark } from "./benchmark.ts";
import {
  type Contender,
  ourLibrary,
  ourProgram,
  REFERENCE,
  referenceReplay,
} from "./contenders.ts";
import type { BarSpec, Figures } from "./figures.ts";
import type { Lab } from "./lab.ts";
import {
  oldProgram,
  TCPDUMP,
  tcpdumpReader,
  TSHARK,
  tsharkReader,
} from "./other_readers.ts";
import { FAMILIES, makeEmptyTrace, makeTrace, type Trace } from "./traces.ts";

const TIME = "processor time per packet";
const OURS = "scanlogd --read";
const CLASSIC = "scanlogd --read --classic";

function bar(
  family: string,
  contender: string,
  to: string,
  atMost: number,
): BarSpec {
  const compared = { to, by: "ratio" as const };
  return { case: family, what: TIME, contender, compared, atMost };
}

/** The replay benchmark. */
export const replay: Benchmark = {
  name: "replay",
  title: "replay of capture files, beyond start-up",
  needs: { tools: ["bash", "python3", "setsid"] },
  bars: [
    bar("steady", OURS, REFERENCE, 2),
    bar("many", CLASSIC, REFERENCE, 2.5),
    bar("many", OURS, REFERENCE, 4),
    // At least 0.7 times as fast.
    bar("mixed", OURS, TCPDUMP, 1.43),
  ],

  async run(figures, amounts, lab) {
    const traces = await makeTraces(amounts, lab);
    const contenders = await replayers(traces[0], lab);
    for (let round = 0; round < amounts.rounds; round++) {
      for (const trace of traces) {
        for (const contender of contenders) {
          // It takes a hundred times as long.
          if (contender.name === TSHARK && trace.family !== "mixed") continue;
          await turn(figures, contender, trace, lab);
        }
      }
    }
  },
};

async function makeTraces(amounts: Amounts, lab: Lab): Promise<Trace[]> {
  const { traces = "" } = amounts;
  const folder = traces === "" ? lab.folder : traces;
  await Deno.mkdir(folder, { recursive: true });
  const made: Trace[] = [];
  for (const family of FAMILIES) {
    made.push(await makeTrace(family, amounts, folder, lab));
  }
  return made;
}

async function replayers({ path }: Trace, lab: Lab): Promise<Contender[]> {
  const empty = await makeEmptyTrace(path, lab);
  const others: Record<string, Contender | undefined> = {
    "Debian's scanlogd and gcc": await referenceReplay(empty, lab),
    "version 0.1.0 in the history": await oldProgram(empty, lab),
    "tcpdump": tcpdumpReader(empty),
    "tshark": tsharkReader(empty),
  };
  for (const [what, contender] of Object.entries(others)) {
    if (contender !== undefined) continue;
    console.error(`bench: replay without ${what}: not there`);
  }
  return [
    ourLibrary({ classic: true }),
    ourLibrary({ classic: false }),
    ourProgram(empty, ["--classic"]),
    ourProgram(empty),
    ...Object.values(others).filter((other) => other !== undefined),
  ];
}

async function turn(
  figures: Figures,
  contender: Contender,
  { family, path, packets }: Trace,
  lab: Lab,
): Promise<void> {
  const { cpu, lines } = await contender.run(path, lab);
  const key = { case: family, contender: contender.name };
  const value = cpu / packets * 1e9;
  figures.add({ ...key, what: TIME, unit: "ns", value });
  if (lines === undefined) return;
  figures.add({ ...key, what: "lines", unit: "", value: lines });
}
