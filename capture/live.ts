/**
 * Which live capture there is for a kind.
 *
 * @module
 */

import type { AddressSet } from "../detect/packet/address.ts";
import type { PortMemory } from "../detect/probe/port_memory.ts";
import type { Capture } from "./capture.ts";

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
 * Opens a capture, whose modules are loaded for it.
 *
 * @throws {Error} If a library, an interface or a privilege is missing.
 */
export async function openLive(options: LiveOptions): Promise<LiveCapture> {
  switch (options.kind) {
    case "raw": {
      if (Deno.build.os !== "linux") {
        throw new Error(
          `--capture raw needs Linux, this is ${Deno.build.os}; use --capture pcap`,
        );
      }
      const { RawCapture } = await import("./raw.ts");
      return new RawCapture(options);
    }
    case "pcap": {
      const { PcapCapture } = await import("./pcap.ts");
      return new PcapCapture(options);
    }
    case "nids": {
      const { NidsCapture } = await import("./nids.ts");
      return new NidsCapture(options);
    }
  }
}
