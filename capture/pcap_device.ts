/**
 * An interface in one direction, through libpcap.
 *
 * libpcap's own `pcap_dump` is the callback of `pcap_dispatch`, writing to
 * memory: a whole batch arrives as records of a capture file in one call, and
 * no JavaScript runs inside it.
 *
 * @module
 */

import {
  type Direction,
  DIRECTION_OUT,
  Packet,
  type PacketHandler,
} from "../detect/packet/packet.ts";
import { isSupportedLinkType } from "../detect/packet/link.ts";
import { linkTypeName } from "../detect/packet/link_names.ts";
import { keepDescriptor } from "../ffi/descriptors.ts";
import { cString, libc } from "../ffi/libc.ts";
import {
  lastError,
  libpcap,
  openPcap,
  PCAP_D_IN,
  PCAP_D_OUT,
  type PcapHandle,
  type PcapOptions,
  setCheckedFilter,
  setDirection,
} from "../ffi/libpcap.ts";
import type { CaptureStatistics } from "./capture.ts";
import type { CaptureClock } from "./clock.ts";
import { EXTENDED_SNAP_LENGTH } from "./header_fields.ts";

/** As long as headers can be in an Ethernet frame, and a link layer's. */
const SNAP_LENGTH = EXTENDED_SNAP_LENGTH + 64;
/** How long libpcap may collect packets, in milliseconds. */
export const TIMEOUT_MS = 8;
const BUFFER_SIZE = 8 << 20;
/** Packets of one batch: what they may take must fit into the memory file. */
const BATCH = 1024;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const MEMORY_FILE = FILE_HEADER + BATCH * (RECORD_HEADER + SNAP_LENGTH) + 1;
/** After so many batches, other things get their turn. */
const MAX_BATCHES = 64;
const SEEK_SET = 0;

/** What a device is to watch. */
export interface PcapDeviceOptions {
  /** The kind of capture that it is for: messages name it. */
  kind: string;
  /** The interface's name, or "any". */
  name: string;
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** What comes, or what this host sends. */
  direction: Direction;
  /** The user's tcpdump expression. */
  filter: string | undefined;
  /** Puts it into ours. */
  within: (further?: string) => string;
}

/** A handle of libpcap and the memory that its packets are written to. */
export class PcapDevice {
  /** The descriptor to wait for. */
  readonly fd: number;
  /** The interface's name, or "any". */
  readonly name: string;
  /** Why nothing comes from it any more. */
  failure: string | undefined;
  readonly #handle: PcapHandle;
  readonly #clock: CaptureClock;
  readonly #direction: Direction;
  readonly #view: DataView<ArrayBuffer>;
  readonly #file: Deno.PointerValue;
  readonly #dumper: Deno.PointerValue;
  readonly #packet = new Packet();
  #received = 0;

  /**
   * @param clock Shared by all devices of a capture.
   * @throws {Error} If the interface, a privilege, or what its link type needs is
   * missing, or the expression is wrong.
   */
  constructor(options: PcapDeviceOptions, clock: CaptureClock) {
    const { kind, name, promiscuous, direction, filter, within } = options;
    this.name = name;
    this.#clock = clock;
    // Answers are collected, questions are not: no answer is read before its
    // question.
    const isImmediate = direction !== DIRECTION_OUT;
    this.#handle = openDevice(kind, name, {
      promiscuous,
      snapLength: SNAP_LENGTH,
      isImmediate,
    });
    setDirection(
      this.#handle,
      direction === DIRECTION_OUT ? PCAP_D_OUT : PCAP_D_IN,
    );
    this.#direction = direction;
    this.#packet.linkType = this.#linkType();
    setCheckedFilter(this.#handle, filter, within);
    this.fd = keepDescriptor(
      libpcap().pcap_get_selectable_fd(this.#handle),
    );

    this.#view = new DataView(new ArrayBuffer(MEMORY_FILE));
    this.#packet.view = this.#view;
    this.#file = libc().fmemopen(
      this.#view.buffer,
      BigInt(MEMORY_FILE),
      cString("w"),
    );
    this.#dumper = libpcap().pcap_dump_fopen(this.#handle, this.#file);
    if (this.#dumper === null) {
      throw new Error(`--capture ${kind}: ${lastError(this.#handle)}`);
    }
  }

  #linkType(): number {
    const dlt = libpcap().pcap_datalink(this.#handle);
    if (isSupportedLinkType(dlt)) return dlt;
    throw new Error(
      `--interface ${this.name}: link type ${dlt} (${
        linkTypeName(dlt)
      }) is not supported`,
    );
  }

  /** Hands on what has arrived. */
  drain(handler: PacketHandler): void {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      libc().fseek(this.#file, BigInt(FILE_HEADER), SEEK_SET);
      const count = libpcap().pcap_dispatch(
        this.#handle,
        BATCH,
        libpcap().pcap_dump,
        this.#dumper,
      );
      if (count < 0) {
        this.failure = `interface ${this.name}: ${lastError(this.#handle)}`;
      }
      if (count <= 0) return;
      libc().fflush(this.#file);
      this.#handOn(count, Number(libc().ftell(this.#file)), handler);
    }
  }

  /** Records are in the host's byte order, with microseconds. */
  #handOn(count: number, end: number, handler: PacketHandler): void {
    const view = this.#view;
    const packet = this.#packet;
    this.#clock.sample();
    let at = FILE_HEADER;
    for (let left = count; left > 0 && at + RECORD_HEADER <= end; left--) {
      const length = view.getUint32(at + 8, true);
      const wallTime = view.getUint32(at, true) * 1000 +
        view.getUint32(at + 4, true) / 1000;
      packet.wallTime = wallTime;
      packet.time = this.#clock.timeOf(wallTime);
      packet.offset = at + RECORD_HEADER;
      packet.direction = this.#direction; // cooked headers change it
      packet.length = length;
      packet.originalLength = view.getUint32(at + 12, true);
      at += RECORD_HEADER + length;
      if (at > end) return;
      this.#received++;
      handler(packet);
    }
  }

  /** What it has counted. */
  statistics(): CaptureStatistics {
    // struct pcap_stat: u_int ps_recv, ps_drop, ps_ifdrop
    const stats = new Uint32Array(3);
    libpcap().pcap_stats(this.#handle, stats);
    // ps_recv also counts what this host sends, which libpcap drops later.
    return { received: this.#received, dropped: stats[1] };
  }

  /** Closes the handle. */
  close(): void {
    libpcap().pcap_close(this.#handle);
  }
}

/**
 * Opens an interface for a capture of a kind.
 *
 * @throws {Error} With the capture's kind, the interface and the reason.
 */
export function openDevice(
  kind: string,
  device: string,
  options: Pick<PcapOptions, "promiscuous" | "snapLength" | "isImmediate">,
): PcapHandle {
  try {
    return openPcap({
      device,
      ...options,
      timeout: TIMEOUT_MS,
      bufferSize: BUFFER_SIZE,
    });
  } catch (error) {
    throw new Error(
      `--capture ${kind}, interface ${device}: ${(error as Error).message}`,
    );
  }
}
