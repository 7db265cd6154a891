/**
 * Probes that several sources send: the first sign of decoys.
 *
 * @module
 */

import { probeSignature } from "./lockstep.ts";
import type { Segment } from "./segment.ts";
import type { SourceTable } from "./sources.ts";

/** Probes remembered: those of a moment, as a round of decoys takes no longer. */
const CELLS = 4096;
// Words of a cell.
const SIGNATURE = 0;
const ENTRY = 1;
const WORDS = 2;

/**
 * Remembers who sent the last probes. Sources that share one are marked, so that
 * the first of them to complete a scan waits for the others.
 */
export class SharedProbes {
  readonly #cells = new Int32Array(CELLS * WORDS);
  readonly #table: SourceTable;

  /** @param table Where the sources are. */
  constructor(table: SourceTable) {
    this.#table = table;
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /**
   * Takes note of a probe. The entry of another source may have gone to a third
   * one meanwhile: then that one waits in vain if it makes a scan.
   */
  note(entry: number, segment: Segment): void {
    const signature = probeSignature(segment);
    if (signature === 0) return;
    const cells = this.#cells;
    const at = (signature & (CELLS - 1)) * WORDS;
    if (cells[at + SIGNATURE] !== signature) {
      cells[at + SIGNATURE] = signature;
      cells[at + ENTRY] = entry;
    } else if (cells[at + ENTRY] !== entry) {
      this.#table.markShared(cells[at + ENTRY]);
      this.#table.markShared(entry);
    }
  }
}
