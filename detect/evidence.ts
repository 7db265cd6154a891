/**
 * What goes beyond the classic rule: it looks at what the host itself sends, and
 * at what the classic rule passes over, and brings the other rules together.
 *
 * One source has one entry, whatever the evidence, so that a scan is told once.
 *
 * @module
 */

import { Answers } from "./answers.ts";
import {
  type ClassicRule,
  PRIVILEGED_PORTS,
  type RuleObserver,
} from "./classic.ts";
import { HeldScans } from "./held.ts";
import { Lockstep, probeSignature } from "./lockstep.ts";
import type { Settings } from "./options.ts";
import { QUOTE_EMPTY, QUOTE_REPLY, type QuoteKind } from "./quotes.ts";
import { describeScan, type ReportHandler, type Rule } from "./report.ts";
import {
  type Completion,
  Reporter,
  type ReporterCounters,
} from "./reporter.ts";
import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_ABORT,
  SCTP_COOKIE_ECHO,
  SCTP_INIT,
  SCTP_INIT_ACK,
  Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  UNKNOWN_FLAGS,
} from "./segment.ts";
import { SharedProbes } from "./shared_probes.ts";
import { SLOW_PAUSE_MS, SlowRule } from "./slow.ts";
import { SEEN, type SourceTable } from "./sources.ts";
import { NO_SWEEP, SWEEP_COMPLETED, SweepRule } from "./sweeps.ts";

/**
 * How long one waits that a rebooted host may have made of its old peers, by
 * refusing what they send: they connect anew. Hosts behind a router have as
 * long to answer a sweep.
 */
const RECONNECT_MS = 3000;
/** How long one waits that shared a probe with another source. */
const LOCKSTEP_MS = 1000;
/** Rules whose scans wait for {@linkcode RECONNECT_MS}. */
const WAITING_RULES: readonly Rule[] = ["refusals", "unsolicited", "sweep"];
/**
 * Linux sends six ICMP errors at once and then one a second (icmp(7)), and some
 * ports do not count: pauses may be longer by this factor.
 */
const ICMP_PAUSE_FACTOR = 2;

/** How a probe was noticed. */
interface Notice {
  /** Whether its type of service and time to live are known. */
  readonly hasHeader: boolean;
  /** How many scan delays a pause may last. */
  readonly pauses: number;
}
const BY_ITSELF: Notice = { hasHeader: true, pauses: 1 };
const BY_ANSWER: Notice = { hasHeader: false, pauses: 1 };
const BY_ERROR: Notice = { hasHeader: true, pauses: ICMP_PAUSE_FACTOR };

/** A bare RST refuses what has ACK and is no RST: the other flags are unknown. */
const REFUSED_ALWAYS = TCP_ACK;
const REFUSED_EVER = 0xff & ~TCP_RST;

/** Brings the rules together that go beyond the classic one. */
export class Evidence implements RuleObserver {
  readonly #rule: ClassicRule;
  readonly #table: SourceTable;
  readonly #answers: Answers;
  readonly #slow: SlowRule | undefined;
  readonly #sweeps: SweepRule;
  readonly #reporter: Reporter;
  readonly #lockstep: Lockstep;
  readonly #held: HeldScans;
  readonly #shared: SharedProbes;
  readonly #ephemeralPort: number;
  readonly #scanDelay: number;
  readonly #answerDelay: number;
  readonly #ipv6Prefix: number;
  readonly #isOurs: (segment: Segment) => boolean;
  readonly #probe = new Segment();
  /** When {@linkcode Evidence.settle} wants to be called. */
  deadline = Infinity;

  /**
   * @param rule The rule whose table is shared.
   * @param isOurs Whether a segment surely goes to a host of ours.
   */
  constructor(
    settings: Settings,
    random: () => number,
    rule: ClassicRule,
    isOurs: (segment: Segment) => boolean,
    report: ReportHandler,
    counters: ReporterCounters,
    tellsEnds: boolean,
  ) {
    this.#rule = rule;
    this.#table = rule.table;
    this.#ephemeralPort = settings.ephemeralPort;
    this.#scanDelay = settings.scanDelay;
    this.#answerDelay = settings.answerDelay;
    this.#ipv6Prefix = settings.ipv6Prefix;
    this.#isOurs = isOurs;
    this.#answers = new Answers(random);
    this.#sweeps = new SweepRule(settings, random, rule);
    this.#reporter = new Reporter(settings, report, counters, tellsEnds);
    this.#lockstep = new Lockstep(this.#reporter);
    this.#held = new HeldScans(this.#reporter, this.#lockstep);
    this.#shared = new SharedProbes(rule.table);
    if (settings.slowWindow > 0) {
      const slow = new SlowRule(settings, random, rule, {
        completed: (entry, probe) =>
          this.#slowCompleted(slow.table, entry, probe),
        further: (entry, probe) =>
          this.#reporter.followed.of(slow.table, entry)?.follow(probe),
      });
      this.#slow = slow;
      this.#table.onForget = (entry) => slow.takeOver(entry);
    }
    rule.observer = this;
  }

