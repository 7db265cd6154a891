/**
 * Replay of capture files: decoding and detecting in memory, a whole run of
 * `--read`, and the reference with the same trace.
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
import type { Figures } from "./figures.ts";
import type { Lab } from "./lab.ts";
import { makeEmptyTrace, makeTrace } from "./traces.ts";

/** Families of traces: 20 sources, which stay in the cache, and 20,000. */
const FAMILIES = ["steady", "many"] as const;
const TIME = "processor time per packet";

/** Both do what the reference does; `--classic` does not do more. */
const JUDGED = ["scanlogd --read --classic", "scanlogd --read"];

/** The replay benchmark. */
export const replay: Benchmark = {
  name: "replay",
  title: "replay of capture files, beyond start-up",
  needs: { tools: ["bash", "python3", "setsid"] },
  bars: FAMILIES.flatMap((family) =>
    JUDGED.map((contender) => ({
      case: family,
      what: TIME,
      contender,
      compared: { to: REFERENCE, by: "ratio" as const },
      atMost: 1,
    }))
  ),

  async run(figures, amounts, lab) {
    const traces = await makeTraces(amounts, lab);
    const contenders = await replayers(traces[0], lab);
    for (let round = 0; round < amounts.rounds; round++) {
      for (const [i, family] of FAMILIES.entries()) {
        for (const contender of contenders) {
          await turn(figures, family, contender, traces[i], amounts, lab);
        }
      }
    }
  },
};

async function makeTraces(
  { replayPackets, traces = "" }: Amounts,
  lab: Lab,
): Promise<string[]> {
  const folder = traces === "" ? lab.folder : traces;
  await Deno.mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const family of FAMILIES) {
    paths.push(await makeTrace(family, replayPackets, folder, lab));
  }
  return paths;
}

async function replayers(trace: string, lab: Lab): Promise<Contender[]> {
  const empty = await makeEmptyTrace(trace, lab);
  const rival = await referenceReplay(empty, lab);
  if (rival === undefined) {
    console.error("bench: replay without the reference: scanlogd, gcc missing");
  }
  return [
    ourLibrary({ classic: true }),
    ourLibrary({ classic: false }),
    ourProgram(empty, ["--classic"]),
    ourProgram(empty),
    ...rival === undefined ? [] : [rival],
  ];
}

async function turn(
  figures: Figures,
  family: string,
  contender: Contender,
  trace: string,
  { replayPackets }: Amounts,
  lab: Lab,
): Promise<void> {
  const { cpu, lines } = await contender.run(trace, lab);
  const key = { case: family, contender: contender.name };
  figures.add({
    ...key,
    what: TIME,
    unit: "ns",
    value: cpu / replayPackets * 1e9,
  });
  if (lines === undefined) return;
  figures.add({ ...key, what: "lines", unit: "", value: lines });
}
