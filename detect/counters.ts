/**
 * What a detector counts.
 *
 * @module
 */

/** What a detector has counted since it was made. */
export class Counters {
  /** Packets looked at. */
  packets = 0;
  /** TCP and SCTP packets decoded, reassembled ones included. */
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
  /** Segments that were not for this host. */
  notLocal = 0;
  /** Segments that this host sent. */
  outgoing = 0;
  /** Scans found, those suppressed by the flood limit included. */
  scans = 0;
  /** Scans not told because of the flood limit. */
  suppressed = 0;
}
