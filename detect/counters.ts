/**
 * What a detector counts.
 *
 * @module
 */

/**
 * What a detector has counted since it was made; every field is a whole number
 * that only grows.
 *
 * @example
 * ```ts
 * import { findScans } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const file = Deno.readFileSync("tests/data/captures/raw-ipv4.pcap");
 * const scans = findScans(file);
 * for await (const _report of scans);
 * const { packets, scans: found, damaged } = scans.counters;
 * assertEquals({ packets, found, damaged }, { packets: 7, found: 1, damaged: 0 });
 * ```
 */
export class Counters {
  /** Packets looked at. */
  packets = 0;
  /** TCP, UDP and SCTP packets decoded, reassembled ones included. */
  segments = 0;
  /** ICMP errors that refuse a packet. */
  refusals = 0;
  /** Packets that are fragments. */
  fragments = 0;
  /** Packets of another protocol than the rules look at. */
  otherProtocols = 0;
  /** Packets that end inside a header, or whose header contradicts itself. */
  damaged = 0;
  /** Packets with more extension headers or tags than are walked. */
  tooDeep = 0;
  /** Segments of sources that no host may have, all of them forged. */
  impossible = 0;
  /** Segments that were not for this host. */
  notLocal = 0;
  /** Segments that this host sent. */
  outgoing = 0;
  /** Scans found, those suppressed by the flood limit included. */
  scans = 0;
  /**
   * Scans not told because of the flood limit: counted when a closing line says so,
   * since until then their sources may prove real, and are told after all.
   */
  suppressed = 0;
  /** Probes that {@linkcode DetectorOptions.probes} did not get: too many came. */
  unwrittenProbes = 0;
}
