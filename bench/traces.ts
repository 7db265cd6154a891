/**
 * The traces that are replayed: random, from a fixed seed.
 *
 * @module
 */

import type { Amounts } from "./benchmark.ts";
import { REFERENCE_FOLDER } from "./contenders.ts";
import { writeFlood, writeMixed } from "./generated_traces.ts";
import type { Lab } from "./lab.ts";
import { SavefileReader } from "../library/savefile.ts";

const SEED = "1";
/** Bytes of a capture file's header; alone, it is a trace without packets. */
const FILE_HEADER = 24;

/** Kinds of traces: few sources, many, full frames, nothing but sources. */
export const FAMILIES = ["steady", "many", "mixed", "flood"] as const;
/** One of them. */
export type Family = typeof FAMILIES[number];

/** A trace, and how long it is. */
export interface Trace {
  family: Family;
  path: string;
  packets: number;
}

/** Makes a trace in a folder unless it is there. */
export async function makeTrace(
  family: Family,
  { replayPackets, mixedBytes }: Amounts,
  folder: string,
  lab: Lab,
): Promise<Trace> {
  const amount = family === "mixed" ? mixedBytes : replayPackets;
  const path = `${folder}/${family}-${SEED}-${amount}.pcap`;
  if (!await exists(path)) {
    console.error(`bench: making the trace ${family}`);
    const part = `${path}.part`;
    if (family === "mixed") writeMixed(part, amount);
    else if (family === "flood") writeFlood(part, amount);
    else await generate(family, part, amount, lab);
    // A trace whose making was interrupted is not to be used again.
    await Deno.rename(part, path);
  }
  const packets = family === "mixed" ? countRecords(path) : amount;
  return { family, path, packets };
}

/** By the generator of the reference's tests. */
async function generate(
  family: Family,
  path: string,
  packets: number,
  lab: Lab,
): Promise<void> {
  const { success, stderr } = await lab.output([
    ...["python3", `${REFERENCE_FOLDER}gen_trace.py`, family, SEED],
    ...[path, String(packets)],
  ]);
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** How many packets there are in a file of our own. */
function countRecords(path: string): number {
  using file = Deno.openSync(path);
  let packets = 0;
  const reader = new SavefileReader(() => packets++);
  const chunk = new Uint8Array(1 << 20);
  for (let n; (n = file.readSync(chunk)) !== null;) {
    reader.push(chunk.subarray(0, n));
  }
  return packets;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

/** Makes a trace without packets, of the same kind as another. */
export async function makeEmptyTrace(
  trace: string,
  lab: Lab,
): Promise<string> {
  using file = await Deno.open(trace);
  const header = new Uint8Array(FILE_HEADER);
  await file.read(header);
  const path = `${lab.folder}/empty.pcap`;
  await Deno.writeFile(path, header);
  return path;
}
