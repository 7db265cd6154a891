/**
 * Hands on each probe once it is judged: what nobody answered, for somebody who
 * puts together what many hosts have seen.
 *
 * @module
 */

import type { Counters } from "../counters.ts";
import { formatAddress } from "../packet/address.ts";
import { PROTOCOL_TCP, Segment } from "../packet/segment.ts";
import type { ProbeHandler, ProbeRecord } from "./probe_record.ts";
import type { Protocol } from "./report.ts";
import { type RecordTable, toWord } from "../table/records.ts";
import type { SourceKey } from "../table/source_key.ts";
import {
  ABORTED,
  BY_REFUSAL,
  IS_UNSURE,
  REFUSED,
  TARGET_IP,
  targetProtocol,
} from "../table/target_word.ts";
import { type Judgement, LONG_GRACE_MS } from "../probe/judgement.ts";

/** Probes that wait for their answers at a time, of each grace. */
const MOST_WAITING = 16_384;
const PROTOCOLS: readonly Protocol[] = ["tcp", "udp", "sctp", "ip"];
const SECOND_MS = 1000;
/**
 * The shortest span that a fleet's rule asks about: who probes a target again and
 * again is written once in each, or whoever has been at all hosts before could do
 * so again without being seen.
 */
const PERIOD_MS = 3_600_000;
/** No time of a target, which are 32 bits. */
export const NOT_YET = 2 ** 32;

/** Where the probes go, and how many. */
export interface JudgedProbesOptions {
  /** Takes them. */
  handler: ProbeHandler;
  /** How many a second at most. */
  rate: number;
  /** Counts those that nobody is told of. */
  counters: Counters;
  /** Makes keys as the finder does. */
  key: SourceKey;
}

/**
 * Whether a target that was probed before is written again: with the first probe
 * of each period. No two sources' periods begin at the same time.
 *
 * @param host A hash of its address.
 * @param last When the source probed it last, as targets keep it.
 */
function isWrittenAgain(
  { source3, time }: Segment,
  host: number,
  last: number,
): boolean {
  const begin = Math.imul(source3 ^ host, 0x9e3779b1);
  return periodOf(begin + last) !== periodOf(begin + toWord(time));
}

function periodOf(word: number): number {
  return Math.floor((word >>> 0) / PERIOD_MS);
}

/** Probes that wait for answers, each as long as its target may take. */
export class JudgedProbes {
  readonly #records: RecordTable;
  readonly #judgement: Judgement;
  readonly #options: JudgedProbesOptions;
  readonly #queues: readonly WaitingProbes[];
  readonly #probe = new Segment();
  /** The second that is counted, and how many were handed on in it. */
  #second = NaN;
  #count = 0;

  /** @param graces How long targets may take to answer, from the shortest on. */
  constructor(
    records: RecordTable,
    judgement: Judgement,
    graces: readonly number[],
    options: JudgedProbesOptions,
  ) {
    this.#records = records;
    this.#judgement = judgement;
    this.#queues = graces.map((grace) => new WaitingProbes(grace));
    this.#options = options;
  }

