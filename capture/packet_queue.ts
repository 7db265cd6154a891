/**
 * Packets that wait for their turn, copied out of the buffer they stood in.
 *
 * @module
 */

import { type Direction, Packet } from "../detect/packet/packet.ts";

/** Numbers kept of a packet. */
const FIELDS = 8;
const SMALLEST_BYTES = 4096;
const SMALLEST_PACKETS = 32;

/** A queue that is filled, emptied, and only then filled again. */
export class PacketQueue {
  readonly #packet = new Packet();
  #bytes = new Uint8Array(SMALLEST_BYTES);
  #used = 0;
  /** Time, wall time, offset, lengths, link type, direction, interface. */
  #fields = new Float64Array(FIELDS * SMALLEST_PACKETS);
  #count = 0;
  #next = 0;

  constructor() {
    this.#packet.view = new DataView(this.#bytes.buffer);
  }

  /** Whether no packet is left. */
  get isEmpty(): boolean {
    return this.#next === this.#count;
  }

  /** The next packet's time. Only if there is one. */
  get time(): number {
    return this.#fields[this.#next * FIELDS];
  }

  /** Copies a packet to the end. */
  push(packet: Packet): void {
    if (this.isEmpty) this.#next = this.#count = this.#used = 0;
    this.#reserve(packet.length);
    const { view, offset, length } = packet;
    this.#bytes.set(
      new Uint8Array(view.buffer, view.byteOffset + offset, length),
      this.#used,
    );
    const at = this.#count++ * FIELDS;
    this.#fields[at] = packet.time;
    this.#fields[at + 1] = packet.wallTime;
    this.#fields[at + 2] = this.#used;
    this.#fields[at + 3] = length;
    this.#fields[at + 4] = packet.originalLength;
    this.#fields[at + 5] = packet.linkType;
    this.#fields[at + 6] = packet.direction;
    this.#fields[at + 7] = packet.interfaceIndex;
    this.#used += length;
  }

  /** Takes the next packet, good until the next call. Only if there is one. */
  shift(): Packet {
    const packet = this.#packet;
    const fields = this.#fields;
    const at = this.#next++ * FIELDS;
    packet.time = fields[at];
    packet.wallTime = fields[at + 1];
    packet.offset = fields[at + 2];
    packet.length = fields[at + 3];
    packet.originalLength = fields[at + 4];
    packet.linkType = fields[at + 5];
    packet.direction = fields[at + 6] as Direction;
    packet.interfaceIndex = fields[at + 7];
    return packet;
  }

  #reserve(length: number): void {
    const needed = this.#used + length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, needed));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
      this.#packet.view = new DataView(grown.buffer);
    }
    if ((this.#count + 1) * FIELDS > this.#fields.length) {
      const grown = new Float64Array(2 * this.#fields.length);
      grown.set(this.#fields);
      this.#fields = grown;
    }
  }
}
