/**
 * Finds scans by our own hosts: the same records, lines and limits as for those
 * of strangers, with the roles exchanged.
 *
 * Of TCP and SCTP counts what opens a connection, or belongs to none; of UDP what
 * the other host refuses by an ICMP error, since datagrams stay in the kernel.
 *
 * @module
 */

import type { Counters } from "../counters.ts";
import type { Settings } from "../settings.ts";
import { PROTOCOL_UDP, type Segment } from "../packet/segment.ts";
import { HostMemory } from "../probe/host_memory.ts";
import type { Ownership } from "../probe/ownership.ts";
import { MEMORY_UDP, type PortMemory } from "../probe/port_memory.ts";
import { describeRecord } from "../report/describe.ts";
import type { Report, ReportHandler } from "../report/report.ts";
import { Reporter } from "../report/reporter.ts";
import { NOTHING_FOUND } from "../rules/rule.ts";
import { FOUND_FAST, FOUND_SLOW, toWord, UNNAMED } from "../table/records.ts";
import {
  ANSWERED_TARGET,
  BY_ERROR,
  REFUSED,
  WAITING,
} from "../table/target_word.ts";
import { Attempt } from "./attempt.ts";
import { HostsOfPort } from "./hosts_of_port.ts";
import { PortsOfHost } from "./ports_of_host.ts";
import type { Question } from "./question.ts";
import { answerOf, mayBeProbe, opensConnection } from "./traffic.ts";

/** No prefix of our own counts: each of our hosts is known. */
const WHOLE_ADDRESS = 128;

/** What a finder needs to be told. */
export interface OutgoingOptions {
  /** The numbers that it runs with. */
  settings: Settings;
  /** A source of 32 random bits for the hash keys. */
  random: () => number;
  /** Report also when a reported scan has ended. */
  ends?: boolean | undefined;
  /** What the kernel knows of the ports of this host. */
  portMemory?: PortMemory | undefined;
}

/** Finds them. */
export class OutgoingFinder {
  readonly #ownership: Ownership;
  readonly #ephemeralPort: number;
  readonly #ports: PortMemory | undefined;
  readonly #hosts: HostMemory;
  readonly #attempt: Attempt;
  readonly #portsOfHost: PortsOfHost;
  readonly #questions: readonly Question[];
  /** Of each question's records: wall time and interface of the last attempt. */
  readonly #walls: readonly Float64Array[];
  readonly #interfaces: readonly Int32Array[];
  readonly #reporter: Reporter;
  /** When the last scan was complete. */
  #lastTime = -Infinity;
  /** When {@linkcode OutgoingFinder.settle} wants to be called. */
  deadline = Infinity;

