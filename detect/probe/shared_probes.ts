/**
 * Probes that several sources send: the first sign of decoys.
 *
 * @module
 */

import { PROTOCOL_TCP, type Segment } from "../packet/segment.ts";
import { ALONE, type Companies } from "./companies.ts";

/** Probes remembered: those of a moment, as a round of decoys takes no longer. */
const CELLS = 4096;
/** Who sends the same in another span, by the clock, is in no lockstep. */
const SPAN_MS = 4096;
/** So many probes of scans that go on are noted after any other one. */
const MOST_ONGOING = 65_536;
// Words of a cell.
const SIGNATURE = 0;
/** The record that sent it last; if several did, with its bits inverted. */
const ENTRY = 1;
const WORDS = 2;

/**
 * What all of a round's probes have in common, as one number: destination port,
 * source port, sequence number, window and about when they were sent. 0: it tells
 * nothing.
 */
export function probeSignature(segment: Segment): number {
  if (segment.protocol !== PROTOCOL_TCP || segment.sequence === 0) return 0;
  const ports = (segment.sourcePort << 16) | segment.destinationPort;
  const span = (segment.time / SPAN_MS) | 0;
  let hash = Math.imul(segment.sequence ^ (ports >>> 7), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ ports, 0x85ebca6b);
  hash = Math.imul(
    hash ^ (hash >>> 13) ^ segment.window ^ (span << 16),
    0xc2b2ae35,
  );
  return hash ^ (hash >>> 16);
}

/** Remembers who sent the last probes. */
export class SharedProbes {
  readonly #cells = new Int32Array(CELLS * WORDS);
  readonly #companies: Companies;
  #ongoing = 0;

  /** @param companies Who sends the same becomes one of these. */
  constructor(companies: Companies) {
    this.#companies = companies;
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /**
   * Takes note of a probe. The record of who sent the same may have gone to
   * another source meanwhile: then that one waits in vain if it makes a scan.
   *
   * @returns Whether nobody has sent it before.
   */
  note(entry: number, segment: Segment): boolean {
    this.#ongoing = 0;
    return this.#note(entry, segment);
  }

  /**
   * The same of a scan that goes on. Nobody sends it alike as long as only such
   * scans are seen, unless somebody did before.
   */
  noteOngoing(entry: number, segment: Segment): boolean {
    const isAlone = this.#companies.of(entry) === ALONE;
    if (isAlone && this.#ongoing > MOST_ONGOING) return false;
    this.#ongoing++;
    return this.#note(entry, segment);
  }

  #note(entry: number, segment: Segment): boolean {
    const signature = probeSignature(segment);
    if (signature === 0) return false;
    const cells = this.#cells;
    const at = (signature & (CELLS - 1)) * WORDS;
    if (cells[at + SIGNATURE] === signature) {
      this.#again(at + ENTRY, entry);
      return false;
    }
    cells[at + SIGNATURE] = signature;
    cells[at + ENTRY] = entry;
    this.#companies.sentAlone(entry);
    return true;
  }

  /** Whoever repeats what it has sent itself shows nothing by that. */
  #again(at: number, entry: number): void {
    const found = this.#cells[at];
    const isShared = found < 0;
    const other = isShared ? ~found : found;
    if (other === entry) return;
    const companies = this.#companies;
    companies.meet(entry, other);
    companies.sentTogether(entry);
    if (!isShared) {
      // It was taken for the only one.
      companies.sentTogether(other);
      companies.sentTogether(other);
    }
    this.#cells[at] = ~entry;
  }
}
