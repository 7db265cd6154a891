/**
 * Finds scans over many hosts, in the probes that these hosts have judged.
 *
 * What one host alone sees of a scan it reports itself. Here the question is
 * another one: which part of all hosts has a source probed, or a network whose
 * sources share the work. The records, lines and limits are those of one host.
 *
 * @module
 */

import type { Counters } from "./counters.ts";
import type { Settings } from "./settings.ts";
import { isName } from "./packet/probe_packet.ts";
import type { Segment } from "./packet/segment.ts";
import { second } from "./probe/seconds.ts";
import { describeRecord, describeShared } from "./report/describe.ts";
import type { ReportHandler, Scan } from "./report/report.ts";
import { Reporter } from "./report/reporter.ts";
import {
  COMPLETE,
  Coverage,
  FLEET_PAUSE_MS,
  LITTLE,
} from "./rules/coverage.ts";
import { spread } from "./hash.ts";
import { HeardHosts, SET_MASK } from "./table/heard_hosts.ts";
import { FOUND_SLOW, UNNAMED } from "./table/records.ts";
import { NetworkKey, NetworkMembers } from "./table/networks.ts";
import { SourceKey } from "./table/source_key.ts";

/** Sources remembered, at most: 800 MB that are taken as they are needed. */
const MOST_SOURCES = 65_536;
/** Networks remembered, at most. */
const MOST_NETWORKS = 16_384;
/** So many sources of a network can share the work of a day, two that of an hour. */
const SHARERS = 3;
const FEWEST_SHARERS = 2;
// Sets of hosts; not 0, as no host's hash is.
const NAMED = 1;
const IPV4 = 2;
const IPV6 = 3;
/** Longer than any scan takes. */
const WHOLE = 2 ** 32;

/** What a finder needs to be told. */
export interface FleetOptions {
  /** The numbers that it runs with. */
  settings: Settings;
  /** A source of 32 random bits for the hash keys. */
  random: () => number;
  /** Report also when a reported scan has ended. */
  ends: boolean;
}

/** Finds them. */
export class FleetFinder {
  readonly #ipv6Prefix: number;
  readonly #sources: Coverage;
  readonly #networks: Coverage;
  /** Which sources of a network have added anything. */
  readonly #members: NetworkMembers;
  readonly #key: SourceKey;
  readonly #network = new NetworkKey();
  /** Nobody is to know which hosts are looked at. */
  readonly #secret: number;
  /** Hosts with names, and addresses that stand for hosts: each is a fleet. */
  readonly #fleets: readonly HeardHosts[];
  readonly #reporter: Reporter;

