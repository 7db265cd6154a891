/**
 * Which live capture there is for a kind.
 *
 * @module
 */

import type { AddressSet } from "../detect/packet/address.ts";
import type { PortMemory } from "../detect/probe/port_memory.ts";
import type { Capture } from "./capture.ts";
import { NidsCapture } from "./nids.ts";
import { PcapCapture } from "./pcap.ts";
import { RawCapture } from "./raw.ts";

/** What is known of this host's addresses, kept current. */
export interface HostAddresses {
  /** Its own addresses. */
  readonly addresses: AddressSet;
  /** The IPv6 networks that it shares a link with. */
  readonly onLink: AddressSet;
}

/** A capture of what happens now. */
export interface LiveCapture extends Capture {
  /** This host's own addresses; undefined where they cannot be watched. */
  readonly local: HostAddresses | undefined;
  /** Which ports are in use, where the kernel remembers it. */
  readonly portMemory?: PortMemory;
  /** The name of the interface of a number, if packets tell the number. */
  interfaceName?(index: number): string | undefined;
}

/** What is to be captured, and how. */
export interface LiveOptions {
  /** How. */
  kind: "raw" | "pcap" | "nids";
  /** Names of interfaces; none: all. */
  interfaces: readonly string[];
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** What the rules beyond the classic one look at as well. */
  evidence: boolean;
  /** What tells of scans by this host as well [false]; libnids cannot. */
  outgoing?: boolean;
  /** Whether the kernel is to remember which ports are in use, if it can. */
  portMemory: boolean;
  /** A further tcpdump expression, for libpcap. */
  filter?: string;
  /** Told what an administrator should know while the capture runs. */
  warn: (text: string) => void;
}

/**
 * Opens a capture.
 *
 * @throws {Error} If a library, an interface or a privilege is missing.
 */
export function openLive(options: LiveOptions): LiveCapture {
  switch (options.kind) {
    case "raw":
      if (Deno.build.os !== "linux") {
        throw new Error(
          `--capture raw needs Linux, this is ${Deno.build.os}; use --capture pcap`,
        );
      }
      return new RawCapture(options);
    case "pcap":
      return new PcapCapture(options);
    case "nids":
      return new NidsCapture(options);
  }
}