  /** @param counters Counts scans found and kept back. */
  constructor(
    { settings, random, ends, portMemory }: OutgoingOptions,
    ownership: Ownership,
    report: ReportHandler,
    counters: Counters,
  ) {
    this.#ownership = ownership;
    this.#ephemeralPort = settings.ephemeralPort;
    this.#ports = portMemory?.isKernel ? portMemory : undefined;
    this.#hosts = new HostMemory(random);
    this.#attempt = new Attempt(random);
    const options = { settings, random, hosts: this.#hosts };
    this.#portsOfHost = new PortsOfHost(options);
    this.#questions = [this.#portsOfHost, new HostsOfPort(options)];
    this.#walls = this.#questions.map(({ capacity }) =>
      new Float64Array(capacity)
    );
    this.#interfaces = this.#questions.map(({ capacity }) =>
      new Int32Array(capacity)
    );
    this.#reporter = new Reporter(
      settings,
      (each) => report(asOutgoing(each)),
      counters,
      ends ?? false,
    );
  }

  /** The memory of all tables, in bytes. */
  get byteLength(): number {
    const tables = [
      ...this.#questions,
      ...this.#walls,
      ...this.#interfaces,
      this.#hosts,
      this.#reporter.followed,
    ];
    return tables.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Looks at a packet, whoever sent it. */
  look(segment: Segment): void {
    const ownership = this.#ownership;
    // Nobody else looks at what this host sends, even to other hosts of ours.
    if (ownership.leavesThisHost(segment)) this.#sent(segment);
    else if (ownership.knowsThisHost && ownership.goesToThisHost(segment)) {
      this.#received(segment);
    } else if (ownership.comesFromUs(segment)) {
      if (!ownership.goesToUs(segment)) this.#sent(segment);
    } else if (ownership.goesToUs(segment)) this.#received(segment);
  }

  #sent(segment: Segment): void {
    if (this.#ownership.isIgnored(segment)) return;
    if (!opensConnection(segment, this.#ephemeralPort)) return;
    this.#attempt.take(segment, WAITING, 0);
    this.#count();
  }

  /** What somebody answers is the outcome of what we have asked. */
  #received(segment: Segment): void {
    const state = answerOf(segment);
    if (state === WAITING) return;
    const attempt = this.#attempt;
    attempt.takeAnswered(segment, state);
    if (state === ANSWERED_TARGET) {
      const { destinationPort: port, time } = attempt.probe;
      this.#hosts.noteOpened(attempt.host, attempt.protocol, port, time);
    }
    this.#decide();
  }

  /**
   * An ICMP error has come, which quotes what one of our hosts has sent. Anybody
   * can forge one, so it counts only if we send from that port, as far as known.
   */
  refused(error: Segment, quoted: Segment): void {
    const ownership = this.#ownership;
    if (!ownership.goesToUs(error) || ownership.isIgnored(quoted)) return;
    const attempt = this.#attempt;
    const isUdp = quoted.protocol === PROTOCOL_UDP;
    if (isUdp && !this.#isProbe(quoted)) return;
    attempt.take(quoted, REFUSED, BY_ERROR);
    if (isUdp) this.#count();
    else this.#decide();
  }

  #isProbe(quoted: Segment): boolean {
    if (!mayBeProbe(quoted, this.#ephemeralPort)) return false;
    const { sourcePort, time } = quoted;
    return this.#ports?.isInUse(MEMORY_UDP, sourcePort, time) ?? true;
  }

  #find(question: Question): number {
    const { key } = this.#attempt;
    key.w0 = question.keyOf(this.#attempt);
    return question.records.find(key.w0, key.w1, key.w2, key.w3);
  }

  /** Sets the outcome of a target that is waiting; adds none. */
  #decide(): void {
    const { probe, protocol, host, state } = this.#attempt;
    const { destinationPort: port } = probe;
    for (const question of this.#questions) {
      const { records } = question;
      const entry = this.#find(question);
      if (entry < 0) continue;
      if (state === ANSWERED_TARGET) {
        const followed = this.#reporter.followed.of(records, entry);
        if (followed?.isTouched(port)) followed.opened(port);
      }
      const index = records.findTarget(entry, protocol, port, host);
      if (index < 0) continue;
      const known = records.stateAt(entry, index);
      const isChange = known === WAITING ||
        (known === REFUSED && state === ANSWERED_TARGET);
      if (!isChange) continue;
      records.setState(entry, index, state);
      if (question === this.#portsOfHost) {
        this.#portsOfHost.measure(entry, records.time(entry));
      }
    }
  }

  #count(): void {
    for (let i = 0; i < this.#questions.length; i++) this.#countIn(i);
    this.#setDeadline();
  }

  #countIn(number: number): void {
    const question = this.#questions[number];
    const attempt = this.#attempt;
    const { records } = question;
    const { probe, protocol, host } = attempt;
    const { destinationPort: port, time } = probe;
    const entry = this.#take(question);
    this.#walls[number][entry] = probe.wallTime;
    this.#interfaces[number][entry] = probe.interfaceIndex;
    if (this.#goesOn(question, entry)) return;
    if (question.isFull(entry)) return;
    const index = records.findTarget(entry, protocol, port, host);
    if (index >= 0 && !this.#isAgain(question, entry, index)) return;
    question.add(entry, attempt);
    if (question.isHeavy(entry)) question.queue.add(entry, time);
  }

  /** The record of the attempt, which is made if there is none. */
  #take(question: Question): number {
    const { records } = question;
    const attempt = this.#attempt;
    const { key, probe } = attempt;
    const found = this.#find(question);
    if (found >= 0) {
      if (question.isOver(found, attempt)) {
        question.begin(found, attempt, false);
      }
      return found;
    }
    const { w0, w1, w2, w3 } = key;
    const entry = records.insert(w0, w1, w2, w3, probe.time);
    records.clearStatus(entry);
    question.begin(entry, attempt, true);
    records.touch(entry, probe.time, 0, 0);
    return entry;
  }

  /** Whether a scan that was found goes on; then there is nothing to count. */
  #goesOn({ records }: Question, entry: number): boolean {
    const isFast = records.has(entry, FOUND_FAST);
    if (!isFast && !records.has(entry, FOUND_SLOW)) return false;
    const { probe } = this.#attempt;
    this.#reporter.followed.of(records, entry)?.follow(probe);
    if (isFast) records.touch(entry, probe.time, records.bound(entry), 0xff);
    return isFast;
  }

  /**
   * Whether an attempt at a known target begins anew: clients repeat what is not
   * answered, and come back to what is.
   */
  #isAgain(question: Question, entry: number, index: number): boolean {
    const { records } = question;
    const { probe, state } = this.#attempt;
    const isWaiting = records.stateAt(entry, index) === WAITING;
    if (state === REFUSED && isWaiting) {
      records.setState(entry, index, REFUSED);
    }
    if (question !== this.#portsOfHost) return false;
    const age = (toWord(probe.time) - records.timeAt(entry, index)) >>> 0;
    if (age > question.gapOf(entry, index)) {
      records.removeTarget(entry, index);
      return true;
    }
    // While a scan waits to be judged, it goes on.
    if (question.isHeavy(entry)) records.renew(entry, probe.time);
    return false;
  }

  /** Judges the records whose time has come, and tells what is found. */
  settle(time: number): void {
    for (const [number, { queue }] of this.#questions.entries()) {
      for (let entry = queue.take(time); entry >= 0; entry = queue.take(time)) {
        this.#judge(number, entry, time);
      }
    }
    this.#reporter.settle(time);
    this.#setDeadline();
  }

  #judge(number: number, entry: number, time: number): void {
    const question = this.#questions[number];
    if (question.records.has(entry, FOUND_FAST)) return;
    const index = question.ask(entry, time);
    if (index !== NOTHING_FOUND) this.#complete(number, entry, index);
    else if (question.isHeavy(entry)) {
      const wait = question.undecided(entry, time);
      if (wait > 0) question.queue.add(entry, time, wait);
    }
  }

  #complete(number: number, entry: number, index: number): void {
    const question = this.#questions[number];
    const { records } = question;
    const isSlow = !records.has(entry, FOUND_FAST);
    records.set(entry, UNNAMED);
    // Going back would end a flood.
    this.#lastTime = Math.max(this.#lastTime, records.time(entry));
    const scan = describeRecord(records, entry, {
      index,
      isSlow,
      pause: question.gapOf(entry, index),
      ipv6Prefix: WHOLE_ADDRESS,
      completed: this.#walls[number][entry],
      interfaceIndex: this.#interfaces[number][entry],
    });
    this.#reporter.tell({
      scan,
      table: records,
      entry,
      time: this.#lastTime,
      pause: question.pauseOf(entry, index),
    });
  }

  /** Tells what is left when no more packets come. */
  finish(): void {
    for (const [number, question] of this.#questions.entries()) {
      question.isEnding = true;
      const { queue } = question;
      for (let next = queue.due; next !== Infinity; next = queue.due) {
        this.#judge(number, queue.take(next), next);
      }
      question.isEnding = false;
    }
    this.#reporter.finish();
    this.#setDeadline();
  }

  #setDeadline(): void {
    let { deadline } = this.#reporter;
    for (const { queue } of this.#questions) {
      deadline = Math.min(deadline, queue.due);
    }
    this.deadline = deadline;
  }
}

/** Lines about sources of our own must not feed a ban. */
function asOutgoing(report: Report): Report {
  switch (report.type) {
    case "scan":
    case "end":
    case "unlogged":
      return { ...report, direction: "outgoing" };
    default:
      return report;
  }
}
