/**
 * Capture through libpcap: on systems without packet sockets, and where a
 * tcpdump expression is wanted.
 *
 * @module
 */

import {
  DIRECTION_IN,
  DIRECTION_OUT,
  type PacketHandler,
} from "../detect/packet/packet.ts";
import { networkInterfaces } from "../ffi/libc.ts";
import {
  type Capture,
  type CaptureStatistics,
  describeInterfaces,
  sumStatistics,
  type Tick,
} from "./capture.ts";
import { CaptureClock } from "./clock.ts";
import { answerFilter, headerFilter } from "./filter_expression.ts";
import { hasPatterns, InterfacePatterns } from "./interface_patterns.ts";
import { DirectionError } from "../ffi/libpcap.ts";
import { type LocalAddresses, watchLocalAddresses } from "./local_addresses.ts";
import {
  PcapDevice,
  type PcapDeviceOptions,
  TIMEOUT_MS,
} from "./pcap_device.ts";
import { PollSet } from "./poll.ts";

/** How to capture. */
export interface PcapCaptureOptions {
  /** Names of interfaces; none: all, by the device "any". */
  interfaces: readonly string[];
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** What this host answers, as evidence. */
  evidence: boolean;
  /** What tells of scans by this host as well [false]. */
  outgoing?: boolean;
  /** A further tcpdump expression. */
  filter?: string;
  /** Told when an interface cannot be watched any more. */
  warn: (text: string) => void;
}

/** Some systems only hand out what comes. */
function unlessRefused<T>(
  warn: (text: string) => void,
  open: () => readonly T[],
): readonly T[] {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof DirectionError)) throw error;
    warn(`${error.message}; scans that only answers prove are not seen`);
    return [];
  }
}

/** Watches interfaces through libpcap. */
export class PcapCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[];
  /** This host's own addresses; undefined where they cannot be watched. */
  readonly local: LocalAddresses | undefined;
  /** First those for what comes: a question is read before its answer. */
  readonly #devices: readonly PcapDevice[];
  readonly #clock = new CaptureClock();
  readonly #polled: PollSet;
  readonly #warn: (text: string) => void;
  #stopping = false;

  /** @throws {Error} If libpcap, an interface or a privilege is missing. */
  constructor(options: PcapCaptureOptions) {
    const { interfaces, promiscuous, evidence, filter, warn } = options;
    const { outgoing: isOutgoing = false } = options;
    this.#warn = warn;
    const names = deviceNames(interfaces, promiscuous, warn);
    this.description = describeInterfaces("pcap", interfaces);
    const open = (
      options: Pick<PcapDeviceOptions, "promiscuous" | "direction" | "within">,
    ) =>
      names.map((name) =>
        new PcapDevice({ kind: "pcap", name, filter, ...options }, this.#clock)
      );
    const incoming = open({
      promiscuous,
      direction: DIRECTION_IN,
      within: (further) =>
        headerFilter({ evidence, outgoing: isOutgoing }, further),
    });
    const outgoing = evidence
      ? unlessRefused(warn, () =>
        open({
          promiscuous: false,
          direction: DIRECTION_OUT,
          within: (further) => answerFilter(further, isOutgoing),
        }))
      : [];
    this.#devices = [...incoming, ...outgoing];
    this.local = watchLocalAddresses();
    this.descriptors = this.#devices.map(({ fd }) => fd);
    this.#polled = new PollSet(this.descriptors, this.local);
  }

  async run(handler: PacketHandler, tick?: Tick): Promise<void> {
    while (!this.#stopping) {
      this.#drain(handler);
      await this.#polled.wait(this.#clock.tell(tick, TIMEOUT_MS));
      if (this.#polled.hasNewAddresses) this.local?.refresh();
    }
    await new Promise((done) => setTimeout(done, 3 * TIMEOUT_MS));
    this.#drain(handler);
  }

  #drain(handler: PacketHandler): void {
    for (const device of this.#devices) {
      if (device.failure !== undefined) continue;
      device.drain(handler);
      if (device.failure !== undefined) this.#abandon(device);
    }
  }

  /** Goes on without an interface, as long as there is another. */
  #abandon({ name, failure }: PcapDevice): void {
    for (const [i, device] of this.#devices.entries()) {
      if (device.name !== name) continue;
      device.failure = failure;
      this.#polled.ignore(i);
    }
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

/**
 * The devices to open. libpcap knows no promiscuous mode for all interfaces
 * together, nor patterns: those that are there now are opened one by one.
 *
 * @param warn Told that those that come later are not watched.
 * @throws {Error} If none matches.
 */
export function deviceNames(
  interfaces: readonly string[],
  promiscuous: boolean,
  warn: (text: string) => void,
): readonly string[] {
  const isListed = hasPatterns(interfaces);
  if (!isListed && interfaces.length > 0) return [...new Set(interfaces)];
  if (!isListed && !promiscuous) return ["any"];
  const patterns = new InterfacePatterns(interfaces);
  const all = networkInterfaces().map(({ name }) => name);
  const names = all.filter((name) => patterns.matches(name));
  if (names.length === 0) {
    throw new Error(
      `--interface: no interface matches ${interfaces.join(", ")}; there are ${
        all.join(", ")
      }`,
    );
  }
  warn(
    `--capture pcap watches the interfaces that are there now (${
      names.join(", ")
    }), and none that comes later or is made anew; --capture raw does`,
  );
  return names;
}
