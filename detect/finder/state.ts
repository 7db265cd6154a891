/**
 * What all parts of the finder share: the tables, and how a segment finds its
 * source's record and its target in them.
 *
 * @module
 */

import { AddressHash } from "../hash.ts";
import type { Segment } from "../packet/segment.ts";
import { Answers } from "../probe/answers.ts";
import { Companies } from "../probe/companies.ts";
import { HostMemory } from "../probe/host_memory.ts";
import { Judgement } from "../probe/judgement.ts";
import type { Ownership } from "../probe/ownership.ts";
import { PortMemory } from "../probe/port_memory.ts";
import { PRIVILEGED_PORTS } from "../probe/probe.ts";
import { SharedProbes } from "../probe/shared_probes.ts";
import { TargetTraits } from "../probe/traits.ts";
import { UsedPorts } from "../probe/used_ports.ts";
import type { ReadOptions } from "../read_options.ts";
import { Lockstep } from "../report/lockstep.ts";
import type { Reporter } from "../report/reporter.ts";
import { SharedOutRule } from "../rules/shared_out.ts";
import { MANY_HOSTS_FACTOR } from "../rules/slow.ts";
import type { Settings } from "../settings.ts";
import { RecordTable } from "../table/records.ts";
import { SourceKey } from "../table/source_key.ts";
import { targetProtocol } from "../table/target_word.ts";

/** Room for connections that a scanner breaks off, besides what makes a scan. */
const ABORTS = 65;

/** What a finder is made of. */
export interface FinderOptions extends ReadOptions {
  /** The numbers that it runs with. */
  settings: Settings;
  /** A source of 32 random bits for the hash keys. */
  random: () => number;
}

/** The tables of a finder. */
export class FinderState {
  readonly settings: Settings;
  /** What makes a scan weighs so much. */
  readonly threshold: number;
  readonly records: RecordTable;
  /** The key of the source that was looked for last. */
  readonly key: SourceKey;
  readonly ownership: Ownership;
  readonly traits: TargetTraits;
  readonly ports: UsedPorts;
  readonly judgement: Judgement;
  readonly answers: Answers;
  readonly companies: Companies;
  readonly sharedProbes: SharedProbes;
  readonly sharedOut: SharedOutRule;
  readonly reporter: Reporter;
  readonly lockstep: Lockstep;
  readonly #hash: AddressHash;

  constructor(
    { settings, random, ...options }: FinderOptions,
    ownership: Ownership,
    reporter: Reporter,
  ) {
    this.settings = settings;
    this.threshold = settings.minPorts * settings.privilegedWeight;
    const most = Math.ceil(this.threshold / settings.highWeight);
    const capacity = 2 ** Math.ceil(Math.log2(settings.sources));
    const targets = MANY_HOSTS_FACTOR * most + ABORTS;
    this.records = new RecordTable(capacity, targets, random);
    this.key = new SourceKey(
      settings.ipv6Prefix,
      options.onLink,
      options.home,
    );
    this.#hash = new AddressHash(random);
    this.ownership = ownership;
    const ports = options.portMemory ?? new PortMemory();
    this.traits = new TargetTraits(ownership, ports.isKernel);
    const hosts = new HostMemory(random);
    this.ports = new UsedPorts(ports, hosts, settings);
    if (options.forwards !== undefined) this.ports.forwards = options.forwards;
    this.judgement = new Judgement(this.records, settings, this.ports);
    this.answers = new Answers(random);
    this.sharedOut = new SharedOutRule(
      this.records,
      settings,
      random,
      this.ports,
    );
    this.reporter = reporter;
    this.companies = new Companies(capacity);
    this.sharedProbes = new SharedProbes(this.companies);
    this.lockstep = new Lockstep(
      this.records,
      reporter,
      this.companies,
      settings,
    );
  }

  /** The memory of all tables, in bytes. */
  get byteLength(): number {
    return this.records.byteLength + this.ports.byteLength +
      this.answers.byteLength + this.sharedProbes.byteLength +
      this.companies.byteLength + this.lockstep.byteLength +
      this.sharedOut.byteLength +
      this.judgement.byteLength +
      this.reporter.followed.byteLength;
  }

  /** The record of who sends a segment, or -1. */
  findSource(segment: Segment): number {
    const { key } = this;
    key.ofSource(segment);
    return this.records.find(key.w0, key.w1, key.w2, key.w3);
  }

  /** The record of whom a segment goes to, or -1. */
  findPeer(segment: Segment): number {
    const { key } = this;
    key.ofDestination(segment);
    return this.records.find(key.w0, key.w1, key.w2, key.w3);
  }

  /** The target that a segment goes to in its source's record, or -1. */
  findTarget(entry: number, segment: Segment): number {
    return this.records.findTarget(
      entry,
      targetProtocol(segment.protocol),
      segment.destinationPort,
      this.destinationOf(segment),
    );
  }

  /** A keyed hash of a segment's source address. */
  sourceOf({ source0, source1, source2, source3 }: Segment): number {
    this.#hash.of(source0, source1, source2, source3);
    return this.#hash.tag;
  }

  /** A keyed hash of a segment's destination address. */
  destinationOf(segment: Segment): number {
    const { destination0, destination1, destination2, destination3 } = segment;
    this.#hash.of(destination0, destination1, destination2, destination3);
    return this.#hash.tag;
  }

  /**
   * From where on our hosts take ports for their own connections. Whose hosts a
   * file is about is not known: some systems begin at 1024.
   */
  get ephemeralPort(): number {
    return this.ownership.knowsThisHost
      ? this.settings.ephemeralPort
      : PRIVILEGED_PORTS;
  }

  /**
   * Whether a port may be one of our own connections, of which nobody knows:
   * what the classic filter keeps in the kernel. A file has all of it.
   */
  isTooHigh(port: number): boolean {
    return port >= this.settings.ephemeralPort && !this.ports.ports.isKernel &&
      this.ownership.knowsThisHost;
  }

  /** Whether the target of a probe is in use. */
  isInUse(probe: Segment, traits: number): boolean {
    return this.ports.isInUse(
      traits,
      targetProtocol(probe.protocol),
      probe.destinationPort,
      this.destinationOf(probe),
      probe.time,
    );
  }
}
