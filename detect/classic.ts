/**
 * The classic rule: Openwall scanlogd's, decision by decision.
 *
 * @module
 */

import { isIpv4Mapped, prefixMask } from "./address.ts";
import type { DetectorOptions, Settings } from "./options.ts";
import { type Segment, TCP_ACK, TCP_RST } from "./segment.ts";
import { SourceTable } from "./sources.ts";

/** Ports below this one need privilege to listen on (RFC 6335's system ports). */
const PRIVILEGED_PORTS = 1024;

/** No scan is complete. */
export const NOTHING = -1;

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
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
  readonly #privilegedWeight: number;
  readonly #highWeight: number;
  readonly #threshold: number;
  readonly #mask2: number;
  readonly #mask3: number;
  readonly #mask1: number;
  readonly #mask0: number;
  readonly #onLink: DetectorOptions["onLink"];

  constructor(
    settings: Settings,
    random: () => number,
    onLink?: DetectorOptions["onLink"],
  ) {
    this.#privilegedWeight = settings.privilegedWeight;
    this.#highWeight = settings.highWeight;
    this.#threshold = settings.minPorts * settings.privilegedWeight;
    // No list grows longer: the next port completes the scan.
    const ports = Math.ceil(this.#threshold / settings.highWeight) - 1;
    [this.#mask0, this.#mask1, this.#mask2, this.#mask3] = prefixMask(
      settings.ipv6Prefix,
    );
    this.#onLink = onLink;
    this.table = new SourceTable({
      sources: settings.sources,
      ports,
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
    if (segment.version === 4 || this.#isSingle(segment)) {
      return this.#applyTo(segment, source0, source1, source2, source3);
    }
    return this.#applyTo(
      segment,
      source0 & this.#mask0,
      source1 & this.#mask1,
      source2 & this.#mask2,
      source3 & this.#mask3,
    );
  }

  /** Whether an IPv6 source counts by itself: its prefix is many hosts' own. */
  #isSingle({ source0, source1, source2, source3 }: Segment): boolean {
    if (isIpv4Mapped(source0, source1, source2)) return true;
    if ((source0 >>> 22) === 0x3fa) return true; // fe80::/10, RFC 4291
    return this.#onLink?.has(source0, source1, source2, source3) ?? false;
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
    table.open(opened, segment, this.#weight(segment));
    return NONE;
  }

  #weight({ destinationPort }: Segment): number {
    return destinationPort < PRIVILEGED_PORTS
      ? this.#privilegedWeight
      : this.#highWeight;
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
    if ((flags & (ACK | RST)) !== 0) return NONE;
    table.renew(entry, segment.time);
    // Reported already: it stays quiet for as long as it goes on.
    if (table.weight(entry) >= this.#threshold) return NONE;

    table.mergeFlags(entry, flags);
    table.mergeChanges(entry, segment);
    const weight = table.addWeight(entry, this.#weight(segment));
    if (weight >= this.#threshold) return entry;
    table.addPort(entry, destinationPort);
    return NONE;
  }
}