  /** The memory of all tables but the shared one, in bytes. */
  get byteLength(): number {
    return this.#answers.byteLength + this.#sweeps.table.byteLength +
      this.#shared.byteLength +
      this.#reporter.followed.byteLength +
      (this.#slow?.byteLength ?? 0);
  }

  /** Sources forgotten early because a table was full. */
  get evicted(): number {
    return this.#sweeps.table.evicted + (this.#slow?.table.evicted ?? 0);
  }

  // What comes in.

  /** A FIN or RST of a source may prove that it is real. */
  closing(segment: Segment): void {
    const standing = this.#answers.standingOf(segment);
    if (standing === SEEN) return;
    const entry = this.#findSource(segment);
    if (entry < 0 || this.#table.standing(entry) >= standing) return;
    this.#table.raiseStanding(entry, standing);
    this.#reporter.raised(this.#table, entry, segment.time);
    this.#setDeadline();
  }

  /** Looks at an incoming SCTP packet. */
  sctp(segment: Segment): void {
    if (segment.flags !== SCTP_INIT && segment.flags !== SCTP_COOKIE_ECHO) {
      return;
    }
    this.#probe.assign(segment);
    this.#probe.flags = 0;
    this.#count("sctp", BY_ITSELF, this.#weight(segment.destinationPort), 0);
  }

  /** @inheritDoc */
  counted(entry: number, segment: Segment): void {
    this.#shared.note(entry, segment);
  }

  /** @inheritDoc */
  repeated(entry: number, segment: Segment): void {
    const table = this.#table;
    const isElsewhere = !table.isFirstDestination(entry, segment);
    if (table.weight(entry) >= this.#rule.threshold) {
      // A sweep touches no new ports, and yet it goes on.
      if (isElsewhere) table.renew(entry, segment.time);
      this.#goesOn(entry, segment);
    } else if (isElsewhere) this.#sweep(entry, segment);
  }

  /** @inheritDoc */
  further(entry: number, segment: Segment): void {
    this.#goesOn(entry, segment);
  }

  /**
   * A segment with ACK and without RST that belongs to no connection of ours: a
   * probe, found even where a firewall keeps the host from refusing it.
   */
  unexpected(segment: Segment): void {
    const { flags, destinationPort: port } = segment;
    if ((flags & TCP_RST) !== 0 || port >= this.#ephemeralPort) return;
    if (this.#answers.isUsed(port) || !this.#isOurs(segment)) return;
    this.#probe.assign(segment);
    this.#count("unsolicited", BY_ITSELF, this.#weight(port), flags);
  }

  /** @inheritDoc */
  expired(entry: number): void {
    this.#slow?.takeOver(entry);
  }

  #sweep(entry: number, segment: Segment): void {
    const step = this.#sweeps.touch(entry, segment);
    if (step === NO_SWEEP) return;
    this.#keepComplete(entry);
    if (step === SWEEP_COMPLETED) this.#complete(entry, segment, "sweep");
  }

  // What the host sends.

  /** Looks at a TCP or SCTP packet that the host sends. */
  sent(segment: Segment): void {
    const { flags, protocol } = segment;
    if (protocol === PROTOCOL_SCTP) {
      if (flags === SCTP_INIT_ACK) this.#accepted(segment);
      else if (flags === SCTP_ABORT) this.#refuses(segment, "sctp");
    } else if ((flags & TCP_SYN) !== 0) {
      this.#answers.markUsed(segment.sourcePort);
      if ((flags & TCP_ACK) !== 0) {
        this.#answers.remember(segment);
        this.#accepted(segment);
      }
    } else if ((flags & TCP_FIN) !== 0) {
      // It may be the first of a connection that is older than the watching: the
      // peer's FIN was no probe then.
      this.#answers.markUsed(segment.sourcePort);
      this.#accepted(segment);
    } else if ((flags & (TCP_RST | TCP_ACK)) === TCP_RST) {
      this.#refuses(segment, "refusals");
    }
    // A RST with ACK answers what had none; the classic rule has counted that.
  }

  /** The host has a connection: the port gives its weight back. */
  #accepted(segment: Segment): void {
    const table = this.#table;
    const { sourcePort: port } = segment;
    const { key } = this.#rule;
    key.ofDestination(segment);
    const entry = table.find(key.w0, key.w1, key.w2, key.w3);
    if (entry < 0) return;
    const followed = this.#reporter.followed.of(table, entry);
    const isFirst = followed?.opened(port) ?? false;
    const isComplete = table.weight(entry) >= this.#rule.threshold;
    const held = isComplete ? this.#held.find(entry) : undefined;
    if (isComplete && held === undefined) return; // what was told stays a scan
    this.#giveBack(entry, port);
    this.#sweeps.giveBack(entry, segment);
    if (held === undefined) return;
    if (followed !== undefined) {
      // Of a sweep, each host answers; else a port does, once.
      if (held.scan.rule === "sweep") followed.weight -= this.#weight(port);
      else if (isFirst && followed.isTouched(port)) {
        followed.weight -= this.#refund(port);
      }
    }
    // The list does not tell all: the scan has gone on since.
    const weight = followed?.weight ?? table.weight(entry);
    if (weight >= this.#rule.threshold) this.#keepComplete(entry);
    else this.#cancel(entry, held);
  }

  /** An entry whose scan is held or told counts no more, in no rule. */
  #keepComplete(entry: number): void {
    const weight = this.#table.weight(entry);
    this.#table.setWeight(entry, Math.max(weight, this.#rule.threshold));
  }

  #cancel(entry: number, held: Completion): void {
    const { rule, completingPort } = held.scan;
    this.#held.cancel(held);
    if (rule === "sweep") this.#sweeps.forget(entry, completingPort);
    this.#recount(entry);
  }

  /** Gives an entry the weight of its list again, which a sweep has raised. */
  #recount(entry: number): void {
    const table = this.#table;
    let weight = 0;
    for (let i = table.portCount(entry) - 1; i >= 0; i--) {
      weight += table.isAnswered(entry, i)
        ? this.#rule.highWeight
        : this.#weight(table.portAt(entry, i));
    }
    table.setWeight(entry, weight);
  }

