/**
 * Capture through libpcap: on systems without packet sockets, and where a
 * tcpdump expression is wanted.
 *
 * libpcap's own `pcap_dump` is the callback of `pcap_dispatch`, writing to
 * memory: a whole batch arrives as records of a capture file in one call, and
 * no JavaScript runs inside it.
 *
 * @module
 */

import { DIRECTION_IN, type PacketHandler } from "../detect/packet.ts";
import { isSupportedLinkType, linkTypeName } from "../detect/link.ts";
import { Packet } from "../detect/packet.ts";
import { cString, libc, networkInterfaces } from "../ffi/libc.ts";
import {
  lastError,
  libpcap,
  openPcap,
  PCAP_D_IN,
  type PcapHandle,
  setCheckedFilter,
} from "../ffi/libpcap.ts";
import {
  type Capture,
  type CaptureStatistics,
  describeInterfaces,
  sumStatistics,
} from "./capture.ts";
import { CaptureClock } from "./clock.ts";
import { headerFilter } from "./filter_expression.ts";
import { type LocalAddresses, watchLocalAddresses } from "./local_addresses.ts";
import { PollSet } from "./poll.ts";

/** Enough for the longest headers that are decoded, and a link layer's. */
const SNAP_LENGTH = 256;
/** How long libpcap may collect packets, in milliseconds. */
export const TIMEOUT_MS = 8;
const BUFFER_SIZE = 8 << 20;
/** Packets of one batch: what they may take must fit into the memory file. */
const BATCH = 2048;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const MEMORY_FILE = FILE_HEADER + BATCH * (RECORD_HEADER + SNAP_LENGTH) + 1;
/** After so many batches, other things get their turn. */
const MAX_BATCHES = 64;
const SEEK_SET = 0;

/** How to capture. */
export interface PcapCaptureOptions {
  /** Names of interfaces; none: all, by the device "any". */
  interfaces: readonly string[];
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** A further tcpdump expression. */
  filter?: string;
  /** Told when an interface cannot be watched any more. */
  warn: (text: string) => void;
}

/** Watches interfaces through libpcap. */
export class PcapCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[];
  /** This host's own addresses; undefined if all packets count. */
  readonly local: LocalAddresses | undefined;
  readonly #devices: readonly PcapDevice[];
  readonly #polled: PollSet;
  readonly #warn: (text: string) => void;
  #stopping = false;

  /** @throws {Error} If libpcap, an interface or a privilege is missing. */
  constructor(
    { interfaces, promiscuous, filter, warn }: PcapCaptureOptions,
  ) {
    this.#warn = warn;
    const names = deviceNames(interfaces, promiscuous);
    this.description = describeInterfaces("pcap", interfaces);
    const clock = new CaptureClock();
    this.#devices = names.map((name) =>
      new PcapDevice(name, promiscuous, filter, clock)
    );
    this.local = promiscuous ? undefined : watchLocalAddresses();
    this.descriptors = this.#devices.map(({ fd }) => fd);
    this.#polled = new PollSet(this.descriptors, this.local);
  }

  async run(handler: PacketHandler): Promise<void> {
    while (!this.#stopping) {
      this.#drain(handler);
      await this.#polled.wait();
      if (this.#polled.hasNewAddresses) this.local?.refresh();
    }
    await new Promise((done) => setTimeout(done, 3 * TIMEOUT_MS));
    this.#drain(handler);
  }

  #drain(handler: PacketHandler): void {
    for (const [i, device] of this.#devices.entries()) {
      if (device.failure !== undefined) continue;
      device.drain(handler);
      if (device.failure !== undefined) this.#abandon(i, device.failure);
    }
  }

  /** Goes on without a device, as long as there is another. */
  #abandon(index: number, failure: string): void {
    this.#polled.ignore(index);
    if (this.#devices.every((device) => device.failure !== undefined)) {
      throw new Error(`--capture pcap: ${failure}; nothing is left to watch`);
    }
    this.#warn(`${failure}; it is not watched any more`);
  }

  stop(): void {
    this.#stopping = true;
    this.#polled.wake();
  }

  statistics(): CaptureStatistics {
    return sumStatistics(this.#devices.map((each) => each.statistics()));
  }

  close(): void {
    for (const device of this.#devices) device.close();
    this.local?.close();
    this.#polled.close();
  }
}

/** A handle of libpcap and the memory that its packets are written to. */
class PcapDevice {
  readonly fd: number;
  /** Why nothing comes from it any more. */
  failure: string | undefined;
  readonly #name: string;
  readonly #handle: PcapHandle;
  readonly #clock: CaptureClock;
  readonly #view: DataView<ArrayBuffer>;
  readonly #file: Deno.PointerValue;
  readonly #dumper: Deno.PointerValue;
  readonly #packet = new Packet();
  #received = 0;

  constructor(
    name: string,
    promiscuous: boolean,
    filter: string | undefined,
    clock: CaptureClock,
  ) {
    this.#name = name;
    this.#clock = clock;
    this.#handle = openDevice("pcap", name, promiscuous, SNAP_LENGTH);
    libpcap().pcap_setdirection(this.#handle, PCAP_D_IN);
    this.#packet.linkType = this.#linkType();
    setCheckedFilter(this.#handle, filter, headerFilter);
    this.fd = libpcap().pcap_get_selectable_fd(this.#handle);

    this.#view = new DataView(new ArrayBuffer(MEMORY_FILE));
    this.#packet.view = this.#view;
    this.#file = libc().fmemopen(
      this.#view.buffer,
      BigInt(MEMORY_FILE),
      cString("w"),
    );
    this.#dumper = libpcap().pcap_dump_fopen(this.#handle, this.#file);
    if (this.#dumper === null) {
      throw new Error(`--capture pcap: ${lastError(this.#handle)}`);
    }
  }

  #linkType(): number {
    const dlt = libpcap().pcap_datalink(this.#handle);
    if (isSupportedLinkType(dlt)) return dlt;
    throw new Error(
      `--interface ${this.#name}: link type ${dlt} (${
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
        this.failure = `interface ${this.#name}: ${lastError(this.#handle)}`;
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
      packet.length = length;
      packet.direction = DIRECTION_IN;
      at += RECORD_HEADER + length;
      if (at > end) return;
      this.#received++;
      handler(packet);
    }
  }

  statistics(): CaptureStatistics {
    // struct pcap_stat: u_int ps_recv, ps_drop, ps_ifdrop
    const stats = new Uint32Array(3);
    libpcap().pcap_stats(this.#handle, stats);
    // ps_recv also counts what this host sends, which libpcap drops later.
    return { received: this.#received, dropped: stats[1] };
  }

  close(): void {
    libpcap().pcap_close(this.#handle);
  }
}

/** libpcap knows no promiscuous mode for all interfaces together. */
export function deviceNames(
  interfaces: readonly string[],
  promiscuous: boolean,
): readonly string[] {
  if (interfaces.length > 0) return interfaces;
  return promiscuous ? networkInterfaces().map(({ name }) => name) : ["any"];
}

/**
 * Opens an interface for a capture of a kind.
 *
 * @throws {Error} With the capture's kind, the interface and the reason.
 */
export function openDevice(
  kind: string,
  device: string,
  promiscuous: boolean,
  snapLength: number,
): PcapHandle {
  try {
    return openPcap({
      device,
      promiscuous,
      snapLength,
      timeout: TIMEOUT_MS,
      bufferSize: BUFFER_SIZE,
    });
  } catch (error) {
    throw new Error(
      `--capture ${kind}, interface ${device}: ${(error as Error).message}`,
    );
  }
}
