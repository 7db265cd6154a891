/**
 * A packet socket and the ring that the kernel fills (packet(7)).
 *
 * @module
 */

import { adviseOnPacketSocket } from "../ffi/capabilities.ts";
import { closeDescriptor, keepDescriptor } from "../ffi/descriptors.ts";
import { checked, EACCES, EPERM, libc, SystemError } from "../ffi/libc.ts";
import {
  AF_PACKET,
  ETH_P_ALL,
  MAP_SHARED,
  PACKET_ADD_MEMBERSHIP,
  PACKET_IGNORE_OUTGOING,
  PACKET_MR_PROMISC,
  PACKET_RX_RING,
  PACKET_STATISTICS,
  PACKET_VERSION,
  PROT_READ,
  PROT_WRITE,
  SO_ERROR,
  SO_LOCK_FILTER,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_PACKET,
  SOL_SOCKET,
  TPACKET_V3,
} from "../ffi/linux.ts";
import { mapMemory, type Mapping } from "../ffi/mapped_memory.ts";
import type { CaptureStatistics } from "./capture.ts";
import type { CaptureClock } from "./clock.ts";
import type { Link } from "./local_addresses.ts";
import { PacketRing, type RingInterfaces, type RingLayout } from "./ring.ts";

/**
 * A ring of 8 MiB holds some 40,000 packets: at 200,000 packets a second, what
 * comes during a fifth of a second of garbage collection or other delay.
 */
const RING: RingLayout = { blockSize: 1 << 17, blockCount: 64 };
/** The kernel hands over a block that is not full after so many milliseconds. */
export const RETIRE_TIMEOUT_MS = 4;
const FRAME_SIZE = 2048; // of no consequence in TPACKET_V3, but checked

/** What a packet socket is for. */
export interface PacketSocketOptions {
  /** What this host sends as well. */
  evidence: boolean;
  /** Told when the interface goes, comes back or changes. */
  warn: (text: string) => void;
}

/** A packet socket on one interface, or on all, and its ring. */
export class PacketSocket {
  readonly fd: number;
  readonly ring: PacketRing;
  readonly #mapped: Mapping;
  readonly #counted: CaptureStatistics = { received: 0, dropped: 0 };
  readonly #name: string | undefined;
  readonly #warn: (text: string) => void;
  /** The interface as last told; undefined while there is none. */
  #link: Link | undefined;
  #again: "now" | "again" = "now";

  /**
   * @param name The interface's; undefined: all.
   * @param filter Attaches a filter to the socket.
   * @throws {Error} If a privilege is missing.
   */
  constructor(
    name: string | undefined,
    { evidence, warn }: PacketSocketOptions,
    filter: (socket: number) => void,
    clock: CaptureClock,
    interfaces: RingInterfaces,
  ) {
    this.#name = name;
    this.#warn = warn;
    this.fd = openSocket();
    // Nothing arrives before bind, so nothing gets past the filter.
    filter(this.fd);
    this.#set(SOL_SOCKET, SO_LOCK_FILTER, [1]);
    this.#set(SOL_PACKET, PACKET_VERSION, [TPACKET_V3]);
    if (!evidence) this.#set(SOL_PACKET, PACKET_IGNORE_OUTGOING, [1]);
    this.#mapped = this.#mapRing();
    const { memory } = this.#mapped;
    this.ring = new PacketRing(memory, RING, clock, interfaces);
  }

  /** Binds to the interface, or waits for it. */
  begin(links: ReadonlyMap<string, Link>): void {
    if (this.#name === undefined) return bindTo(this.fd, 0);
    const what = `interface ${this.#name}`;
    const link = links.get(this.#name);
    if (link !== undefined) this.#again = "again";
    if (link === undefined || !this.#bindTo(link)) {
      const names = [...links.keys()].join(", ");
      this.#warn(
        `${what} is not there yet; waiting for it (there are ${names})`,
      );
    } else if (!link.isUp) this.#warn(`${what} is down; waiting for it`);
  }

  #bindTo(link: Link): boolean {
    try {
      bindTo(this.fd, link.index);
      this.#link = link;
      return true;
    } catch {
      // It has gone in the meantime; when it comes again, that will be told.
      this.#link = undefined;
      return false;
    }
  }

