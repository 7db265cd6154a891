/**
 * What the host has answered: which of its ports are open, and which of its
 * SYN|ACKs are waiting for somebody who can prove to have got them.
 *
 * @module
 */

import { AddressHash } from "./hash.ts";
import {
  PROTOCOL_TCP,
  type Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
} from "./segment.ts";
import { ANSWERED, SEEN, VERIFIED } from "./sources.ts";

const PORTS = 65_536;
/** SYN|ACKs remembered: those of a third of a second at 100,000 a second. */
const PENDING_BITS = 15;
/**
 * What a server may have said before its peer hangs up, in bytes: a greeting, or
 * a FIN, which takes a number as well. The more, the easier to guess: of 4 million
 * forged segments one would pass.
 */
const GREETING = 1024;
// Words of a remembered SYN|ACK.
const CHECK = 0;
const SEQUENCE = 1;
const ACKNOWLEDGEMENT = 2;
const WORDS = 3;

/** Remembers what the host itself has sent; all of it takes 400 KiB. */
export class Answers {
  readonly #used = new Uint32Array(PORTS / 32);
  readonly #pending = new Int32Array(WORDS << PENDING_BITS);
  /** Whether there is nothing to look for: files mostly hold no answers. */
  #isEmpty = true;
  readonly #hash: AddressHash;
  readonly #portFactor: number;

  /** @param random A source of secrets: 32 random bits at each call. */
  constructor(random: () => number) {
    this.#hash = new AddressHash(random);
    this.#portFactor = random() | 1;
  }

  /** The memory that it takes, in bytes. */
  get byteLength(): number {
    return this.#used.byteLength + this.#pending.byteLength;
  }

  /**
   * Remembers that the host has connections at a port of its own: it accepted
   * one there, opened one from there, or ended one. Whatever it refuses there later on may
   * belong to them.
   */
  markUsed(port: number): void {
    this.#used[port >>> 5] |= 1 << port;
  }

  /** Whether the host had connections at a port since the start. */
  isUsed(port: number): boolean {
    return (this.#used[port >>> 5] & (1 << port)) !== 0;
  }

  /** Remembers a SYN|ACK that the host sends. */
  remember(segment: Segment): void {
    this.#isEmpty = false;
    const { destination0, destination1, destination2, destination3 } = segment;
    this.#hash.of(destination0, destination1, destination2, destination3);
    const at = this.#slot(segment.destinationPort, segment.sourcePort);
    this.#pending[at + CHECK] = this.#hash.tag;
    this.#pending[at + SEQUENCE] = segment.sequence;
    this.#pending[at + ACKNOWLEDGEMENT] = segment.acknowledgement;
  }

  #slot(peerPort: number, localPort: number): number {
    const ports = Math.imul((peerPort << 16) | localPort, this.#portFactor);
    const mixed = Math.imul(this.#hash.bucket ^ ports, this.#portFactor);
    return (mixed >>> (32 - PENDING_BITS)) * WORDS;
  }

  /**
   * How sure an incoming FIN or RST makes it that its source is no forgery:
   * {@linkcode VERIFIED} if it acknowledges the sequence number of a SYN|ACK of
   * ours, or what the server said next, which a forger never saw; {@linkcode
   * ANSWERED} for a bare RST with the number that we asked for, which the forger
   * chose; else {@linkcode SEEN}.
   */
  standingOf(segment: Segment): number {
    const { flags, protocol } = segment;
    const isClosing = (flags & (TCP_FIN | TCP_RST)) !== 0;
    if (this.#isEmpty || protocol !== PROTOCOL_TCP || !isClosing) return SEEN;
    const { source0, source1, source2, source3 } = segment;
    this.#hash.of(source0, source1, source2, source3);
    const at = this.#slot(segment.sourcePort, segment.destinationPort);
    const pending = this.#pending;
    if (pending[at + CHECK] !== this.#hash.tag) return SEEN;
    if ((flags & TCP_ACK) !== 0) {
      const said = segment.acknowledgement - pending[at + SEQUENCE] - 1;
      return said >>> 0 < GREETING ? VERIFIED : SEEN;
    }
    const isRight = segment.sequence === pending[at + ACKNOWLEDGEMENT];
    return (flags & TCP_RST) !== 0 && isRight ? ANSWERED : SEEN;
  }
}
