/**
 * What the kernel's filters look at in headers, and how much of a packet they let
 * up.
 *
 * @module
 */

// IANA's protocol numbers.
export const ICMP = 1;
export const TCP = 6;
export const ICMPV6 = 58;
export const SCTP = 132;

/** An IPv4 header without options (RFC 791, 3.1): its length, its first byte. */
export const IPV4_HEADER = 20;
export const IPV4_WITHOUT_OPTIONS = 0x45;
/**
 * Of the word from offset 6 on: More Fragments and the fragment offset, which
 * are 0 in what is no fragment, and the protocol.
 */
export const FRAGMENT_AND_PROTOCOL = 0x3fff00ff;
export const IPV6_HEADER = 40;

/** Flags of established bulk traffic: exactly ACK, exactly PSH and ACK. */
export const BULK_FLAGS = [0x10, 0x18];
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;
/** Where the TCP header has its flags (RFC 9293, 3.1). */
export const TCP_FLAGS = 13;

/** Where an SCTP packet has its first chunk's type (RFC 9260, 3.1, 3.2). */
export const CHUNK_TYPE = 12;
/** What opens an association, or tries to: INIT and COOKIE ECHO. */
export const SCTP_PROBES = [1, 10];
/** What answers that: INIT ACK and ABORT. */
export const SCTP_ANSWERS = [2, 6];

/**
 * Type and code of the ICMP errors by which a host or its firewall refuses (RFC
 * 792, RFC 1122, RFC 1812): destination unreachable with code 2 (protocol), 3
 * (port), 9, 10 or 13 (prohibited).
 */
export const ICMP_REFUSALS = [0x0302, 0x0303, 0x0309, 0x030a, 0x030d];
/**
 * The same of ICMPv6 (RFC 4443, 3.1 and 3.4): prohibited, port, policy, route;
 * an IP protocol is refused as a parameter problem.
 */
export const ICMPV6_REFUSALS = [0x0101, 0x0104, 0x0105, 0x0106, 0x0401];

/** The VLAN's number in a tag (IEEE 802.1Q, 9.6). */
export const VLAN_NUMBER = 0x0fff;

/** IPv6 extension headers: hop-by-hop, routing, fragment, AH, destination. */
export const EXTENSION_HEADERS = [0, 43, 44, 51, 60];
/** The last fragment offset, in units of 8 bytes, that holds header bytes. */
export const LAST_HEADER_UNIT = 2;

/**
 * Enough for the longest headers that are decoded, in bytes. The longest that is
 * sent is an ICMP error: 60 bytes of IPv4 header, 8 of its own, 60 of the quoted
 * IPv4 header and 20 of what that carries; over IPv6 it leaves 84 for extension
 * headers that it quotes.
 */
export const SNAP_LENGTH = 192;
/**
 * The same for IPv6 packets with extension headers and for stacked priority
 * tags, which may be as long as the packet: whatever fits an Ethernet frame is
 * captured whole.
 */
export const EXTENDED_SNAP_LENGTH = 2048;
