/**
 * Which targets of a record are the same port of a further host: asked of one
 * after the other, so that each is looked at once.
 *
 * @module
 */

import type { RecordTable } from "../table/records.ts";

/** Cells for each target: half of them stay free. */
const SPARE = 2;
// Words of a cell.
/** The question that it was filled for. */
const QUESTION = 0;
/** A port, `<< 1`, and whether several hosts were asked at it. */
const PORT = 1;
const SEVERAL = 1;
/** The first of these. */
const HOST = 2;
const WORDS = 3;

/** The ports of a record's first targets, and whose they are. */
export class FurtherHosts {
  readonly #records: RecordTable;
  readonly #cells: Int32Array;
  readonly #mask: number;
  #entry = -1;
  /** How many targets are known. */
  #known = 0;
  #question = 0;

  constructor(records: RecordTable) {
    this.#records = records;
    const cells = 2 ** Math.ceil(Math.log2(SPARE * records.mostTargets));
    this.#cells = new Int32Array(cells * WORDS);
    this.#mask = cells - 1;
  }

  /** What the cells take, in bytes. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /** Begins to ask about a record; whoever changes its list begins again. */
  begin(entry: number): void {
    this.#entry = entry;
    this.#known = 0;
    this.#question = (this.#question + 1) | 0;
  }

  /**
   * Whether the same port of another host stands before a target in the list.
   *
   * @param index Not below the one that was asked about last.
   */
  has(index: number): boolean {
    const entry = this.#entry;
    const records = this.#records;
    for (; this.#known < index; this.#known++) {
      this.#add(
        records.portAt(entry, this.#known),
        records.hostAt(entry, this.#known),
      );
    }
    const at = this.#find(records.portAt(entry, index));
    const cells = this.#cells;
    if (cells[at + QUESTION] !== this.#question) return false;
    return (cells[at + PORT] & SEVERAL) !== 0 ||
      cells[at + HOST] !== records.hostAt(entry, index);
  }

  #add(port: number, host: number): void {
    const cells = this.#cells;
    const at = this.#find(port);
    if (cells[at + QUESTION] !== this.#question) {
      cells[at + QUESTION] = this.#question;
      cells[at + PORT] = port << 1;
      cells[at + HOST] = host;
    } else if (cells[at + HOST] !== host) cells[at + PORT] |= SEVERAL;
  }

  /** The cell of a port, or the free one that it would take. */
  #find(port: number): number {
    const cells = this.#cells;
    let cell = (Math.imul(port, 0x9e3779b1) >>> 16) & this.#mask;
    for (;; cell = (cell + 1) & this.#mask) {
      const at = cell * WORDS;
      if (cells[at + QUESTION] !== this.#question) return at;
      if (cells[at + PORT] >>> 1 === port) return at;
    }
  }
}
