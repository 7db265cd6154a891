/**
 * The classic rule: Openwall scanlogd's, decision by decision.
 *
 * @module
 */

import { isIpv4Mapped, prefixMask } from "./address.ts";
import type { DetectorOptions, Settings } from "./options.ts";
import { type Segment, TCP_ACK, TCP_RST } from "./segment.ts";
import {
  CHANGED,
  CHANGED_DESTINATION,
  CHANGED_SOURCE,
  CHANGED_SOURCE_PORT,
  CHANGED_TOS,
  CHANGED_TTL,
  DESTINATION,
  FLAGS_AND,
  FLAGS_OR,
  PORT_COUNT,
  PORTS,
  SOURCE,
  SOURCE_PORT,
  SourceTable,
  TOS_TTL,
} from "./sources.ts";

/** Ports below this one need privilege to listen on (RFC 6335's system ports). */
const PRIVILEGED_PORTS = 1024;

/** No scan is complete. */
export const NOTHING = -1;

/**
 * Adds up the weights of the ports that a source touches, until they make a
 * scan.
 */
export class ClassicRule {
  /** The sources being watched. */
  readonly table: SourceTable;
  readonly #settings: Settings;
  readonly #threshold: number;
  readonly #maxPorts: number;
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
    this.#settings = settings;
    this.#threshold = settings.minPorts * settings.privilegedWeight;
    // No list grows longer: the next port completes the scan.
    this.#maxPorts = Math.ceil(this.#threshold / settings.highWeight) - 1;
    [this.#mask0, this.#mask1, this.#mask2, this.#mask3] = prefixMask(
      settings.ipv6Prefix,
    );
    this.#onLink = onLink;
    this.table = new SourceTable({
      sources: settings.sources,
      ports: this.#maxPorts,
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
    let { source0, source1, source2, source3 } = segment;
    if (!isIpv4Mapped(source0, source1, source2) && !this.#isSingle(segment)) {
      source0 &= this.#mask0;
      source1 &= this.#mask1;
      source2 &= this.#mask2;
      source3 &= this.#mask3;
    }
    const { table } = this;
    const entry = table.find(source0, source1, source2, source3);
    if (entry >= 0) {
      if (!table.isOutdated(entry, segment.time)) {
        return this.#follow(entry, segment);
      }
      table.remove(entry);
    }
    // With ACK it may belong to a connection of ours.
    if ((segment.flags & TCP_ACK) !== 0) return NOTHING;
    const opened = table.insert(
      source0,
      source1,
      source2,
      source3,
      segment.time,
    );
    table.open(opened, segment, this.#weight(segment));
    return NOTHING;
  }

  /** Whether an IPv6 source counts by itself: its prefix is many hosts' own. */
  #isSingle({ source0, source1, source2, source3 }: Segment): boolean {
    if ((source0 >>> 22) === 0x3fa) return true; // fe80::/10, RFC 4291
    return this.#onLink?.has(source0, source1, source2, source3) ?? false;
  }

  #weight({ destinationPort }: Segment): number {
    return destinationPort < PRIVILEGED_PORTS
      ? this.#settings.privilegedWeight
      : this.#settings.highWeight;
  }

  /** Looks at a further segment of a source that is being watched. */
  #follow(entry: number, segment: Segment): number {
    const { table } = this;
    const at = table.record(entry);
    if (this.#isKnownPort(at, segment.destinationPort)) {
      this.#mergeFlags(at, segment.flags);
      return NOTHING;
    }
    // With ACK or RST it may belong to a connection of ours.
    if ((segment.flags & (TCP_ACK | TCP_RST)) !== 0) return NOTHING;
    table.times[entry] = segment.time;
    // Reported already: it stays quiet for as long as it goes on.
    if (table.weights[entry] >= this.#threshold) return NOTHING;

    this.#mergeFlags(at, segment.flags);
    table.words[at + CHANGED] |= this.#changes(at, segment);
    table.weights[entry] += this.#weight(segment);
    if (table.weights[entry] >= this.#threshold) return entry;
    const count = table.words[at + PORT_COUNT]++;
    table.halves[((at + PORTS) << 1) + count] = segment.destinationPort;
    return NOTHING;
  }

  #isKnownPort(at: number, port: number): boolean {
    const { halves, words } = this.table;
    const first = (at + PORTS) << 1;
    const end = first + words[at + PORT_COUNT];
    for (let i = first; i < end; i++) if (halves[i] === port) return true;
    return false;
  }

  #mergeFlags(at: number, flags: number): void {
    this.table.words[at + FLAGS_OR] |= flags;
    this.table.words[at + FLAGS_AND] &= flags;
  }

  /** What differs from the source's first packet. */
  #changes(at: number, segment: Segment): number {
    const { words } = this.table;
    let changed = 0;
    if (
      words[at + DESTINATION + 3] !== segment.destination3 ||
      words[at + DESTINATION + 2] !== segment.destination2 ||
      words[at + DESTINATION + 1] !== segment.destination1 ||
      words[at + DESTINATION] !== segment.destination0
    ) changed |= CHANGED_DESTINATION;
    if (words[at + SOURCE_PORT] !== segment.sourcePort) {
      changed |= CHANGED_SOURCE_PORT;
    }
    if (words[at + TOS_TTL] >>> 8 !== segment.tos) changed |= CHANGED_TOS;
    if ((words[at + TOS_TTL] & 0xff) !== segment.ttl) changed |= CHANGED_TTL;
    if (
      words[at + SOURCE + 3] !== segment.source3 ||
      words[at + SOURCE + 2] !== segment.source2 ||
      words[at + SOURCE + 1] !== segment.source1 ||
      words[at + SOURCE] !== segment.source0
    ) changed |= CHANGED_SOURCE;
    return changed;
  }
}
