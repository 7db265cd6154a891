/**
 * Probe records in order of time: what several hosts send over several ways comes
 * a little out of order.
 *
 * @module
 */

import { DIRECTION_IN, Packet } from "../../detect/packet/packet.ts";
import type { PacketHandler } from "../../detect/packet/packet.ts";
import {
  LINKTYPE_PROBE,
  PROBE_BYTES,
} from "../../detect/packet/probe_packet.ts";

/** Records that wait at most, 7 MB; the oldest go before their time. */
const MOST_WAITING = 1 << 17;
const FEWEST_WAITING = 1 << 10;

/** Holds back records until none that is older can come: a binary heap. */
export class ProbeQueue {
  /** Records that came too late, or from the future. */
  late = 0;
  readonly #handler: PacketHandler;
  readonly #lateness: number;
  readonly #now: () => number;
  readonly #packet = new Packet();
  #records = new Uint8Array(FEWEST_WAITING * PROBE_BYTES);
  /** Of each place: the record's time, and its number among all. */
  #times = new Float64Array(FEWEST_WAITING);
  #numbers = new Float64Array(FEWEST_WAITING);
  /** Places, the earliest record's first; behind the heap, those that are free. */
  #heap = Int32Array.from({ length: FEWEST_WAITING }, (_, i) => i);
  #size = 0;
  #count = 0;
  /** The latest record's time; what was handed on last is no later. */
  #latest = -Infinity;
  #handedOn = -Infinity;

  /**
   * @param handler Takes the records as packets.
   * @param lateness How late a record may come, in milliseconds.
   * @param now Tells the time: no record is later.
   */
  constructor(handler: PacketHandler, lateness: number, now: () => number) {
    this.#handler = handler;
    this.#lateness = lateness;
    this.#now = now;
    this.#packet.linkType = LINKTYPE_PROBE;
    this.#packet.direction = DIRECTION_IN;
    this.#packet.length = this.#packet.originalLength = PROBE_BYTES;
    this.#packet.view = new DataView(this.#records.buffer);
  }

  /**
   * Takes a record.
   *
   * @param record Its bytes, which are copied.
   * @param time When the probe came. One that is late is handed on now: its wall
   * time is as early as it says, its time is that of those before it.
   */
  push(record: Uint8Array, time: number): void {
    const own = this.#timeOf(time);
    if (this.#size === MOST_WAITING) this.#handOn();
    if (this.#size === this.#times.length) this.#grow();
    const place = this.#heap[this.#size];
    this.#records.set(record, place * PROBE_BYTES);
    this.#times[place] = own;
    this.#numbers[place] = this.#count++;
    this.#rise(this.#size++, place);
    if (own > this.#latest) this.#latest = own;
    this.advance(this.#latest);
  }

  #timeOf(time: number): number {
    if (time > this.#latest) {
      const now = this.#now();
      if (time <= now + this.#lateness) return time;
      // One clock that is wrong must not make all others late.
      this.late++;
      return Math.max(now, this.#handedOn);
    }
    if (time < this.#latest - this.#lateness) this.late++;
    return time;
  }

  /** Hands on what nothing older can come before, at a time of the records. */
  advance(time: number): void {
    const until = time - this.#lateness;
    while (this.#size > 0 && this.#times[this.#heap[0]] <= until) {
      this.#handOn();
    }
  }

  /**
   * Hands on what is old enough after nothing has come for some milliseconds.
   *
   * @returns After how many more the next is; Infinity: there is none.
   */
  idle(waited: number): number {
    const time = this.#latest + waited;
    this.advance(time);
    if (this.#size === 0) return Infinity;
    return this.#times[this.#heap[0]] + this.#lateness - time;
  }

  /** Hands on the rest. */
  end(): void {
    while (this.#size > 0) this.#handOn();
  }

  #handOn(): void {
    const heap = this.#heap;
    const place = heap[0];
    const last = heap[--this.#size];
    heap[this.#size] = place;
    if (this.#size > 0) this.#sink(last);
    const packet = this.#packet;
    packet.offset = place * PROBE_BYTES;
    packet.wallTime = this.#times[place];
    if (packet.wallTime > this.#handedOn) this.#handedOn = packet.wallTime;
    packet.time = this.#handedOn;
    this.#handler(packet);
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#times[a] - this.#times[b];
    return difference < 0 ||
      (difference === 0 && this.#numbers[a] < this.#numbers[b]);
  }

  #rise(at: number, place: number): void {
    const heap = this.#heap;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(place, heap[above])) break;
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = place;
  }

  #sink(place: number): void {
    const heap = this.#heap;
    const size = this.#size;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= size) break;
      if (below + 1 < size && this.#isBefore(heap[below + 1], heap[below])) {
        below++;
      }
      if (!this.#isBefore(heap[below], place)) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = place;
  }

  #grow(): void {
    const size = this.#times.length;
    const grown = Int32Array.from({ length: 2 * size }, (_, i) => i);
    grown.set(this.#heap);
    this.#heap = grown;
    this.#times = extended(this.#times, new Float64Array(2 * size));
    this.#numbers = extended(this.#numbers, new Float64Array(2 * size));
    this.#records = extended(
      this.#records,
      new Uint8Array(2 * size * PROBE_BYTES),
    );
    this.#packet.view = new DataView(this.#records.buffer);
  }
}

function extended<T extends Uint8Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
