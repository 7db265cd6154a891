/**
 * Probes that several sources send: the first sign of decoys.
 *
 * @module
 */

import { PROTOCOL_TCP, type Segment } from "../packet/segment.ts";

/** Probes remembered: those of a moment, as a round of decoys takes no longer. */
const CELLS = 4096;
// Words of a cell.
const SIGNATURE = 0;
const ENTRY = 1;
const WORDS = 2;

/** Nobody else has sent it. */
export const NOBODY = -1;

/**
 * What all of a round's probes have in common, as one number: destination port,
 * source port, sequence number and window. 0: it tells nothing.
 */
export function probeSignature(segment: Segment): number {
  if (segment.protocol !== PROTOCOL_TCP || segment.sequence === 0) return 0;
  const ports = (segment.sourcePort << 16) | segment.destinationPort;
  let hash = Math.imul(segment.sequence ^ (ports >>> 7), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ ports, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ segment.window, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Remembers who sent the last probes. */
export class SharedProbes {
  readonly #cells = new Int32Array(CELLS * WORDS);

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /**
   * Takes note of a probe. The record of another source may have gone to a third
   * one meanwhile: then that one waits in vain if it makes a scan.
   *
   * @returns The record of another source that sent the same, or
   * {@linkcode NOBODY}.
   */
  note(entry: number, segment: Segment): number {
    const signature = probeSignature(segment);
    if (signature === 0) return NOBODY;
    const cells = this.#cells;
    const at = (signature & (CELLS - 1)) * WORDS;
    if (cells[at + SIGNATURE] === signature) {
      return cells[at + ENTRY] === entry ? NOBODY : cells[at + ENTRY];
    }
    cells[at + SIGNATURE] = signature;
    cells[at + ENTRY] = entry;
    return NOBODY;
  }
}
