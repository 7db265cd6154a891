/**
 * What can become of a packet while it is decoded.
 *
 * @module
 */

/** What became of a packet. */
export type Outcome = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
/** The segment of TCP, UDP or SCTP is decoded. */
export const DECODED: Outcome = 0;
/** It is a fragment that does not hold the whole transport header. */
export const FRAGMENT: Outcome = 1;
/** It carries what no rule looks at, such as an ICMP message or IGMP. */
export const OTHER_PROTOCOL: Outcome = 2;
/** It ends inside a header, or a header contradicts itself. */
export const DAMAGED: Outcome = 3;
/** It is a fragment inside a fragment, or a tunnel inside too many others. */
export const TOO_DEEP: Outcome = 4;
/**
 * It is an ICMP error that refuses a packet, which it quotes.
 */
export const REFUSAL: Outcome = 5;
/**
 * It carries another IP protocol than the rules know, as a scan of protocols
 * does: the segment's destination port is the protocol's number.
 */
export const IP_PROTOCOL: Outcome = 6;
/**
 * Its host can read it, but its transport header stands behind more IPv6
 * extension headers than were captured. The segment's destination port is a hash
 * that tells such packets apart, its protocol that of the last header captured.
 */
export const UNREADABLE: Outcome = 7;
