/**
 * From packets to segments: decodes each, puts fragments together, and counts
 * what nobody looks at.
 *
 * @module
 */

import type { Counters } from "./counters.ts";
import { datagramsFor, HeaderReassembler } from "./packet/fragments.ts";
import { FRAME_DAMAGED, FRAME_TOO_DEEP } from "./packet/frame.ts";
import { type DecoderOptions, HeaderDecoder } from "./packet/headers.ts";
import { IP_PROTOCOLS, type PacketKinds } from "./packet/kinds.ts";
import { findNetworkHeader, isLoopbackFrame } from "./packet/link.ts";
import {
  DAMAGED,
  DECODED,
  FRAGMENT,
  IP_PROTOCOL,
  OTHER_PROTOCOL,
  type Outcome,
  REFUSAL,
  TOO_DEEP,
  UNREADABLE,
} from "./packet/outcome.ts";
import type { Packet } from "./packet/packet.ts";
import { LINKTYPE_PROBE, probeHost, readProbe } from "./packet/probe_packet.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP, Segment } from "./packet/segment.ts";
import { isImpossibleSource, LOOPBACK_INTERFACE } from "./probe/impossible.ts";
import type { Ownership } from "./probe/ownership.ts";
import type { Settings } from "./settings.ts";

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
const OK = DECODED;
const UDP = PROTOCOL_UDP;
const PROBE = LINKTYPE_PROBE;
/** What cannot be read counts as little as a port that nobody needs privilege for. */
const FIRST_HIGH_PORT = 0x8000;
/** Of a millisecond: copies of a packet come within one. */
const MOMENTS = 16;

/** Takes what packets hold. */
export interface SegmentHandler {
  /** Takes a decoded segment, or a packet of another IP protocol. */
  segment(segment: Segment): void;
  /** Takes an ICMP error and what it quotes. */
  refusal(error: Segment, quoted: Segment): void;
  /** Takes a probe that another host has judged, and which one. */
  judged(probe: Segment, host: number): void;
  /** Whether it looks at a packet without ports. */
  concerns(segment: Segment): boolean;
  /** Whether one of another IP protocol may be a probe, or its answer. */
  mayProbe(segment: Segment): boolean;
}

/** What an intake needs to be told. */
export interface IntakeOptions extends DecoderOptions {
  settings: Settings;
  /** A source of 32 random bits for the hash keys. */
  random: () => number;
}

/** Whom packets go to, and who counts them. */
export interface IntakeParts {
  handler: SegmentHandler;
  ownership: Ownership;
  counters: Counters;
  kinds: PacketKinds;
}

/** Makes segments of packets. */
export class Intake {
  readonly #handler: SegmentHandler;
  readonly #ownership: Ownership;
  readonly #counters: Counters;
  readonly #kinds: PacketKinds;
  readonly #segment = new Segment();
  readonly #decoder: HeaderDecoder;
  readonly #reassembler: HeaderReassembler;

