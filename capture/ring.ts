/**
 * A TPACKET_V3 ring: packets where the kernel put them.
 *
 * @module
 */

import { DIRECTION_IN, DIRECTION_OUT } from "../detect/packet/packet.ts";
import { skipPriorityTags } from "../detect/packet/frame.ts";
import { LINKTYPE_RAW } from "../detect/packet/link.ts";
import { Packet, type PacketHandler } from "../detect/packet/packet.ts";
import { PACKET_OUTGOING } from "../ffi/linux.ts";
import type { CaptureClock } from "./clock.ts";
import type { WatchedInterfaces } from "./interface_patterns.ts";

// struct tpacket_block_desc with struct tpacket_hdr_v1 (linux/if_packet.h).
const BLOCK_STATUS = 8;
const BLOCK_PACKETS = 12;
const BLOCK_FIRST_PACKET = 16;
// struct tpacket3_hdr.
const NEXT_OFFSET = 0;
const SECONDS = 4;
const NANOSECONDS = 8;
const SNAP_LENGTH = 12;
const ORIGINAL_LENGTH = 16;
const STATUS = 20;
const MAC_OFFSET = 24;
/** sockaddr_ll stands behind struct tpacket3_hdr; sll_pkttype in it. */
const PACKET_TYPE = 48 + 10;
const INTERFACE_INDEX = 48 + 4;

const TP_STATUS_KERNEL = 0;
const TP_STATUS_USER = 1;
/** The kernel has taken a VLAN tag off; more of them may stand in the packet. */
const TP_STATUS_VLAN_VALID = 1 << 4;

/** The kernel and the process both write to it, so order matters. */
export interface RingLayout {
  /** Bytes of a block, a multiple of the page size. */
  blockSize: number;
  /** Blocks in the ring. */
  blockCount: number;
}

/** Interfaces by number, both kept current by others. */
export interface RingInterfaces {
  /** Those whose packets count; all if left out. */
  readonly watched?: WatchedInterfaces;
  /** Those that are ports of others: what leaves through them proves nothing. */
  readonly enslaved: ReadonlySet<number>;
}

/** Reads packets out of a mapped ring, in place. */
export class PacketRing {
  readonly #layout: RingLayout;
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #packet = new Packet();
  readonly #clock: CaptureClock;
  #block = 0;

  readonly #watched: RingInterfaces["watched"];
  readonly #enslaved: RingInterfaces["enslaved"];

  constructor(
    memory: ArrayBuffer,
    layout: RingLayout,
    clock: CaptureClock,
    { watched, enslaved }: RingInterfaces,
  ) {
    this.#watched = watched;
    this.#enslaved = enslaved;
    this.#layout = layout;
    this.#view = new DataView(memory);
    this.#words = new Int32Array(memory);
    this.#clock = clock;
    this.#packet.view = this.#view;
    this.#packet.linkType = LINKTYPE_RAW;
  }

  /**
   * Hands on the packets of all blocks that are ready, at most one round of the
   * ring, and gives the blocks back to the kernel.
   */
  drain(handler: PacketHandler): void {
    const { blockSize, blockCount } = this.#layout;
    for (let i = 0; i < blockCount; i++) {
      const start = this.#block * blockSize;
      const status = (start + BLOCK_STATUS) >> 2;
      if ((Atomics.load(this.#words, status) & TP_STATUS_USER) === 0) return;
      this.#clock.sample();
      this.#readBlock(start, handler);
      Atomics.store(this.#words, status, TP_STATUS_KERNEL);
      this.#block = (this.#block + 1) % blockCount;
    }
  }

  #readBlock(start: number, handler: PacketHandler): void {
    const view = this.#view;
    const packet = this.#packet;
    let at = start + view.getUint32(start + BLOCK_FIRST_PACKET, true);
    for (
      let left = view.getUint32(start + BLOCK_PACKETS, true);
      left > 0;
      left--
    ) {
      const wallTime = view.getUint32(at + SECONDS, true) * 1000 +
        view.getUint32(at + NANOSECONDS, true) / 1e6;
      packet.wallTime = wallTime;
      packet.time = this.#clock.timeOf(wallTime);
      packet.offset = at + view.getUint16(at + MAC_OFFSET, true);
      packet.length = view.getUint32(at + SNAP_LENGTH, true);
      packet.originalLength = view.getUint32(at + ORIGINAL_LENGTH, true);
      const status = view.getUint32(at + STATUS, true);
      if ((status & TP_STATUS_VLAN_VALID) !== 0) skipPriorityTags(packet);
      const index = view.getInt32(at + INTERFACE_INDEX, true);
      packet.interfaceIndex = index;
      const isOutgoing = view.getUint8(at + PACKET_TYPE) === PACKET_OUTGOING;
      packet.direction = isOutgoing ? DIRECTION_OUT : DIRECTION_IN;
      const watched = this.#watched;
      const isMeant = watched === undefined || watched.has(index);
      if (isMeant && !(isOutgoing && this.#enslaved.has(index))) {
        handler(packet);
      }
      at += view.getUint32(at + NEXT_OFFSET, true);
    }
  }
}