  /** Binds to a named interface anew if it was made anew, and tells changes. */
  follow(links: ReadonlyMap<string, Link>): void {
    if (this.#name === undefined) return;
    const before = this.#link;
    const now = this.#link = links.get(this.#name);
    const what = `interface ${this.#name}`;
    if (now === undefined) {
      if (before !== undefined) this.#warn(`${what} is gone; waiting for it`);
    } else if (before === undefined || before.index !== now.index) {
      if (this.#bindTo(now)) this.#warn(`${what} is there ${this.#again}`);
      this.#again = "again";
    } else if (before.isUp !== now.isUp) {
      this.#warn(now.isUp ? `${what} is up again` : `${what} is down`);
    }
  }

  #set(level: number, option: number, values: readonly number[]): void {
    const bytes = Int32Array.from(values);
    checked(
      libc().setsockopt(this.fd, level, option, bytes, bytes.byteLength),
      `setsockopt ${option} of a packet socket`,
    );
  }

  #mapRing(): Mapping {
    const { blockSize, blockCount } = RING;
    // struct tpacket_req3
    this.#set(SOL_PACKET, PACKET_RX_RING, [
      blockSize,
      blockCount,
      FRAME_SIZE,
      (blockSize / FRAME_SIZE) * blockCount,
      RETIRE_TIMEOUT_MS,
      0,
      0,
    ]);
    return mapMemory({
      length: blockSize * blockCount,
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_SHARED,
      descriptor: this.fd,
      what: "the packet ring",
    });
  }

  /** Asks for other hosts' packets on an interface, if it is the socket's. */
  watchOthers(name: string, index: number): void {
    if (this.#name !== undefined && this.#name !== name) return;
    // struct packet_mreq: int ifindex, u16 type, u16 length, u8 address[8]
    const request = Int32Array.of(index, PACKET_MR_PROMISC, 0, 0);
    const { byteLength } = request;
    // One that has gone in the meantime is of no interest any more.
    libc().setsockopt(
      this.fd,
      SOL_PACKET,
      PACKET_ADD_MEMBERSHIP,
      request,
      byteLength,
    );
  }

  clearError(): void {
    const value = new Int32Array(1);
    const length = Uint32Array.of(4);
    libc().getsockopt(this.fd, SOL_SOCKET, SO_ERROR, value, length);
  }

  statistics(): CaptureStatistics {
    // struct tpacket_stats_v3: packets (dropped ones too), drops, freezes.
    const stats = new Uint32Array(3);
    const length = Uint32Array.of(stats.byteLength);
    checked(
      libc().getsockopt(
        this.fd,
        SOL_PACKET,
        PACKET_STATISTICS,
        stats,
        length,
      ),
      "getsockopt(PACKET_STATISTICS)",
    );
    // Reading resets the kernel's counts.
    this.#counted.received += stats[0] - stats[1];
    this.#counted.dropped += stats[1];
    return this.#counted;
  }

  close(): void {
    const { address, memory } = this.#mapped;
    libc().munmap(address, BigInt(memory.byteLength));
    closeDescriptor(this.fd);
  }
}

function openSocket(): number {
  const type = SOCK_DGRAM | SOCK_CLOEXEC;
  try {
    return keepDescriptor(
      checked(libc().socket(AF_PACKET, type, 0), "socket(AF_PACKET)"),
    );
  } catch (error) {
    if (
      error instanceof SystemError &&
      (error.errno === EPERM || error.errno === EACCES)
    ) {
      throw new Error(
        `cannot open a packet socket: ${adviseOnPacketSocket()}`,
      );
    }
    throw error;
  }
}

function bindTo(fd: number, index: number): void {
  const address = new DataView(new ArrayBuffer(20)); // struct sockaddr_ll
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, ETH_P_ALL); // network byte order
  address.setInt32(4, index, true);
  checked(libc().bind(fd, address.buffer, 20), "bind of a packet socket");
}