  /** When {@linkcode JudgedProbes.settle} wants to be called. */
  get deadline(): number {
    let deadline = Infinity;
    for (const { due } of this.#queues) if (due < deadline) deadline = due;
    return deadline;
  }

  /** The memory of the queues, in bytes. */
  get byteLength(): number {
    return this.#queues.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /**
   * Takes a probe of a target, if that is new or is to be written again.
   *
   * @param host The hash of its address that the record knows it by.
   * @param last When the source probed it last, as targets keep it; or
   * {@linkcode NOT_YET}.
   */
  note(probe: Segment, host: number, traits: number, last: number): void {
    if (last !== NOT_YET && !isWrittenAgain(probe, host, last)) return;
    const protocol = targetProtocol(probe.protocol);
    const grace = (traits & IS_UNSURE) !== 0
      ? LONG_GRACE_MS
      : this.#judgement.graceOf(traits, protocol);
    const queue = this.#queues.find(({ grace: each }) => each >= grace) ??
      this.#queues[this.#queues.length - 1];
    if (!queue.add(probe, host)) this.#options.counters.unwrittenProbes++;
  }

  /** Judges the probes whose time has come. */
  settle(time: number): void {
    for (const queue of this.#queues) {
      while (queue.due <= time) {
        const host = queue.take(this.#probe);
        this.#judge(host, time);
      }
    }
  }

  /** Judges those that are left: nobody answers them any more. */
  finish(): void {
    for (const queue of this.#queues) {
      while (queue.due !== Infinity) {
        const { due } = queue;
        const host = queue.take(this.#probe);
        this.#judge(host, due);
      }
    }
  }

  #judge(host: number, time: number): void {
    const { key, counters } = this.#options;
    const probe = this.#probe;
    const records = this.#records;
    key.ofSource(probe);
    const entry = records.find(key.w0, key.w1, key.w2, key.w3);
    if (entry < 0) {
      counters.unwrittenProbes++;
      return;
    }
    const protocol = targetProtocol(probe.protocol);
    const port = probe.destinationPort;
    const index = records.findTarget(entry, protocol, port, host);
    if (index < 0) return; // it was answered, and gave its place to another
    const state = records.stateAt(entry, index);
    if (state === ABORTED) return;
    this.#judgement.begin(entry);
    const counts = this.#judgement.countsSlowly(entry, index, time);
    // Whoever only asks must not decide for the rules, which ask later.
    records.setState(entry, index, state);
    if (!counts) return;
    if (!this.#hasRoom(time)) counters.unwrittenProbes++;
    else this.#options.handler(this.#describe(entry, index, protocol));
  }

  #hasRoom(time: number): boolean {
    const second = Math.floor(time / SECOND_MS);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    return ++this.#count <= this.#options.rate;
  }

  #describe(entry: number, index: number, protocol: number): ProbeRecord {
    const probe = this.#probe;
    const isSeen = (this.#records.traitsAt(entry, index) & BY_REFUSAL) === 0;
    const isRefused = this.#records.stateAt(entry, index) === REFUSED;
    return {
      time: probe.wallTime,
      source: formatAddress(
        probe.source0,
        probe.source1,
        probe.source2,
        probe.source3,
      ),
      ...(protocol !== TARGET_IP && { sourcePort: probe.sourcePort }),
      destination: formatAddress(
        probe.destination0,
        probe.destination1,
        probe.destination2,
        probe.destination3,
      ),
      destinationPort: probe.destinationPort,
      protocol: PROTOCOLS[protocol],
      ...(probe.protocol === PROTOCOL_TCP && { flags: probe.flags & 0xff }),
      ...(isSeen && { ttl: probe.ttl }),
      outcome: isRefused ? "refused" : "silent",
    };
  }
}

const WORDS = 11;
const PORTS = 8;
const HEADER = 9;
const HOST = 10;
const IS_IPV6 = 1 << 24;

/** Probes in the order in which they came: a ring. */
class WaitingProbes {
  /** How long each waits, in milliseconds. */
  readonly grace: number;
  /** When the first one's time has come. */
  due = Infinity;
  readonly #words = new Int32Array(MOST_WAITING * WORDS);
  readonly #times = new Float64Array(MOST_WAITING * 2);
  #first = 0;
  #count = 0;

  constructor(grace: number) {
    this.grace = grace;
  }

  get byteLength(): number {
    return this.#words.byteLength + this.#times.byteLength;
  }

  /** Adds a copy of a probe; returns whether there was room. */
  add(probe: Segment, host: number): boolean {
    if (this.#count === MOST_WAITING) return false;
    const place = (this.#first + this.#count++) % MOST_WAITING;
    const words = this.#words;
    const at = place * WORDS;
    words[at] = probe.source0;
    words[at + 1] = probe.source1;
    words[at + 2] = probe.source2;
    words[at + 3] = probe.source3;
    words[at + 4] = probe.destination0;
    words[at + 5] = probe.destination1;
    words[at + 6] = probe.destination2;
    words[at + 7] = probe.destination3;
    words[at + PORTS] = (probe.sourcePort << 16) | probe.destinationPort;
    words[at + HEADER] = (probe.protocol << 16) | ((probe.flags & 0xff) << 8) |
      probe.ttl | (probe.version === 4 ? 0 : IS_IPV6);
    words[at + HOST] = host;
    this.#times[place * 2] = probe.time;
    this.#times[place * 2 + 1] = probe.wallTime;
    if (this.#count === 1) this.due = probe.time + this.grace;
    return true;
  }

  /** Takes the first one; returns its host. Only if there is one. */
  take(probe: Segment): number {
    const place = this.#first;
    const words = this.#words;
    const at = place * WORDS;
    probe.source0 = words[at];
    probe.source1 = words[at + 1];
    probe.source2 = words[at + 2];
    probe.source3 = words[at + 3];
    probe.destination0 = words[at + 4];
    probe.destination1 = words[at + 5];
    probe.destination2 = words[at + 6];
    probe.destination3 = words[at + 7];
    probe.sourcePort = words[at + PORTS] >>> 16;
    probe.destinationPort = words[at + PORTS] & 0xffff;
    probe.protocol = (words[at + HEADER] >>> 16) & 0xff;
    probe.flags = (words[at + HEADER] >>> 8) & 0xff;
    probe.ttl = words[at + HEADER] & 0xff;
    probe.version = (words[at + HEADER] & IS_IPV6) === 0 ? 4 : 6;
    probe.time = this.#times[place * 2];
    probe.wallTime = this.#times[place * 2 + 1];
    this.#first = (place + 1) % MOST_WAITING;
    this.#count--;
    this.due = this.#count === 0
      ? Infinity
      : this.#times[this.#first * 2] + this.grace;
    return words[at + HOST];
  }
}
