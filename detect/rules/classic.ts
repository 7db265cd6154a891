/**
 * The classic rule: Openwall scanlogd's, decision by decision.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { AddressSet } from "../packet/address.ts";
import { type Segment, TCP_ACK, TCP_RST } from "../packet/segment.ts";
import { SourceKey } from "../table/source_key.ts";
import { SourceTable } from "../table/sources.ts";

/** No scan is complete. */
export const NOTHING = -1;

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
const PRIVILEGED = 1024; // PRIVILEGED_PORTS
const NONE = NOTHING;
const ACK = TCP_ACK;
const RST = TCP_RST;

/**
 * Adds up the weights of the ports that a source touches, until they make a
 * scan.
 */
export class ClassicRule {
  /** The sources being watched. */
  readonly table: SourceTable;
  /** What sources count under. */
  readonly key: SourceKey;
  /** The weight that makes a scan. */
  readonly threshold: number;
  /** The weight of a port below {@linkcode PRIVILEGED_PORTS}. */
  readonly privilegedWeight: number;
  /** The weight of another port. */
  readonly highWeight: number;

  constructor(
    settings: Settings,
    random: () => number,
    onLink?: AddressSet,
  ) {
    this.privilegedWeight = settings.privilegedWeight;
    this.highWeight = settings.highWeight;
    this.threshold = settings.minPorts * settings.privilegedWeight;
    this.key = new SourceKey(settings.ipv6Prefix, onLink);
    this.table = new SourceTable({
      sources: settings.sources,
      ports: mostPorts(settings),
      scanDelay: settings.scanDelay,
      random,
    });
  }

  /**
   * Looks at an incoming segment.
   *
   * @returns The number of the entry whose scan it completed, or
   * {@linkcode NOTHING}.
   */
  apply(segment: Segment): number {
    const { source0, source1, source2, source3 } = segment;
    if (segment.version === 4) {
      return this.#applyTo(segment, source0, source1, source2, source3);
    }
    const { key } = this;
    key.ofSource(segment);
    return this.#applyTo(segment, key.w0, key.w1, key.w2, key.w3);
  }

  #applyTo(
    segment: Segment,
    key0: number,
    key1: number,
    key2: number,
    key3: number,
  ): number {
    const { table } = this;
    const { time } = segment;
    const entry = table.find(key0, key1, key2, key3);
    if (entry >= 0 && !table.isOutdated(entry, time)) {
      return this.#follow(entry, segment);
    }
    // With ACK it may belong to a connection of ours.
    if ((segment.flags & ACK) !== 0) {
      if (entry >= 0) table.remove(entry);
      return NONE;
    }
    // An outdated entry is as good as removed: its source takes it over.
    const opened = entry >= 0
      ? entry
      : table.insert(key0, key1, key2, key3, time);
    table.open(opened, segment, this.weight(segment.destinationPort));
    return NONE;
  }

  /** The weight of a port. */
  weight(port: number): number {
    return port < PRIVILEGED ? this.privilegedWeight : this.highWeight;
  }

  /** Looks at a further segment of a source that is being watched. */
  #follow(entry: number, segment: Segment): number {
    const { table } = this;
    const { flags, destinationPort } = segment;
    if (table.hasPort(entry, destinationPort)) {
      table.mergeFlags(entry, flags);
      return NONE;
    }
    // With ACK or RST it may belong to a connection of ours.
    if ((flags & (ACK | RST)) !== 0) {
      return NONE;
    }
    table.renew(entry, segment.time);
    // Reported already: it stays quiet for as long as it goes on.
    if (table.weight(entry) >= this.threshold) {
      return NONE;
    }
    table.mergeFlags(entry, flags);
    table.mergeChanges(entry, segment);
    const weight = table.addWeight(entry, this.weight(destinationPort));
    if (weight >= this.threshold) return entry;
    table.addPort(entry, destinationPort);
    return NONE;
  }
}

/** No list grows longer: the last port completes the scan. */
export function mostPorts(settings: Settings): number {
  const { minPorts, privilegedWeight, highWeight } = settings;
  return Math.ceil((minPorts * privilegedWeight) / highWeight);
}
