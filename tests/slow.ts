/**
 * What a capture on the watched host sees of scans and of peers over days, as
 * Linux cooked frames, which tell the direction.
 *
 * @module
 */

import {
  type Bytes,
  concat,
  cooked,
  DESTINATION,
  DESTINATION6,
  type FileRecord,
  icmpUnreachable,
  ipv4,
  ipv6,
  NEXT_ICMPV6,
  NEXT_SCTP,
  NEXT_TCP,
  NEXT_UDP,
  pcap,
  sctp,
  SOURCE,
  SOURCE6,
  START,
  tcp,
  udp,
} from "./packets.ts";
import {
  Detector,
  type DetectorOptions,
  Packet,
  type Report,
  type Scan,
} from "../mod.ts";
import { LINKTYPE_LINUX_SLL } from "../library/packet.ts";
import { seeded } from "./random.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** nmap -T1 waits so long between probes, in milliseconds. */
export const T1 = 15 * SECOND;
/** nmap -T0 waits so long between probes, in milliseconds. */
export const T0 = 300 * SECOND;

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const SCTP_INIT = 1;
const SCTP_INIT_ACK = 2;
const SCTP_ABORT = 6;
const ICMP = 1;
/** A host answers so much later, in milliseconds. */
const ANSWER = 0.2;
const EPHEMERAL = 40_000;

/** How the host meets a probe. */
export type Answer = "open" | "refuse" | "drop";

/** A frame, and when it is seen, in milliseconds from the start. */
export interface Frame {
  time: number;
  bytes: Bytes;
}

/** A conversation between a peer and the host. */
export interface Talk {
  /** The peer [SOURCE, or SOURCE6 with `version` 6]. */
  peer?: string;
  /** IP version [4]. */
  version?: 4 | 6;
  /** The peer's port [40000]. */
  peerPort?: number;
  /** The host's port. */
  port: number;
  /** When it begins, in milliseconds from the start. */
  time: number;
  /** How the host meets it [refuse]. */
  answer?: Answer;
}

/** Packets of a talk: `in` goes to the host, `out` comes from it. */
type Put = (direction: "in" | "out", protocol: number, bytes: Bytes) => void;

/** Linux's types of packets (linux/if_packet.h). */
const TYPES = { in: 0, out: 4 } as const;

class Conversation {
  readonly frames: Frame[] = [];
  readonly #talk: Required<Talk>;

  constructor(talk: Talk) {
    const version = talk.version ?? 4;
    this.#talk = {
      peer: version === 4 ? SOURCE : SOURCE6,
      version,
      peerPort: EPHEMERAL,
      answer: "refuse",
      ...talk,
    };
  }

  get answer(): Answer {
    return this.#talk.answer;
  }

  get version(): 4 | 6 {
    return this.#talk.version;
  }

  /** The ports of a packet of the peer's, or of one to it. */
  ports(direction: "in" | "out") {
    const { peerPort, port } = this.#talk;
    return direction === "in"
      ? { sourcePort: peerPort, destinationPort: port }
      : { sourcePort: port, destinationPort: peerPort };
  }

  /** A datagram around a payload. */
  datagram(
    direction: "in" | "out",
    protocol: number,
    payload: Bytes,
  ): Bytes {
    const { peer, version } = this.#talk;
    const host = version === 4 ? DESTINATION : DESTINATION6;
    const ends = direction === "in"
      ? { source: peer, destination: host }
      : { source: host, destination: peer };
    return version === 4
      ? ipv4(payload, { ...ends, protocol })
      : ipv6(payload, { ...ends, next: protocol });
  }

  /** Each packet comes an instant after the one before. */
  put: Put = (direction, protocol, payload) => {
    const etherType = this.version === 4 ? [0x08, 0x00] : [0x86, 0xdd];
    this.frames.push({
      time: this.#talk.time + this.frames.length * ANSWER,
      bytes: concat(
        cooked(TYPES[direction], Uint8Array.from(etherType)),
        this.datagram(direction, protocol, payload),
      ),
    });
  };

  segment(direction: "in" | "out", flags: number, init = {}): void {
    const segment = tcp({ ...this.ports(direction), flags, ...init });
    this.put(direction, NEXT_TCP, segment);
  }

  /** The host refuses a packet of the peer's by ICMP. */
  unreachable(protocol: number, transport: Bytes): void {
    const { version } = this;
    const quoted = this.datagram("in", protocol, transport);
    this.put(
      "out",
      version === 4 ? ICMP : NEXT_ICMPV6,
      icmpUnreachable(quoted, { version }),
    );
  }
}

/** A SYN, and what comes of it in a half-open scan. */
export function halfOpen(talk: Talk): Frame[] {
  const conversation = new Conversation(talk);
  conversation.segment("in", SYN);
  answerSyn(conversation);
  if (conversation.answer === "open") conversation.segment("in", RST);
  return conversation.frames;
}

function answerSyn(conversation: Conversation): void {
  const { answer } = conversation;
  const acknowledgement = 0x01020305;
  if (answer === "refuse") {
    const sequence = 0;
    conversation.segment("out", RST | ACK, { sequence, acknowledgement });
  }
  if (answer === "open") {
    conversation.segment("out", SYN | ACK, { acknowledgement });
  }
}

