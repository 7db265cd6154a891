/**
 * Traffic between peers and our hosts: packets with their times, which a
 * detector then sees in order of time.
 *
 * @module
 */

import {
  AddressSet,
  Detector,
  type DetectorOptions,
  formatReport,
  Packet,
  type Report,
  type SegmentInit,
} from "../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_RAW,
  PROTOCOL_SCTP,
  PROTOCOL_UDP,
  SCTP_ABORT,
  SCTP_INIT,
  SCTP_INIT_ACK,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
} from "../../library/packet.ts";
import {
  concat,
  cooked,
  icmpUnreachable,
  ipv4,
  START,
  udp,
} from "../packets.ts";
import { seeded } from "../random.ts";
import { segmentAt } from "./segments.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Linux's type of a packet that this host sent (linux/if_packet.h). */
const OUTGOING = 4;
const INCOMING = 0;
const IPV4 = Uint8Array.from([0x08, 0x00]);
const ICMP = 1;
/** The sequence number of our hosts' SYN-ACKs. */
const SERVER_SEQUENCE = 5_000;

/** The TCP flags of each technique's probes. */
export const TCP_TECHNIQUES = {
  syn: TCP_SYN,
  fin: TCP_FIN,
  null: 0,
  xmas: TCP_FIN | TCP_PSH | TCP_URG,
  maimon: TCP_FIN | TCP_ACK,
  ack: TCP_ACK,
  window: TCP_ACK,
} as const;

/** A way to scan. */
export type Technique = keyof typeof TCP_TECHNIQUES | "udp" | "sctp";

/** All of them. */
export const TECHNIQUES: readonly Technique[] = [
  "syn",
  "fin",
  "null",
  "xmas",
  "maimon",
  "ack",
  "window",
  "udp",
  "sctp",
];

/** How a host meets a probe. */
export type Fate = "refused" | "silent" | "open";

/** A packet. */
export interface Sent {
  /** When it is seen, in milliseconds from the start. */
  time: number;
  segment: Omit<SegmentInit, "time">;
  /** Set if the packet is an ICMP error of ours that quotes this datagram. */
  isQuoted?: boolean;
}

/** Two ends of a conversation, and when it begins. */
export interface Ends {
  source: string;
  sourcePort: number;
  host: string;
  port: number;
  time: number;
  /** How much later our host answers, in milliseconds [0.2]. */
  delay?: number;
}

/** Who scans, unless a test says otherwise. */
export const SCANNER = "192.0.2.66";
/** Who is scanned then. */
export const HOST = "198.51.100.2";

/** The scanner and a port of the host. */
export function ends(init: Partial<Ends> = {}): Ends {
  return {
    ...{ source: SCANNER, sourcePort: 50_000, host: HOST, port: 22, time: 0 },
    ...init,
  };
}

/** How a connection ends; `stays`: it does not. */
export type Ending = "fin" | "reset" | "abort" | "stays";

/** Packets to be seen. */
export class Traffic {
  readonly packets: Sent[] = [];

  /** The peer sends. */
  receive(ends: Ends, init: Partial<SegmentInit> = {}, after = 0): void {
    this.packets.push({
      time: ends.time + after,
      segment: {
        source: ends.source,
        sourcePort: ends.sourcePort,
        destination: ends.host,
        destinationPort: ends.port,
        flags: TCP_SYN,
        direction: DIRECTION_IN,
        ...init,
      },
    });
  }

  /** Our host sends. */
  send(ends: Ends, init: Partial<SegmentInit> = {}, after = 0): void {
    this.packets.push({
      time: ends.time + after,
      segment: {
        source: ends.host,
        sourcePort: ends.port,
        destination: ends.source,
        destinationPort: ends.sourcePort,
        flags: TCP_ACK,
        direction: DIRECTION_OUT,
        ...init,
      },
    });
  }

  /** Our host refuses a datagram by ICMP. */
  unreachable(ends: Ends, after: number): void {
    this.receive(ends, { protocol: PROTOCOL_UDP, flags: 0 }, after);
    this.packets[this.packets.length - 1].isQuoted = true;
  }

  /** The watched host itself sends a datagram, and is refused by ICMP. */
  refusedBy(ends: Ends, after: number): void {
    const datagram = { protocol: PROTOCOL_UDP, flags: 0 };
    this.receive(ends, { ...datagram, direction: DIRECTION_OUT });
    this.unreachable(ends, after);
    this.packets[this.packets.length - 1].segment.direction = DIRECTION_OUT;
  }

  /** A probe, and what our host says to it. */
  probe(technique: Technique, fate: Fate, ends: Ends): void {
    if (technique === "udp") this.#datagram(fate, ends);
    else if (technique === "sctp") this.#association(fate, ends);
    else this.#segment(TCP_TECHNIQUES[technique], fate, ends);
  }