  constructor(
    options: IntakeOptions,
    { handler, ownership, counters, kinds }: IntakeParts,
  ) {
    this.#handler = handler;
    this.#ownership = ownership;
    this.#counters = counters;
    this.#kinds = kinds;
    this.#decoder = new HeaderDecoder(this.#segment, options);
    this.#reassembler = new HeaderReassembler(
      options.random,
      (protocol, header) => this.#reassembled(protocol, header),
      datagramsFor(options.settings.sources),
    );
  }

  /** The memory for fragments, in bytes. */
  get byteLength(): number {
    return this.#reassembler.byteLength;
  }

  /** Datagrams forgotten early. */
  get evicted(): number {
    return this.#reassembler.evicted;
  }

  /** Decodes a packet. */
  packet(packet: Packet): void {
    this.#counters.packets++;
    const start = findNetworkHeader(packet);
    if (start < 0) {
      if (packet.linkType === PROBE) this.#judged(packet);
      else this.#countFrame(start);
      return;
    }
    const segment = this.#segment;
    const { view, offset, length } = packet;
    segment.time = packet.time;
    segment.wallTime = packet.wallTime;
    segment.direction = packet.direction;
    segment.interfaceIndex = packet.interfaceIndex;
    const missing = Math.max(0, packet.originalLength - length);
    const end = offset + length;
    const outcome = this.#decoder.decode(view, start, end, missing);
    if (segment.source3 === segment.destination3) this.#lookInside(packet);
    if (this.#decoder.fragment.isFragment) this.#fragment(view, outcome);
    else if (outcome === OK) this.#handler.segment(segment);
    else this.#other(outcome);
  }

  /** A host that talks to itself does so over the loopback interface. */
  #lookInside(packet: Packet): void {
    const isKnown = packet.interfaceIndex !== 0;
    if (isKnown || !isLoopbackFrame(packet)) return;
    this.#segment.interfaceIndex = LOOPBACK_INTERFACE;
  }

  /** What is no segment and no fragment. */
  #other(outcome: Outcome): void {
    const segment = this.#segment;
    if (outcome === REFUSAL) {
      this.#counters.refusals++;
      this.#handler.refusal(segment, this.#decoder.quoted);
    } else if (outcome === UNREADABLE) this.#unreadable();
    else if (outcome === IP_PROTOCOL && this.#handler.mayProbe(segment)) {
      this.#handler.segment(segment);
    } else this.#countLost(outcome);
  }

  #judged({ view, offset, time, wallTime }: Packet): void {
    const segment = this.#segment;
    readProbe(view, offset, segment);
    segment.time = time;
    segment.wallTime = wallTime;
    this.#handler.judged(segment, probeHost(view, offset));
  }

  #countFrame(start: number): void {
    const counters = this.#counters;
    if (start === FRAME_DAMAGED) counters.damaged++;
    else if (start === FRAME_TOO_DEEP) counters.tooDeep++;
    else {
      counters.otherProtocols++;
      this.#kinds.countFrame(start);
    }
  }

  /** A fragment's header comes back through the reassembler. */
  #fragment(view: DataView, outcome: Outcome): void {
    this.#counters.fragments++;
    const { fragment } = this.#decoder;
    const segment = this.#segment;
    if (outcome !== DECODED && outcome !== FRAGMENT) {
      const mayBeRead = outcome === UNREADABLE && fragment.isKept;
      if (mayBeRead && this.#isOfUse(segment)) this.#unreadable();
      else this.#countLost(outcome);
      return;
    }
    const isWhole = outcome === DECODED;
    if (!fragment.isKept || !this.#isOfUse(segment)) {
      if (isWhole) this.#handler.segment(segment);
      return;
    }
    // Ports of UDP, and those behind extension headers, stand in one fragment.
    const isAlone = fragment.hasExtensions || segment.protocol === UDP;
    if (isWhole && isAlone) this.#handler.segment(segment);
    else this.#reassembler.add(segment, fragment, view);
  }

  /**
   * Whether anything may come of a fragment: it goes to us or comes from us, and
   * no host drops it because of its source.
   */
  #isOfUse(segment: Segment): boolean {
    if (isImpossibleSource(segment)) return false;
    return this.#ownership.isWanted(segment) ||
      this.#ownership.comesFromUs(segment);
  }

  #reassembled(protocol: number, header: DataView): void {
    const segment = this.#segment;
    segment.protocol = protocol;
    const { byteLength } = header;
    const outcome = this.#decoder.decodeTransport(header, 0, byteLength);
    if (outcome === DECODED) this.#handler.segment(segment);
    else this.#countLost(outcome);
  }

  #countLost(outcome: Outcome): void {
    const counters = this.#counters;
    if (outcome === DAMAGED) counters.damaged++;
    else if (outcome === TOO_DEEP) counters.tooDeep++;
    else if (outcome === IP_PROTOCOL) {
      counters.otherProtocols++;
      this.#kinds.count(IP_PROTOCOLS, this.#segment.protocol);
    } else if (outcome === OTHER_PROTOCOL || outcome === UNREADABLE) {
      counters.otherProtocols++;
    }
  }

  /**
   * A host reads what stands behind more extension headers than were captured:
   * each such packet may be a probe of another port. Where nothing tells that
   * our host got it, a file that was cut short looks the same.
   */
  #unreadable(): void {
    const segment = this.#segment;
    if (!this.#handler.concerns(segment)) {
      this.#countLost(UNREADABLE);
      return;
    }
    segment.protocol = PROTOCOL_TCP;
    // Any number of datagrams may begin with the same fragment, one after another.
    if (this.#decoder.fragment.isFragment) {
      segment.destinationPort ^= (MOMENTS * segment.time) % FIRST_HIGH_PORT;
    }
    segment.destinationPort |= FIRST_HIGH_PORT;
    segment.flags = segment.sequence = segment.sourcePort = 0;
    this.#handler.segment(segment);
  }
}