  /** Gives back the weight that a port which has answered has in the list. */
  #giveBack(entry: number, port: number): void {
    const table = this.#table;
    const index = table.portIndex(entry, port);
    if (index < 0 || table.isAnswered(entry, index)) return;
    if (port < PRIVILEGED_PORTS) table.markAnswered(entry, index);
    else table.removePort(entry, index);
    table.takeWeight(entry, this.#refund(port));
  }

  /** What a port gives back that has answered. */
  #refund(port: number): number {
    const { privilegedWeight, highWeight } = this.#rule;
    return port < PRIVILEGED_PORTS ? privilegedWeight - highWeight : highWeight;
  }

  /** The host refuses, by a packet of the probe's own protocol. */
  #refuses(refusal: Segment, rule: Rule): void {
    const { sourcePort: port } = refusal;
    if (port >= this.#ephemeralPort) return;
    const isTcp = refusal.protocol === PROTOCOL_TCP;
    if (isTcp && this.#answers.isUsed(port)) return;
    this.#probe.assign(refusal);
    this.#probe.reverse();
    this.#probe.flags = isTcp ? REFUSED_ALWAYS : 0;
    const ever = isTcp ? REFUSED_EVER : 0;
    this.#count(rule, BY_ANSWER, this.#weight(port), ever);
  }

  /**
   * Looks at an ICMP error that the host sends.
   *
   * @param quoted The packet that it refuses.
   * @param kind What that looks like.
   */
  refused(quoted: Segment, kind: QuoteKind): void {
    const { protocol, destinationPort: port } = quoted;
    if (port >= this.#ephemeralPort || kind === QUOTE_REPLY) return;
    this.#probe.assign(quoted);
    const probe = this.#probe;
    if (protocol === PROTOCOL_UDP) {
      const isEmpty = kind === QUOTE_EMPTY;
      const { privilegedWeight } = this.#rule;
      probe.flags = 0;
      const weight = isEmpty ? privilegedWeight : this.#weight(port);
      this.#count("udp", BY_ERROR, weight, 0);
    } else if (protocol === PROTOCOL_SCTP) {
      probe.flags = 0;
      this.#count("sctp", BY_ERROR, this.#weight(port), 0);
    } else if (!this.#answers.isUsed(port)) {
      const isKnown = quoted.flags !== UNKNOWN_FLAGS;
      if (isKnown && (quoted.flags & TCP_RST) !== 0) return;
      if (!isKnown) probe.flags = 0;
      const ever = isKnown ? probe.flags : REFUSED_EVER;
      this.#count("refusals", BY_ERROR, this.#refusedWeight(quoted), ever);
    }
  }

  /**
   * ICMP errors are so few (see {@linkcode ICMP_PAUSE_FACTOR}) that the ports of a
   * whole ACK scan may fall short. Clients that ask for closed ports send no ACK.
   */
  #refusedWeight({ flags, destinationPort: port }: Segment): number {
    const isProbe = flags !== UNKNOWN_FLAGS && (flags & TCP_ACK) !== 0;
    return isProbe ? this.#rule.privilegedWeight : this.#weight(port);
  }

  // What both lead to.

  #weight(port: number): number {
    return this.#rule.weight(port);
  }

  #findSource(segment: Segment): number {
    const { key } = this.#rule;
    key.ofSource(segment);
    return this.#table.find(key.w0, key.w1, key.w2, key.w3);
  }

  /**
   * Counts the probe.
   *
   * @param weight What its port weighs.
   * @param ever Flags that it may have had; those it surely had are its own.
   */
  #count(rule: Rule, notice: Notice, weight: number, ever: number): void {
    const probe = this.#probe;
    const table = this.#table;
    const { time, destinationPort: port } = probe;
    const entry = this.#findSource(probe);
    const pause = this.#scanDelay * notice.pauses;
    if (entry < 0 || table.isOutdated(entry, time, pause)) {
      if (entry >= 0) this.expired(entry);
      this.#open(entry, rule, notice, weight, ever);
      return;
    }
    if (table.hasPort(entry, port)) return this.repeated(entry, probe);
    table.renew(entry, time);
    if (table.weight(entry) >= this.#rule.threshold) {
      return this.further(entry, probe);
    }
    table.mergeKnownFlags(entry, probe.flags, ever);
    table.mergeChanges(entry, probe);
    if (!notice.hasHeader) table.forgetHeader(entry);
    if (table.addWeight(entry, weight) >= this.#rule.threshold) {
      this.#complete(entry, probe, rule);
    } else table.addPort(entry, port);
  }

  #open(
    outdated: number,
    rule: Rule,
    notice: Notice,
    weight: number,
    ever: number,
  ): void {
    const probe = this.#probe;
    const table = this.#table;
    const { key } = this.#rule;
    let entry = outdated;
    if (entry < 0) {
      key.ofSource(probe);
      entry = table.insert(key.w0, key.w1, key.w2, key.w3, probe.time);
    }
    table.open(entry, probe, weight);
    table.mergeKnownFlags(entry, probe.flags, ever);
    if (rule === "udp" || rule === "sctp") table.setProtocol(entry, rule);
    if (!notice.hasHeader) table.forgetHeader(entry);
  }

  /** A packet of the classic rule has completed a scan. */
  completed(entry: number, segment: Segment): void {
    this.#complete(entry, segment, "classic");
  }

  #complete(entry: number, segment: Segment, rule: Rule): void {
    const { time } = segment;
    if (this.#slow?.isToldOrForgotten(entry, time)) return;
    const table = this.#table;
    const scan = describeScan(table, entry, segment, this.#ipv6Prefix);
    scan.rule = rule;
    if (rule === "sweep") scan.otherDestinations = true;
    else table.addPort(entry, segment.destinationPort); // it may answer yet
    const pause = this.#scanDelay *
      (rule === "classic" ? 1 : ICMP_PAUSE_FACTOR);
    const completion = { scan, table, entry, time, pause };
    const hold = this.#holdOf(entry, rule);
    this.#held.add(completion, probeSignature(segment), hold);
    const followed = this.#reporter.followed.of(table, entry);
    if (followed !== undefined) followed.weight = table.weight(entry);
    this.#setDeadline();
  }

  /** How long a scan waits until it is told, in milliseconds. */
  #holdOf(entry: number, rule: Rule): number {
    if (WAITING_RULES.includes(rule)) return RECONNECT_MS;
    return this.#table.isShared(entry) ? LOCKSTEP_MS : this.#answerDelay;
  }

  #slowCompleted(
    table: SourceTable,
    entry: number,
    probe: Segment,
  ): void {
    const scan = describeScan(table, entry, probe, this.#ipv6Prefix);
    scan.rule = "slow";
    const { time } = probe;
    this.#reporter.tell({ scan, table, entry, time, pause: SLOW_PAUSE_MS });
    this.#setDeadline();
  }

  /** A scan that is complete goes on. */
  #goesOn(entry: number, segment: Segment): void {
    const followed = this.#reporter.followed.of(this.#table, entry);
    if (followed === undefined) return;
    const isNew = followed.follow(segment);
    // A packet of a sweep goes to a further host, or once more to a silent one.
    if (isNew || followed.scan.rule === "sweep") {
      followed.weight += this.#weight(segment.destinationPort);
    }
    this.#lockstep.note(followed, segment);
  }

  #setDeadline(): void {
    this.deadline = Math.min(
      this.#held.deadline,
      this.#lockstep.deadline,
      this.#reporter.deadline,
    );
  }

  /** Does what is due. */
  settle(time: number): void {
    this.#held.settle(time);
    this.#lockstep.settle(time);
    this.#reporter.settle(time);
    this.#setDeadline();
  }

  /** Tells all that is left at the end of the packets. */
  finish(): void {
    this.#held.finish();
    this.#table.forgetAll();
    this.#lockstep.finish();
    this.#reporter.finish();
    this.#setDeadline();
  }
}
