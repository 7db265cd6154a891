/**
 * Sessions with structure: scanners of all kinds, the answers that they get,
 * and what an attacker mixes in to hide them.
 *
 * @module
 */

import type { Direction } from "../../mod.ts";
import { SUPPORTED_LINK_TYPES } from "../../library/packet.ts";
import { type Bytes, FRAGMENTS, kindsOf, NETWORKS } from "../packets.ts";
import { below, pick, type Random } from "../random.ts";
import {
  ABORT,
  COOKIE_ECHO,
  type Envelope,
  FrameWriter,
  type Host,
  ICMP,
  ICMPV6,
  INIT,
  INIT_ACK,
  SCTP,
  TCP,
  UDP,
} from "./frames.ts";
import { DEFAULT_SETTINGS, SessionWriter, SETTINGS } from "./session.ts";

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const FIN_ACK = 0x11;
const SYN_ACK = 0x12;
const RST_ACK = 0x14;
/** Flags of the scans that scanners offer, and those of connections. */
const FLAGS = [SYN, 0x01, 0x00, 0x29, 0x10, 0x11, SYN_ACK, RST, 0x18, 0xc2];

/** A watched host, or one beside it: the number is its last byte. */
function ours(random: Random, number = below(random, 4) * 2): Host {
  return {
    ipv4: (0xc6336400 | number) >>> 0, // 198.51.100.0/24
    ipv6: [0x20010db8, 0xffff0000 | 0, 0, number],
  };
}

/** Somebody else: few, so that they meet again, or of a crowd. */
function stranger(random: Random): Host {
  const number = below(random, below(random, 8) === 0 ? 65_536 : 16);
  const isOdd = below(random, 32) === 0;
  return {
    ipv4: isOdd ? pick(random, ODD_IPV4) : (0xc0000200 + number) >>> 0,
    ipv6: isOdd
      ? pick(random, ODD_IPV6)
      : [0x20010db8, (number << 16) | 1, random() & 3, random() & 7],
  };
}

/** Unspecified, loopback, multicast, broadcast. */
const ODD_IPV4 = [0, 0x7f000001, 0xe0000001, 0xffffffff];
/** The like; link-local; IPv4-mapped. */
const ODD_IPV6: readonly Host["ipv6"][] = [
  [0, 0, 0, 0],
  [0, 0, 0, 1],
  [0xff020000 | 0, 0, 0, 1],
  [0xfe800000 | 0, 0, 0, 7],
  [0, 0, 0xffff, 0xc0000201 | 0],
  [0, 0, 0xffff, 0],
];

/** How ports follow each other. */
function ports(random: Random): () => number {
  let port = random() & 0xffff;
  switch (below(random, 5)) {
    case 0:
      return () => port = (port + 1) & 0xffff;
    case 1:
      return () => below(random, 1024);
    case 2:
      return () => port; // a sweep's
    case 3:
      return () => pick(random, [0, 1, 21, 53, 1023, 1024, 32_767, 65_535]);
    default:
      return () => random() & 0xffff;
  }
}

/** Writes the transport header of a probe; returns its protocol. */
type Probe = (sourcePort: number, destinationPort: number) => number;
/** Writes the answer to the probe, if there is one. */
type Answer = (sourcePort: number, destinationPort: number) => number | void;

/** Somebody who sends packets, and the host that answers at times. */
class Conversation {
  readonly #random: Random;
  readonly #frame: FrameWriter;
  readonly #writer: SessionWriter;
  readonly #version: 4 | 6;
  readonly #linkType: number;
  readonly #source: Host;
  #destination: Host;
  readonly #sourcePort: number;
  readonly #nextPort: () => number;
  readonly #probe: Probe;
  readonly #answer: Answer;
  readonly #icmpCode: number;
  readonly #sequence: number;
  readonly #isSweep: boolean;
  readonly #isSpoofed: boolean;
  /** Who seems to send the same; all but one of them do not. */
  readonly #decoys: readonly Host[];
  readonly #isFragmented: boolean;
  readonly #isUndirected: boolean;
  readonly #pause: number;

