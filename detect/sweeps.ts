/**
 * The rule for sweeps: one port of many hosts.
 *
 * @module
 */

import { type ClassicRule, mostPorts } from "./classic.ts";
import { AddressHash } from "./hash.ts";
import type { Settings } from "./options.ts";
import { Segment } from "./segment.ts";
import { Key } from "./source_key.ts";
import { SourceTable } from "./sources.ts";

/** Pairs of a source and a port that are remembered: sweepers are few. */
const PAIRS = 8192;

/** It is no sweep, so far. */
export const NO_SWEEP = 0;
/** The packet has made it a sweep. */
export const SWEEP_COMPLETED = 1;
/** It was a sweep already. */
export const SWEEP_GOES_ON = 2;

/**
 * Adds up, for a source and a port, the port's weight for each destination that
 * has not answered. It looks only at sources that come to a port again at
 * another destination than their first.
 *
 * A destination is held as 16 bits of a keyed hash. That two of a sweep's hosts
 * share them is rare, and makes the scan one host longer.
 */
export class SweepRule {
  /** The pairs being watched; destinations are in the place of ports. */
  readonly table: SourceTable;
  readonly #rule: ClassicRule;
  readonly #hash: AddressHash;
  readonly #probe = new Segment();
  readonly #key = new Key();

  constructor(settings: Settings, random: () => number, rule: ClassicRule) {
    this.#rule = rule;
    this.#hash = new AddressHash(random);
    this.table = new SourceTable({
      sources: Math.min(PAIRS, settings.sources),
      ports: mostPorts(settings),
      scanDelay: settings.scanDelay,
      random,
    });
  }

  /**
   * Looks at a packet to a port that its source has touched on another host.
   *
   * @param from The source's entry in the fast rule's table.
   * @returns {@linkcode SWEEP_COMPLETED}, {@linkcode SWEEP_GOES_ON} or
   * {@linkcode NO_SWEEP}.
   */
  touch(from: number, segment: Segment): number {
    const { threshold } = this.#rule;
    const { destinationPort, time } = segment;
    const pairs = this.table;
    const host = this.#hostOf(
      segment.destination0,
      segment.destination1,
      segment.destination2,
      segment.destination3,
    );
    const { w0, w1, w2, w3 } = this.#keyOf(from, destinationPort);
    const pair = pairs.find(w0, w1, w2, w3);
    const weight = this.#rule.weight(destinationPort);
    if (pair < 0 || pairs.isOutdated(pair, time)) {
      const opened = pair < 0 ? pairs.insert(w0, w1, w2, w3, time) : pair;
      pairs.open(opened, this.#probeOf(segment, host), weight);
      return NO_SWEEP;
    }
    if (pairs.weight(pair) < threshold && pairs.hasPort(pair, host)) {
      return NO_SWEEP;
    }
    pairs.renew(pair, time);
    if (pairs.weight(pair) >= threshold) return SWEEP_GOES_ON;
    if (pairs.addWeight(pair, weight) >= threshold) return SWEEP_COMPLETED;
    pairs.addPort(pair, host);
    return NO_SWEEP;
  }

  /**
   * Takes back the weight of a destination that has answered.
   *
   * @param answer The SYN|ACK that the host sends.
   * @param from The entry of its receiver in the fast rule's table.
   */
  giveBack(from: number, answer: Segment): void {
    const pair = this.#find(from, answer.sourcePort);
    if (pair < 0) return;
    const host = this.#hostOf(
      answer.source0,
      answer.source1,
      answer.source2,
      answer.source3,
    );
    const index = this.table.portIndex(pair, host);
    if (index < 0) return;
    this.table.removePort(pair, index);
    this.table.takeWeight(pair, this.#rule.weight(answer.sourcePort));
  }

  /** Forgets a sweep that turned out to be none. */
  forget(from: number, port: number): void {
    const pair = this.#find(from, port);
    if (pair >= 0) this.table.remove(pair);
  }

  #find(from: number, port: number): number {
    const { w0, w1, w2, w3 } = this.#keyOf(from, port);
    return this.table.find(w0, w1, w2, w3);
  }

  /** The key of a pair; good until the next is asked for. */
  #keyOf(from: number, port: number): Key {
    const key = this.#key;
    this.#rule.table.readKey(from, key);
    key.w1 = pairWord(key.w1, port);
    return key;
  }

  #hostOf(w0: number, w1: number, w2: number, w3: number): number {
    this.#hash.of(w0, w1, w2, w3);
    return this.#hash.tag >>> 16;
  }

  #probeOf(segment: Segment, host: number): Segment {
    const probe = this.#probe;
    probe.time = segment.time;
    probe.destinationPort = host;
    return probe;
  }
}

/**
 * Folds a port into a word of an address that is 0 in IPv4. Two IPv6 sources can
 * meet here; what they gain is to be taken for one.
 */
function pairWord(word: number, port: number): number {
  return word ^ (port + 1);
}
