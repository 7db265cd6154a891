/**
 * What is asked about the connections that our hosts try to open: did one try
 * many ports of another host, or one port of very many hosts?
 *
 * Our own clients meet dead hosts all day: browsers, resolvers, mail servers,
 * and those of BitTorrent, which try thousands of addresses that somebody had
 * lately. They have in common that they want one service of each host, or few,
 * and that they try some at a time. So neither the hosts of a client add up, as
 * a stranger's targets do, nor the ports.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { HostMemory } from "../probe/host_memory.ts";
import { Judgement, LONG_GRACE_MS } from "../probe/judgement.ts";
import { PortMemory } from "../probe/port_memory.ts";
import { UsedPorts } from "../probe/used_ports.ts";
import { DueQueue } from "../table/due_queue.ts";
import { RecordTable, toWord } from "../table/records.ts";
import { BY_ERROR } from "../table/target_word.ts";
import type { Attempt } from "./attempt.ts";

/** What a question needs to know. */
export interface QuestionOptions {
  /** The numbers that it runs with. */
  settings: Settings;
  /** A source of 32 random bits for the hash keys. */
  random: () => number;
  /** Which ports of other hosts have answered. */
  hosts: HostMemory;
}

/** What is asked of the attempts of one of our hosts that belong together. */
export interface Question {
  /** A record for each such pair. */
  readonly records: RecordTable;
  /** How many there can be. */
  readonly capacity: number;
  /** The records that are to be judged. */
  readonly queue: DueQueue;
  /** What they take, in bytes. */
  readonly byteLength: number;
  /** No more packets come. */
  isEnding: boolean;
  /** The part of an attempt's key that tells its record from others. */
  keyOf(attempt: Attempt): number;
  /** Whether what a record holds has ended. */
  isOver(entry: number, attempt: Attempt): boolean;
  /** Makes a record new, which may have held earlier attempts. */
  begin(entry: number, attempt: Attempt, isNew: boolean): void;
  /** Whether a record takes no further target, whatever it is. */
  isFull(entry: number): boolean;
  /** Adds an attempt at a target that is not known, if there is room. */
  add(entry: number, attempt: Attempt): void;
  /** Whether it is time to judge. */
  isHeavy(entry: number): boolean;
  /** The target that completes a scan, or {@linkcode NOTHING_FOUND}. */
  ask(entry: number, time: number): number;
  /** After how many milliseconds the last target is decided. */
  undecided(entry: number, time: number): number;
  /** The longest pause inside the scan that was found. */
  pauseOf(entry: number, index: number): number;
  /** The longest pause between targets that a line names together. */
  gapOf(entry: number, index: number): number;
}

/** What both questions have in common. */
export abstract class RecordQuestion {
  readonly records: RecordTable;
  readonly queue: DueQueue;
  readonly capacity: number;
  protected readonly judgement: Judgement;

  constructor(
    capacity: number,
    targets: number,
    { settings, random, hosts }: QuestionOptions,
  ) {
    this.capacity = capacity;
    this.records = new RecordTable(capacity, targets, random);
    this.queue = new DueQueue(capacity, LONG_GRACE_MS);
    const ports = new UsedPorts(NO_PORTS, hosts, settings);
    this.judgement = new Judgement(this.records, settings, ports);
  }

  get byteLength(): number {
    return this.records.byteLength + this.queue.byteLength +
      this.judgement.byteLength;
  }

  set isEnding(isEnding: boolean) {
    this.judgement.isEnding = isEnding;
  }

  get isEnding(): boolean {
    return this.judgement.isEnding;
  }

  undecided(entry: number, time: number): number {
    return this.judgement.longestWait(entry, time);
  }

  protected addTarget(
    entry: number,
    { probe, protocol, host, traits, state }: Attempt,
  ): void {
    const { records } = this;
    const { destinationPort: port } = probe;
    const time = toWord(probe.time);
    records.mergeFlags(entry, probe.flags);
    records.mergeChanges(entry, probe);
    // Routers have changed what an error quotes.
    if ((traits & BY_ERROR) !== 0) records.forgetHeader(entry);
    records.addTarget(entry, protocol, port, host, traits | state, time);
  }
}

/** No target is the watched host's, so that its ports are never looked up. */
const NO_PORTS = new PortMemory({
  ports: new Uint32Array(0),
  protocols: new Uint32Array(0),
  receivers: new Uint32Array(0),
});