/** Makes probes with these flags, which a host refuses or drops. */
export function probeWith(flags: number): TalkMaker {
  return (talk) => {
    const conversation = new Conversation(talk);
    conversation.segment("in", flags);
    if (conversation.answer !== "refuse") return conversation.frames;
    // A bare RST refuses what has ACK (RFC 9293, 3.10.7.1).
    if ((flags & ACK) !== 0) conversation.segment("out", RST);
    else conversation.segment("out", RST | ACK, { sequence: 0 });
    return conversation.frames;
  };
}

/**
 * A whole connection, as the kernel's filter shows it: established segments
 * stay outside. One that does not come about is a SYN.
 */
export function connection(talk: Talk): Frame[] {
  const conversation = new Conversation(talk);
  conversation.segment("in", SYN);
  answerSyn(conversation);
  if (conversation.answer === "open") {
    conversation.segment("in", FIN | ACK);
    conversation.segment("out", FIN | ACK);
  }
  return conversation.frames;
}

/** A UDP datagram that the host refuses, or drops. */
export function datagram(talk: Talk): Frame[] {
  const conversation = new Conversation(talk);
  const transport = udp(conversation.ports("in"));
  conversation.put("in", NEXT_UDP, transport);
  if (conversation.answer === "refuse") {
    conversation.unreachable(NEXT_UDP, transport);
  }
  return conversation.frames;
}

/** An SCTP INIT, and what comes of it. */
export function association(talk: Talk): Frame[] {
  const conversation = new Conversation(talk);
  const chunk = { open: SCTP_INIT_ACK, refuse: SCTP_ABORT, drop: undefined };
  conversation.put(
    "in",
    NEXT_SCTP,
    sctp({
      ...conversation.ports("in"),
      chunk: SCTP_INIT,
      payload: new Uint8Array(16),
    }),
  );
  const answer = chunk[conversation.answer];
  if (answer !== undefined) {
    const ports = conversation.ports("out");
    conversation.put("out", NEXT_SCTP, sctp({ ...ports, chunk: answer }));
  }
  return conversation.frames;
}

/** Only what the host sends: a capture may not show what came in. */
export function onlyOutgoing(frames: readonly Frame[]): Frame[] {
  return frames.filter(({ bytes }) => bytes[1] === TYPES.out);
}

/** Makes frames of a talk. */
export type TalkMaker = (talk: Talk) => Frame[];

/** How a scan is timed, and of what kind it is. */
export interface SlowScan extends Omit<Talk, "port" | "time"> {
  ports: readonly number[];
  /** From a probe to the next, in milliseconds. */
  gap: number;
  /** How much longer or shorter a gap may be, from 0 to 1 [0]. */
  jitter?: number;
  /** What a probe is [a half-open one]. */
  make?: TalkMaker;
  /** When it begins [0]. */
  time?: number;
}

/** Probes some ports, one after the other. */
export function slowScan(
  { ports, gap, jitter = 0, make = halfOpen, time = 0, ...talk }: SlowScan,
): Frame[] {
  const random = seeded(7);
  let now = time;
  return ports.flatMap((port) => {
    const frames = make({ ...talk, port, time: now });
    now += gap * (1 + jitter * (random() / 2 ** 31 - 1));
    return frames;
  });
}

/** Frames of several conversations in the order of time. */
export function inOrder(...talks: readonly Frame[][]): Frame[] {
  return talks.flat().sort((a, b) => a.time - b.time);
}

/** A capture file of frames. */
export function fileOf(frames: readonly Frame[]): Bytes {
  const records = frames.map(({ time, bytes }): FileRecord => {
    const micros = Math.round((START + time) * 1_000);
    return {
      seconds: Math.floor(micros / 1e6),
      fraction: micros % 1e6,
      bytes,
    };
  });
  const kind = { littleEndian: true, nanoseconds: false };
  return pcap({ ...kind, linkType: LINKTYPE_LINUX_SLL }, records);
}

/** Gives frames to a detector, as a capture does. */
export function watchFrames(
  detector: Detector,
  frames: Iterable<Frame>,
): void {
  const packet = new Packet();
  packet.linkType = LINKTYPE_LINUX_SLL;
  for (const { time, bytes } of frames) {
    packet.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    packet.length = bytes.length;
    packet.time = packet.wallTime = START + time;
    detector.packet(packet);
  }
}

/** What a detector reports of frames, the ends of scans left out. */
export function reportsOf(
  frames: Iterable<Frame>,
  options: DetectorOptions = {},
): Report[] {
  const reports: Report[] = [];
  const detector = new Detector(
    (report) => reports.push(report),
    { random: seeded(1), sources: 1024, ...options },
  );
  watchFrames(detector, frames);
  detector.finish();
  return reports.filter(({ type }) => type !== "end");
}

/** The scans among reports. */
export function scansOf(reports: readonly Report[]): Scan[] {
  return reports.filter((report) => report.type === "scan");
}
