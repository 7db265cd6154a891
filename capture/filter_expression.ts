/**
 * The kernel's filter as a tcpdump expression (pcap-filter(7)), for libpcap.
 *
 * @module
 */

/** Not of established bulk traffic: flags other than ACK, and PSH with ACK. */
const IPV4_SEGMENT =
  "(ip[6:2] & 0x3fff = 0 and tcp[13] != 0x10 and tcp[13] != 0x18)";
/** A fragment that may hold bytes of the TCP header. */
const IPV4_HEADER_FRAGMENT = "(ip[6:2] & 0x3fff != 0 and ip[6:2] & 0x1fff < 3)";
const IPV6_SEGMENT = "(ip6[6] = 6 and ip6[53] != 0x10 and ip6[53] != 0x18)";
/** Hop-by-hop options, routing, fragment, AH, destination options. */
const IPV6_EXTENSION = [0, 43, 44, 51, 60]
  .map((header) => `ip6[6] = ${header}`).join(" or ");
const IPV6 = `(ip6 and (${IPV6_SEGMENT} or ${IPV6_EXTENSION}))`;

/**
 * The expression for all segments and fragments that a rule may need.
 *
 * @param further What the user wants besides.
 */
export function headerFilter(further?: string): string {
  const ipv4 =
    `(ip and ip[9] = 6 and (${IPV4_SEGMENT} or ${IPV4_HEADER_FRAGMENT}))`;
  return join(`${ipv4} or ${IPV6}`, further);
}

/**
 * The expression for a capture that puts whole IPv4 datagrams together: all
 * fragments pass.
 *
 * @param further What the user wants besides.
 */
export function datagramFilter(further?: string): string {
  const expression =
    `ip and ip[9] = 6 and (${IPV4_SEGMENT} or ip[6:2] & 0x3fff != 0)`;
  return join(expression, further);
}

function join(expression: string, further: string | undefined): string {
  return further === undefined
    ? expression
    : `(${expression}) and (${further})`;
}
