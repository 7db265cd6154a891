/**
 * The traces that are replayed: random, from a fixed seed.
 *
 * @module
 */

import { REFERENCE_FOLDER } from "./contenders.ts";
import type { Lab } from "./lab.ts";

const SEED = "1";
/** Bytes of a capture file's header; alone, it is a trace without packets. */
const FILE_HEADER = 24;

/** Makes a trace in a folder unless it is there; returns its path. */
export async function makeTrace(
  family: string,
  packets: number,
  folder: string,
  lab: Lab,
): Promise<string> {
  const path = `${folder}/${family}-${SEED}-${packets}.pcap`;
  if (await exists(path)) return path;
  console.error(`bench: making ${packets} packets of family ${family}`);
  const { success, stderr } = await lab.output([
    ...["python3", `${REFERENCE_FOLDER}gen_trace.py`, family, SEED],
    ...[`${path}.part`, String(packets)],
  ]);
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  // A trace whose making was interrupted is not to be used again.
  await Deno.rename(`${path}.part`, path);
  return path;
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
