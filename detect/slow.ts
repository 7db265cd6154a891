/**
 * The rule for slow scans: a source that leaves the fast rule's table without
 * having made a scan leaves its ports here, those that did not answer.
 *
 * @module
 */

import { type ClassicRule, mostPorts } from "./classic.ts";
import { FirstPorts } from "./first_ports.ts";
import type { Settings } from "./options.ts";
import { Segment, TCP_RST } from "./segment.ts";
import { Key } from "./source_key.ts";
import { SourceTable } from "./sources.ts";

/** A slow scan goes on as long as it pauses no longer, in milliseconds. */
export const SLOW_PAUSE_MS = 900_000;

/** No Date is earlier (ECMA-262, 21.4.1.1), in milliseconds. */
const EARLIEST = -8.64e15;

/** Told of a slow scan: its entry, and the packet that completed it. */
export interface SlowScanHandler {
  /** It is complete. */
  completed(entry: number, probe: Segment): void;
  /** It goes on. */
  further(entry: number, probe: Segment): void;
}

/**
 * Adds up the weights of a source's ports over a long time. Ports that refuse
 * and ports that stay silent count alike; a port counts once, so that a peer
 * that asks for one closed service for days is never a scan.
 */
export class SlowRule {
  /** The sources being watched. */
  readonly table: SourceTable;
  readonly #rule: ClassicRule;
  readonly #window: number;
  readonly #ephemeralPort: number;
  readonly #handler: SlowScanHandler;
  readonly #firstPorts: FirstPorts;
  readonly #probe = new Segment();
  readonly #key = new Key();

  /**
   * @param rule The fast rule, whose weights count.
   * @param handler Told of scans.
   */
  constructor(
    settings: Settings,
    random: () => number,
    rule: ClassicRule,
    handler: SlowScanHandler,
  ) {
    this.#rule = rule;
    this.#window = settings.slowWindow;
    this.#ephemeralPort = settings.ephemeralPort;
    this.#handler = handler;
    this.#firstPorts = new FirstPorts(random);
    this.table = new SourceTable({
      sources: settings.sources,
      ports: mostPorts(settings),
      scanDelay: settings.slowWindow,
      random,
    });
  }

  /** The memory of all tables, in bytes. */
  get byteLength(): number {
    return this.table.byteLength + this.#firstPorts.byteLength;
  }

  /** Takes over the ports of an entry of the fast rule that is outdated. */
  takeOver(entry: number): void {
    const { table, threshold } = this.#rule;
    if (table.weight(entry) >= threshold) return; // it was told
    if (this.#hasOnlyResets(entry)) return; // no probe has RST
    const count = table.portCount(entry);
    if (count === 1 && this.#isFirst(entry)) return;
    for (let i = 0; i < count; i++) {
      const port = table.portAt(entry, i);
      if (!this.#isRefused(entry, i, port)) continue;
      table.copyFirst(entry, this.#probe);
      this.#probe.destinationPort = port;
      this.#count(entry);
    }
  }

  /**
   * Whether all packets had RST. A RST that follows a probe does not unmake it:
   * scanners send one of their own where a port is open.
   */
  #hasOnlyResets(entry: number): boolean {
    return (this.#rule.table.flagsAlways(entry) & TCP_RST) !== 0;
  }

  #isRefused(entry: number, index: number, port: number): boolean {
    return port < this.#ephemeralPort &&
      !this.#rule.table.isAnswered(entry, index);
  }

  /**
   * Whether nothing else is known of the source of an entry with one port. If its
   * first port is, that is counted here.
   *
   * The table is asked first: a flood that fills the waiting room cannot stop who
   * has got beyond it. What remains possible is a flood of sources that probe
   * twice and more, which take the places of those with no more weight, and one
   * so dense that the fast rule forgets a source before its time.
   */
  #isFirst(entry: number): boolean {
    const { table } = this.#rule;
    const port = table.portAt(entry, 0);
    if (!this.#isRefused(entry, 0, port)) return true;
    if (this.#find(entry) >= 0) return false;
    const first = this.#firstPorts;
    const key = this.#key;
    table.readKey(entry, key);
    const { w0, w1, w2, w3 } = key;
    const isKnown = first.take(w0, w1, w2, w3, port, table.time(entry));
    if (!isKnown) return true;
    if (first.age <= this.#window) {
      table.copyFirst(entry, this.#probe);
      const probe = this.#probe;
      probe.destinationPort = first.port;
      probe.time -= first.age;
      probe.wallTime = Math.max(probe.wallTime - first.age, EARLIEST);
      this.#count(entry);
    }
    return false;
  }

  /** Counts the probe, which was of the source of an entry. */
  #count(from: number): void {
    const probe = this.#probe;
    const fast = this.#rule.table;
    const { table } = this;
    const weight = this.#rule.weight(probe.destinationPort);
    const entry = this.#find(from);
    if (entry < 0 || table.isOutdated(entry, probe.time)) {
      const opened = entry < 0 ? this.#insert() : entry;
      table.open(opened, probe, weight);
      table.absorb(opened, fast, from);
      return;
    }
    if (table.weight(entry) >= this.#rule.threshold) {
      table.renew(entry, probe.time);
      this.#handler.further(entry, probe);
      return;
    }
    // The window is counted from the first port on: no renewal.
    if (table.hasPort(entry, probe.destinationPort)) return;
    table.mergeChanges(entry, probe);
    table.absorb(entry, fast, from);
    if (table.addWeight(entry, weight) < this.#rule.threshold) {
      table.addPort(entry, probe.destinationPort);
      return;
    }
    table.renew(entry, probe.time);
    this.#handler.completed(entry, probe);
  }

  /** Finds the entry of the source that an entry of the fast rule is of. */
  #find(from: number): number {
    const key = this.#key;
    this.#rule.table.readKey(from, key);
    return this.table.find(key.w0, key.w1, key.w2, key.w3);
  }

  /** Takes an entry for the source that was just looked for in vain. */
  #insert(): number {
    const { w0, w1, w2, w3 } = this.#key;
    return this.table.insert(w0, w1, w2, w3, this.#probe.time);
  }

  /**
   * Whether a slow scan of a source was told and still goes on. If not, what is
   * remembered of it is forgotten: the fast rule has found a scan of its own.
   */
  isToldOrForgotten(from: number, time: number): boolean {
    const entry = this.#find(from);
    if (entry < 0) return false;
    const isTold = this.table.weight(entry) >= this.#rule.threshold;
    if (isTold && !this.table.isOutdated(entry, time, SLOW_PAUSE_MS)) {
      return true;
    }
    this.table.remove(entry);
    return false;
  }
}