  constructor(random: Random, frame: FrameWriter, writer: SessionWriter) {
    this.#random = random;
    this.#frame = frame;
    this.#writer = writer;
    this.#version = below(random, 3) === 0 ? 6 : 4;
    this.#linkType = this.#pickLinkType();
    this.#source = stranger(random);
    this.#destination = ours(random);
    this.#sourcePort = random() & 0xffff;
    this.#nextPort = ports(random);
    this.#sequence = random();
    this.#icmpCode = below(random, 16);
    this.#isSweep = below(random, 8) === 0;
    this.#isSpoofed = below(random, 6) === 0;
    const decoys = below(random, 6) === 0 ? below(random, 40) : 0;
    this.#decoys = Array.from({ length: decoys }, () => stranger(random));
    this.#isFragmented = below(random, 8) === 0;
    this.#isUndirected = below(random, 4) === 0;
    this.#pause = pick(random, [0, 0.125, 1, 10, 2900, 3100]);
    const protocol = pick(random, [TCP, TCP, TCP, UDP, SCTP]);
    this.#probe = this.#pickProbe(protocol);
    this.#answer = this.#pickAnswer(protocol);
  }

  #pickLinkType(): number {
    const random = this.#random;
    if (below(random, 2) === 0) return pick(random, [101, 1, 113]);
    const type = pick(random, SUPPORTED_LINK_TYPES);
    const carries = this.#version === 4 ? type !== 229 : type !== 228;
    return carries ? type : 101;
  }

  #pickProbe(protocol: number): Probe {
    const random = this.#random;
    const frame = this.#frame;
    switch (protocol) {
      case UDP:
        return (from, to) => {
          frame.begin(pick(random, [0, 0, 1, 12, 48]));
          frame.udp(from, to);
          return UDP;
        };
      case SCTP: {
        const type = pick(random, [INIT, INIT, COOKIE_ECHO, ABORT, INIT_ACK]);
        return (from, to) => {
          frame.begin(0);
          this.#sctp(from, to, type);
          return SCTP;
        };
      }
      default: {
        const flags = pick(random, FLAGS);
        const window = pick(random, [0, 1024, 65_535]);
        const isOdd = below(random, 6) === 0;
        return (from, to) => {
          frame.begin(below(random, 8) === 0 ? below(random, 64) : 0);
          if (isOdd) {
            frame.tcp(from, to, random(), random(), random(), random());
          } else frame.tcp(from, to, flags, this.#sequence, 0, window);
          return TCP;
        };
      }
    }
  }

  #sctp(from: number, to: number, type: number): void {
    for (let more = below(this.#random, 3); more > 0; more--) {
      this.#frame.chunk(below(this.#random, 16), below(this.#random, 4) * 4);
    }
    this.#frame.chunk(type, type === INIT || type === INIT_ACK ? 16 : 0);
    this.#frame.sctp(from, to, this.#sequence);
  }

  /** Mostly an answer that fits the probes, at times any. */
  #pickAnswer(protocol: number): Answer {
    const random = this.#random;
    const frame = this.#frame;
    const tcp = (flags: number): Answer => (from, to) => {
      frame.begin(0);
      frame.tcp(to, from, flags, random(), this.#sequence + 1, 0);
      return TCP;
    };
    const sctp = (type: number): Answer => (from, to) => {
      frame.begin(0);
      this.#sctp(to, from, type);
      return SCTP;
    };
    const answers: Record<number, Answer[]> = {
      [TCP]: [tcp(RST_ACK), tcp(RST), this.#shakeHands, this.#refuse],
      [UDP]: [this.#refuse],
      [SCTP]: [sctp(ABORT), sctp(INIT_ACK), this.#refuse],
    };
    if (below(random, 4) === 0) return () => {};
    const fitting = answers[below(random, 8) === 0 ? TCP : protocol];
    return pick(random, fitting);
  }

  /** The port is open; at times the source shows that it has got the answer. */
  readonly #shakeHands: Answer = (from, to) => {
    const random = this.#random;
    const frame = this.#frame;
    const ours = random();
    const next = this.#sequence + 1;
    frame.begin(0);
    frame.tcp(to, from, SYN_ACK, ours, next, 1024);
    this.#send(TCP, this.#envelope(false));
    frame.begin(0);
    const flags = pick(random, [RST, RST_ACK, FIN_ACK, ACK]);
    frame.tcp(from, to, flags, next, ours + 1, 1024);
    this.#send(TCP, this.#envelope(true));
  };

  /** An ICMP error that quotes the probe, more or less of it. */
  readonly #refuse: Answer = (from, to) => {
    const random = this.#random;
    const frame = this.#frame;
    const protocol = this.#probe(from, to);
    frame.ip(this.#envelope(true), protocol);
    if (below(random, 2) === 0) frame.cut(28 + below(random, 32));
    const isIpv4 = this.#version === 4;
    const type = below(random, 8) === 0 ? random() : isIpv4 ? 3 : 1;
    frame.icmp(type, this.#icmpCode);
    return isIpv4 ? ICMP : ICMPV6;
  };

  #envelope(isProbe: boolean): Envelope {
    const [source, destination] = isProbe
      ? [this.#source, this.#destination]
      : [this.#destination, this.#source];
    const direction: Direction = this.#isUndirected ? 0 : isProbe ? 1 : 2;
    return { version: this.#version, source, destination, direction };
  }

  /** Adds a probe and its answer to the session. */
  step(): void {
    const random = this.#random;
    const from = below(random, 8) === 0 ? random() & 0xffff : this.#sourcePort;
    const to = this.#nextPort();
    if (this.#isSweep) this.#destination = ours(random, below(random, 256));
    this.#sendFrom(this.#source, from, to);
    for (const decoy of this.#decoys) this.#sendFrom(decoy, from, to);
    if (this.#isSpoofed) this.#sendFrom(stranger(random), from, to);
    if (below(random, 8) === 0) return;
    const protocol = this.#answer(from, to);
    if (protocol !== undefined) this.#send(protocol, this.#envelope(false));
  }

  #sendFrom(source: Host, from: number, to: number): void {
    this.#send(this.#probe(from, to), { ...this.#envelope(true), source });
  }

  #send(protocol: number, envelope: Envelope): void {
    if (this.#isFragmented) return this.#sendFragments(protocol, envelope);
    this.#frame.ip(envelope, protocol);
    this.#add(envelope);
  }

  /** In pieces: in disorder, twice, overlapping, or not all of them. */
  #sendFragments(protocol: number, envelope: Envelope): void {
    const random = this.#random;
    const frame = this.#frame;
    const payload = frame.bytes().slice();
    const identification = below(random, 4);
    const size = 8 * (1 + below(random, 3));
    for (let n = below(random, 2 + payload.length / size); n >= 0; n--) {
      const position = below(random, payload.length / 8 + 1) * 8;
      const piece = payload.slice(position, position + size);
      if (below(random, 4) === 0 && piece.length > 0) {
        piece[below(random, piece.length)] = random();
      }
      frame.beginWith(piece);
      const isMore = position + size < payload.length;
      frame.fragment(envelope, protocol, identification, position, isMore);
      this.#add(envelope);
    }
  }

  #add(envelope: Envelope): void {
    const random = this.#random;
    const frame = this.#frame;
    frame.link(this.#linkType, envelope);
    if (below(random, 12) === 0) frame.spoil();
    const isOdd = below(random, 64) === 0;
    const step = isOdd ? pick(random, ODD_STEPS) : this.#pause;
    this.#writer.add(frame.packet, step, below(random, 16) === 0);
  }
}

/** Pauses in milliseconds, some of them backwards. */
const ODD_STEPS = [
  ...[8, 2999, 3000, 3001, 6001, 20_001, 60_000, 3_600_000, 86_400_000],
  ...[-1, -3000, -60_000, -86_400_000],
];

/** Packets that the tests describe, each with its link type. */
const MODELS: readonly [linkType: number, Bytes][] = [
  ...kindsOf(NETWORKS),
  ...kindsOf(FRAGMENTS),
].map(({ link, build }) => [link.linkType, build()]);

/** Adds one of the models, with some bytes changed. */
function addModel(
  random: Random,
  frame: FrameWriter,
  writer: SessionWriter,
): void {
  const [linkType, model] = pick(random, MODELS);
  frame.beginWith(model);
  const { packet } = frame;
  packet.linkType = below(random, 16) === 0 ? random() & 0xff : linkType;
  packet.direction = below(random, 3) as Direction;
  packet.length = frame.length;
  packet.offset = packet.view.byteLength - frame.length;
  if (below(random, 8) !== 0) frame.spoil();
  writer.add(packet, below(random, 4), false);
}

/**
 * Makes a session.
 *
 * @param longest How many probes at most; each may bring several packets.
 */
export function makeSession(random: Random, longest = 2048): Bytes {
  const frame = new FrameWriter(random);
  const writer = new SessionWriter();
  writer.begin(makeSettings(random));
  const talks = Array.from(
    { length: 1 + below(random, 6) },
    () => new Conversation(random, frame, writer),
  );
  const steps = below(random, longest >> below(random, 7)) + 1;
  for (let step = 0; step < steps; step++) {
    if (below(random, 16) === 0) addModel(random, frame, writer);
    else pick(random, talks).step();
  }
  return writer.end();
}

/** Mostly the defaults, with a few settings changed. */
function makeSettings(random: Random): number[] {
  const settings = [...DEFAULT_SETTINGS];
  settings[1] = random() & 0xff;
  for (let n = below(random, 5); n > 0; n--) {
    settings[below(random, SETTINGS)] = random() & 0xff;
  }
  return settings;
}
