/**
 * Capture through packet sockets (packet(7)): needs no library.
 *
 * @module
 */

import type { PacketHandler } from "../detect/packet.ts";
import {
  checked,
  EACCES,
  EPERM,
  libc,
  networkInterfaces,
  SystemError,
} from "../ffi/libc.ts";
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
import {
  type Capture,
  type CaptureStatistics,
  describeInterfaces,
  sumStatistics,
  type Tick,
} from "./capture.ts";
import { CaptureClock } from "./clock.ts";
import { kernelFilter } from "./filter.ts";
import { type Link, LocalAddresses } from "./local_addresses.ts";
import { PollSet } from "./poll.ts";
import { PacketRing, type RingLayout } from "./ring.ts";
import { attachFilter } from "../ffi/bpf.ts";

/**
 * A ring of 8 MiB holds some 40,000 packets: at 200,000 packets a second, what
 * comes during a fifth of a second of garbage collection or other delay.
 */
const RING: RingLayout = { blockSize: 1 << 17, blockCount: 64 };
/** The kernel hands over a block that is not full after so many milliseconds. */
const RETIRE_TIMEOUT_MS = 4;
const FRAME_SIZE = 2048; // of no consequence in TPACKET_V3, but checked

/** How to capture. */
export interface RawCaptureOptions {
  /** Names of interfaces; none: all, those that appear later too. */
  interfaces: readonly string[];
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** What this host answers, as evidence. */
  evidence: boolean;
  /** Told when a named interface goes, comes back or changes. */
  warn: (text: string) => void;
}

/** Watches interfaces through packet sockets. */
export class RawCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[];
  /** This host's own addresses. */
  readonly local = new LocalAddresses();
  readonly #clock = new CaptureClock();
  readonly #sockets: readonly PacketSocket[];
  readonly #polled: PollSet;
  #stopping = false;

  /** @throws {Error} If an interface is missing or a privilege is. */
  constructor(options: RawCaptureOptions) {
    const { interfaces } = options;
    this.description = describeInterfaces("raw", interfaces);
    const names = interfaces.length === 0 ? [undefined] : [...interfaces];
    this.#sockets = names.map((name) =>
      new PacketSocket(name, options, this.#clock)
    );
    this.descriptors = this.#sockets.map(({ fd }) => fd);
    this.#polled = new PollSet(this.descriptors, this.local);
  }

  async run(handler: PacketHandler, tick?: Tick): Promise<void> {
    while (!this.#stopping) {
      this.#drain(handler);
      await this.#polled.wait(this.#clock.tell(tick, RETIRE_TIMEOUT_MS));
      for (const [i, socket] of this.#sockets.entries()) {
        // An interface that goes down leaves one, and would wake us for ever.
        if (this.#polled.hasError(i)) socket.clearError();
      }
      if (this.#polled.hasNewAddresses) this.#followChanges();
    }
    // What came in last still waits for its block to be handed over.
    await new Promise((done) => setTimeout(done, 3 * RETIRE_TIMEOUT_MS));
    this.#drain(handler);
  }

  #followChanges(): void {
    this.local.refresh();
    for (const socket of this.#sockets) socket.follow(this.local.links);
  }

  #drain(handler: PacketHandler): void {
    for (const socket of this.#sockets) socket.ring.drain(handler);
  }

  stop(): void {
    this.#stopping = true;
    this.#polled.wake();
  }

  interfaceName(index: number): string | undefined {
    for (const [name, link] of this.local.links) {
      if (link.index === index) return name;
    }
    return undefined;
  }

  statistics(): CaptureStatistics {
    return sumStatistics(this.#sockets.map((each) => each.statistics()));
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.local.close();
    this.#polled.close();
  }
}

/** A packet socket on one interface, or on all, and its ring. */
class PacketSocket {
  readonly fd: number;
  readonly ring: PacketRing;
  readonly #memory: Deno.PointerValue;
  readonly #counted: CaptureStatistics = { received: 0, dropped: 0 };
  readonly #name: string | undefined;
  readonly #warn: (text: string) => void;
  /** The interface as last told; undefined while there is none. */
  #link: Link | undefined;

  constructor(
    name: string | undefined,
    { promiscuous, evidence, warn }: RawCaptureOptions,
    clock: CaptureClock,
  ) {
    this.#name = name;
    this.#warn = warn;
    const index = name === undefined ? 0 : interfaceIndex(name);
    this.fd = openSocket();
    // Nothing arrives before bind, so nothing gets past the filter.
    attachFilter(this.fd, kernelFilter({ promiscuous, evidence }));
    this.#set(SOL_SOCKET, SO_LOCK_FILTER, [1]);
    this.#set(SOL_PACKET, PACKET_VERSION, [TPACKET_V3]);
    if (!evidence) this.#set(SOL_PACKET, PACKET_IGNORE_OUTGOING, [1]);
    this.#memory = this.#mapRing();
    const memory = Deno.UnsafePointerView.getArrayBuffer(
      this.#memory as Deno.PointerObject,
      RING.blockSize * RING.blockCount,
    );
    this.ring = new PacketRing(memory, RING, clock);
    if (promiscuous) this.#watchOthers(index);
    bindTo(this.fd, index);
    this.#link = { index, isUp: true };
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
      bindTo(this.fd, now.index);
      this.#warn(`${what} is there again`);
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

  #mapRing(): Deno.PointerValue {
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
    const address = libc().mmap(
      null,
      BigInt(blockSize * blockCount),
      PROT_READ | PROT_WRITE,
      MAP_SHARED,
      this.fd,
      0n,
    );
    if (Deno.UnsafePointer.value(address) === 0xffff_ffff_ffff_ffffn) {
      throw new Error("mmap of the packet ring: out of memory");
    }
    return address;
  }

  /** Asks for other hosts' packets: on the interface, or on all there are. */
  #watchOthers(index: number): void {
    const indexes = index === 0
      ? networkInterfaces().map((each) => each.index)
      : [index];
    // struct packet_mreq: int ifindex, u16 type, u16 length, u8 address[8]
    for (const i of indexes) {
      this.#set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, [
        i,
        PACKET_MR_PROMISC,
        0,
        0,
      ]);
    }
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
    libc().munmap(this.#memory, BigInt(RING.blockSize * RING.blockCount));
    libc().close(this.fd);
  }
}

function openSocket(): number {
  const type = SOCK_DGRAM | SOCK_CLOEXEC;
  try {
    return checked(libc().socket(AF_PACKET, type, 0), "socket(AF_PACKET)");
  } catch (error) {
    if (
      error instanceof SystemError &&
      (error.errno === EPERM || error.errno === EACCES)
    ) {
      throw new Error(
        "cannot open a packet socket: CAP_NET_RAW is missing; run as root, or grant it with: setcap cap_net_raw+ep " +
          Deno.execPath(),
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

function interfaceIndex(wanted: string): number {
  const all = networkInterfaces();
  const found = all.find(({ name }) => name === wanted);
  if (found !== undefined) return found.index;
  const names = all.map(({ name }) => name).join(", ");
  throw new Error(
    `--interface: there is no interface "${wanted}"; choose one of ${names}`,
  );
}