  #segment(flags: number, fate: Fate, ends: Ends): void {
    const delay = ends.delay ?? 0.2;
    const sequence = 1_000 + ends.port;
    this.receive(ends, { flags, sequence, window: 1024 });
    if (fate === "silent") return;
    if (fate === "open" && flags === TCP_SYN) {
      this.#synAck(ends, sequence, delay);
      this.receive(ends, { flags: TCP_RST, sequence: sequence + 1 }, 2 * delay);
      return;
    }
    // RFC 9293, 3.10.7.1: a bare RST to what has ACK; open ports drop the rest.
    if ((flags & TCP_ACK) !== 0) this.send(ends, { flags: TCP_RST }, delay);
    else if (fate === "refused") this.#refuse(ends, sequence, delay);
  }

  #refuse(ends: Ends, sequence: number, delay: number): void {
    const acknowledgement = sequence + 1;
    this.send(ends, { flags: TCP_RST | TCP_ACK, acknowledgement }, delay);
  }

  #synAck(ends: Ends, sequence: number, delay: number): void {
    this.send(ends, {
      flags: TCP_SYN | TCP_ACK,
      sequence: SERVER_SEQUENCE,
      acknowledgement: sequence + 1,
    }, delay);
  }

  #datagram(fate: Fate, ends: Ends): void {
    const datagram = { protocol: PROTOCOL_UDP, flags: 0 };
    const delay = ends.delay ?? 0.2;
    this.receive(ends, datagram);
    if (fate === "refused") this.unreachable(ends, delay);
    if (fate === "open") this.send(ends, datagram, delay);
  }

  #association(fate: Fate, ends: Ends): void {
    const protocol = PROTOCOL_SCTP;
    const delay = ends.delay ?? 0.2;
    this.receive(ends, { protocol, flags: SCTP_INIT });
    if (fate === "silent") return;
    const flags = fate === "open" ? SCTP_INIT_ACK : SCTP_ABORT;
    this.send(ends, { protocol, flags }, delay);
  }

  /**
   * A connection that our host accepts.
   *
   * @param ending How it ends: by both FINs, by the peer's RST with ACK, by its
   * bare RST, or not.
   * @param length How long it lasts, in milliseconds.
   */
  connect(ends: Ends, ending: Ending = "fin", length = 50): void {
    const sequence = 7_000 + ends.sourcePort;
    const delay = ends.delay ?? 0.2;
    const acknowledgement = SERVER_SEQUENCE + 1;
    this.receive(ends, { sequence, window: 8192 });
    this.#synAck(ends, sequence, delay);
    const end = Math.max(length, 2 * delay);
    if (ending === "abort") {
      this.receive(ends, { flags: TCP_RST, sequence: sequence + 1 }, end);
      return;
    }
    const data = { acknowledgement, sequence: sequence + 1 };
    this.receive(ends, { ...data, flags: TCP_ACK }, 2 * delay);
    if (ending === "reset") {
      this.receive(ends, { ...data, flags: TCP_RST | TCP_ACK }, end);
    } else if (ending === "fin") {
      this.receive(ends, { ...data, flags: TCP_FIN | TCP_ACK }, end);
      this.send(ends, {
        flags: TCP_FIN | TCP_ACK,
        sequence: acknowledgement,
        acknowledgement: sequence + 2,
      }, end + delay);
    }
  }

  /** A SYN that our host refuses, as while a service restarts. */
  refuse(ends: Ends): void {
    const sequence = 7_000 + ends.sourcePort;
    this.receive(ends, { sequence, window: 8192 });
    this.#refuse(ends, sequence, ends.delay ?? 0.2);
  }

  /** Adds other traffic. */
  add(...others: Traffic[]): this {
    for (const { packets } of others) {
      for (const packet of packets) this.packets.push(packet);
    }
    return this;
  }
}

/** What a detector made of traffic. */
export interface Found {
  /** Each (source, rule) found, as "source rule". */
  decisions: Set<string>;
  reports: Report[];
  /** The lines, in UTC. */
  lines: string[];
  detector: Detector;
}

/** Lets a detector see traffic in order of time; no limit to what it reports. */
export function watch(
  traffic: Traffic,
  options: DetectorOptions = {},
): Found {
  const reports: Report[] = [];
  const detector = new Detector(
    (report) => reports.push(report),
    { random: seeded(1), sources: 1024, logBurst: 0, ...options },
  );
  // The order of packets of one time is that in which they were sent.
  const packets = [...traffic.packets].sort((a, b) => a.time - b.time);
  for (const packet of packets) give(detector, packet);
  detector.advance(START + (packets.at(-1)?.time ?? 0) + 10 * SECOND);
  detector.finish();
  const lines = reports.map((report) => formatReport(report, { utc: true }));
  const decisions = new Set(reports.flatMap(decisionsOf));
  return { decisions, reports, lines, detector };
}

function give(detector: Detector, { time, segment, isQuoted }: Sent): void {
  const at = START + time;
  if (!isQuoted) detector.segment(segmentAt(segment, at));
  else detector.packet(unreachable(segment, at));
}

function unreachable(quoted: Sent["segment"], time: number): Packet {
  const { source, destination } = quoted;
  const datagram = ipv4(udp(quoted), {
    source,
    destination,
    protocol: PROTOCOL_UDP,
  });
  const error = ipv4(icmpUnreachable(datagram), {
    source: destination,
    destination: source,
    protocol: ICMP,
  });
  const isKnown = quoted.direction !== DIRECTION_UNKNOWN;
  const way = quoted.direction === DIRECTION_OUT ? INCOMING : OUTGOING;
  const bytes = isKnown ? concat(cooked(way, IPV4), error) : error;
  const packet = new Packet();
  packet.linkType = isKnown ? LINKTYPE_LINUX_SLL : LINKTYPE_RAW;
  packet.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  packet.length = bytes.length;
  packet.time = packet.wallTime = time;
  return packet;
}

function decisionsOf(report: Report): string[] {
  switch (report.type) {
    case "scan":
      return [`${report.source} ${report.rule}`];
    case "decoys":
      return report.names.map((name) => `${name} ${report.scan.rule}`);
    case "shared":
      return [`${report.network} shared`];
    default:
      return [];
  }
}

/** A set of addresses and networks. */
export function hosts(...texts: string[]): AddressSet {
  return AddressSet.from(texts);
}

/** The `index`th address from a network's first on, by two octets. */
export function address(network: string, index: number): string {
  return `${network}.${(index >>> 8) & 0xff}.${index & 0xff}`;
}
