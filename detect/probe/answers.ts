/**
 * What the host has answered: which of its ports are open, and which of its
 * SYN|ACKs are waiting for somebody who can prove to have got them.
 *
 * @module
 */

import { AddressHash } from "../hash.ts";
import {
  PROTOCOL_TCP,
  type Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
} from "../packet/segment.ts";
import { ANSWERED, SEEN, toWord, VERIFIED } from "../table/records.ts";

/** SYN|ACKs remembered: those of a third of a second at 100,000 a second. */
const PENDING_BITS = 15;
/** So long after our SYN|ACK a source can prove that it got it, in milliseconds. */
const PROVABLE_MS = 60_000;
/** Whoever guesses is refused after so many wrong numbers. */
const WRONG_GUESSES = 3;
// Words of a remembered SYN|ACK.
const CHECK = 0;
const SEQUENCE = 1;
const ACKNOWLEDGEMENT = 2;
const TIME = 3;
const GUESSES = 4;
/** The sequence number of our FIN, or of the SYN|ACK as long as there is none. */
const LAST = 5;
const WORDS = 6;

/** Remembers what the host itself has sent; all of it takes 800 KiB. */
export class Answers {
  readonly #pending = new Int32Array(WORDS << PENDING_BITS);
  /** A byte of each one's check, near enough for most that look in vain. */
  readonly #checks = new Uint8Array(1 << PENDING_BITS);
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
    return this.#pending.byteLength + this.#checks.byteLength;
  }

  /** Remembers a SYN|ACK that the host sends. */
  remember(segment: Segment): void {
    this.#isEmpty = false;
    const { destination0, destination1, destination2, destination3 } = segment;
    this.#hash.of(destination0, destination1, destination2, destination3);
    const slot = this.#slot(segment.destinationPort, segment.sourcePort);
    const at = slot * WORDS;
    this.#checks[slot] = this.#hash.tag & 0xff;
    this.#pending[at + CHECK] = this.#hash.tag;
    this.#pending[at + SEQUENCE] = this.#pending[at + LAST] = segment.sequence;
    this.#pending[at + ACKNOWLEDGEMENT] = segment.acknowledgement;
    this.#pending[at + TIME] = toWord(segment.time);
    this.#pending[at + GUESSES] = 0;
  }

  /** Remembers a FIN that the host sends: its peer may acknowledge it instead. */
  rememberEnd(segment: Segment): void {
    const { destination0, destination1, destination2, destination3 } = segment;
    this.#hash.of(destination0, destination1, destination2, destination3);
    const slot = this.#slot(segment.destinationPort, segment.sourcePort);
    if (!this.#isFilled(slot)) return;
    const at = slot * WORDS;
    this.#pending[at + LAST] = segment.sequence;
  }

  #slot(peerPort: number, localPort: number): number {
    const ports = Math.imul((peerPort << 16) | localPort, this.#portFactor);
    const mixed = Math.imul(this.#hash.bucket ^ ports, this.#portFactor);
    return mixed >>> (32 - PENDING_BITS);
  }

  /** Whether a slot is that of the peer whose address was hashed last. */
  #isFilled(slot: number): boolean {
    const { tag } = this.#hash;
    return this.#checks[slot] === (tag & 0xff) &&
      this.#pending[slot * WORDS + CHECK] === tag;
  }

  /**
   * How sure an incoming FIN or RST makes it that its source is no forgery:
   * {@linkcode VERIFIED} if it acknowledges the sequence number of a SYN|ACK of
   * ours, or of the FIN after it, which a forger never saw; {@linkcode ANSWERED} for a bare RST with the number that we asked for, which the forger
   * chose; else {@linkcode SEEN}.
   */
  standingOf(segment: Segment): number {
    const { flags, protocol } = segment;
    const isClosing = (flags & (TCP_FIN | TCP_RST)) !== 0;
    if (this.#isEmpty || protocol !== PROTOCOL_TCP || !isClosing) return SEEN;
    const { source0, source1, source2, source3 } = segment;
    this.#hash.of(source0, source1, source2, source3);
    const slot = this.#slot(segment.sourcePort, segment.destinationPort);
    if (!this.#isFilled(slot)) return SEEN;
    const pending = this.#pending;
    const at = slot * WORDS;
    if ((flags & TCP_ACK) !== 0) {
      return this.#isProof(at, segment) ? VERIFIED : SEEN;
    }
    const isRight = segment.sequence === pending[at + ACKNOWLEDGEMENT];
    return (flags & TCP_RST) !== 0 && isRight ? ANSWERED : SEEN;
  }

  /** Whether a segment acknowledges our SYN|ACK, in time and not by guessing. */
  #isProof(at: number, segment: Segment): boolean {
    const pending = this.#pending;
    if (pending[at + GUESSES] >= WRONG_GUESSES) return false;
    const now = toWord(segment.time);
    if (((now - pending[at + TIME]) >>> 0) > PROVABLE_MS) return false;
    const before = (segment.acknowledgement - 1) | 0;
    if (before === pending[at + SEQUENCE] || before === pending[at + LAST]) {
      return true;
    }
    pending[at + GUESSES]++;
    return false;
  }
}