  /** @param counters Counts scans found and kept back. */
  constructor(
    options: FleetOptions,
    report: ReportHandler,
    counters: Counters,
  ) {
    const { settings, random, ends } = options;
    const { sources } = settings;
    const capacity = 2 ** Math.ceil(Math.log2(sources));
    this.#ipv6Prefix = settings.ipv6Prefix;
    this.#sources = new Coverage(
      Math.min(capacity, MOST_SOURCES),
      SHARERS,
      settings,
      random,
    );
    const networks = Math.min(capacity, MOST_NETWORKS);
    this.#networks = new Coverage(networks, 1, settings, random);
    this.#members = new NetworkMembers(networks);
    this.#key = new SourceKey(settings.ipv6Prefix, undefined);
    this.#secret = random() | 0;
    const { window } = this.#sources;
    this.#fleets = [NAMED, IPV4, IPV6].map((set) =>
      new HeardHosts(set, window)
    );
    this.#reporter = new Reporter(
      settings,
      report,
      counters,
      ends,
    );
  }

  /** When {@linkcode FleetFinder.settle} wants to be called. */
  get deadline(): number {
    return this.#reporter.deadline;
  }

  /** The memory of all tables, in bytes. */
  get byteLength(): number {
    return this.#sources.byteLength + this.#networks.byteLength +
      this.#members.byteLength +
      this.#fleets.reduce((sum, { byteLength }) => sum + byteLength, 0) +
      this.#reporter.followed.byteLength;
  }

  /** Sources remembered. */
  get sources(): number {
    return this.#sources.records.size;
  }

  /** About how many hosts are heard of. */
  get hosts(): number {
    return this.#fleets.reduce((sum, { all }) => sum + all, 0);
  }

  /** Sources forgotten early. */
  get evicted(): number {
    return this.#sources.records.evicted;
  }

  /** Tells what time has decided. */
  settle(time: number): void {
    this.#reporter.settle(time);
  }

  /** Tells what is left when no more records come. */
  finish(): void {
    this.#reporter.finish();
  }

  /**
   * Takes a probe that a host has judged. What counts is its wall time: hosts send
   * late, and not in turn.
   *
   * @param name The host's, as a number.
   */
  add(probe: Segment, name: number): void {
    const { wallTime, version } = probe;
    const set = isName(name) ? NAMED : version === 4 ? IPV4 : IPV6;
    const host = (spread(name ^ this.#secret) & ~SET_MASK) | set;
    const heard = this.#fleetOf(host);
    if (!heard.hear(host, second(wallTime), version)) return;
    const sources = this.#sources;
    const key = this.#key;
    key.ofSource(probe);
    const entry = sources.take(key, probe, host);
    if (sources.records.has(entry, FOUND_SLOW)) {
      return this.#goesOn(entry, probe);
    }
    if (!sources.add(entry, probe, host)) return;
    const state = sources.judge(entry, probe, heard);
    if (state === COMPLETE) this.#complete(entry, probe, host);
    else if (state === LITTLE) this.#addToNetwork(probe, host);
  }

  #fleetOf(host: number): HeardHosts {
    return this.#fleets[(host & SET_MASK) - 1];
  }

  #goesOn(entry: number, probe: Segment): void {
    const { records } = this.#sources;
    records.touch(entry, probe.time, records.bound(entry), 0xff);
    this.#reporter.followed.of(records, entry)?.follow(probe);
  }

  #complete(
    entry: number,
    probe: Segment,
    host: number,
  ): void {
    const { records } = this.#sources;
    records.set(entry, FOUND_SLOW | UNNAMED);
    this.#reporter.tell({
      scan: this.#describe(this.#sources, entry, probe, host),
      table: records,
      entry,
      time: probe.time,
      pause: FLEET_PAUSE_MS,
    });
  }

  /** A record does not tell the type of service, nor always the rest. */
  #describe(
    coverage: Coverage,
    entry: number,
    probe: Segment,
    host: number,
  ): Scan {
    const { records } = coverage;
    const heard = this.#fleetOf(host);
    const completed = records.wall(entry);
    const { tos: _, sourcePort, ttl, ...scan } = describeRecord(
      records,
      entry,
      {
        index: coverage.close(entry, probe, host, heard),
        isSlow: false,
        pause: WHOLE,
        ipv6Prefix: this.#ipv6Prefix,
        completed,
        interfaceIndex: 0,
      },
    );
    const { targets = 0, hosts = 0, firstSeen } = scan;
    return {
      ...scan,
      rule: "sweep",
      targets: heard.inAll(targets),
      hosts: heard.inAll(hosts),
      firstSeen: Math.min(firstSeen, completed),
      ...sourcePort ? { sourcePort } : {},
      ...ttl ? { ttl } : {},
    };
  }

  // Sources of one network that share the work.

  #addToNetwork(probe: Segment, host: number): void {
    const heard = this.#fleetOf(host);
    const { records } = this.#networks;
    this.#network.of(this.#key);
    const entry = this.#networks.take(this.#network, probe, host);
    if (this.#networks.isNew) this.#members.clear(entry);
    this.#members.add(entry, this.#key);
    if (records.has(entry, FOUND_SLOW)) {
      records.touch(entry, probe.time, records.bound(entry), 0xff);
      return;
    }
    if (!this.#networks.add(entry, probe, host)) return;
    if (this.#networks.judge(entry, probe, heard) !== COMPLETE) return;
    const sources = this.#members.count(entry);
    if (sources < FEWEST_SHARERS) return;
    records.set(entry, FOUND_SLOW);
    const scan = this.#describe(this.#networks, entry, probe, host);
    const event = describeShared(scan, this.#network, sources);
    this.#reporter.tellShared(event, probe.time);
  }
}
