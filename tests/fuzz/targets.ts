/**
 * All targets.
 *
 * @module
 */

import type { Bytes } from "../packets.ts";
import type { Target } from "./target.ts";
import { addresses } from "./targets/addresses.ts";
import { commandLine, config } from "./targets/command_line.ts";
import { fragments } from "./targets/fragments.ts";
import { gzip, zstd } from "./targets/packed.ts";
import { lines } from "./targets/lines.ts";
import { packets } from "./targets/packets.ts";
import { probeRecords } from "./targets/probe_records.ts";
import { pcap, pcapng } from "./targets/savefiles.ts";

/** Whatever takes input that somebody else chooses. */
export const TARGETS: readonly Target[] = [
  ...[packets, fragments, pcap, pcapng, gzip, zstd],
  ...[config, commandLine, addresses, lines, probeRecords],
];

const CORPUS = new URL("corpus/", import.meta.url);

/** The committed inputs of a target. */
export function corpusOf({ name }: Target): Bytes[] {
  const folder = new URL(`${name}/`, CORPUS);
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    return names.map((name) => Deno.readFileSync(new URL(name, folder)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
