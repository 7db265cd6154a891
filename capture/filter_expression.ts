/**
 * The kernel's filter as a tcpdump expression (pcap-filter(7)), for libpcap.
 *
 * @module
 */

/** Not of established bulk traffic: flags other than ACK, and PSH with ACK. */
const IPV4_SEGMENT =
  "(ip[6:2] & 0x3fff = 0 and tcp[13] != 0x10 and tcp[13] != 0x18)";
/** A fragment that may hold bytes of the transport header. */
const IPV4_HEADER_FRAGMENT = "(ip[6:2] & 0x3fff != 0 and ip[6:2] & 0x1fff < 3)";
const IPV4_TCP = `(ip[9] = 6 and (${IPV4_SEGMENT} or ${IPV4_HEADER_FRAGMENT}))`;
/** INIT and COOKIE ECHO open an association (RFC 9260, 3.2). */
const IPV4_CHUNK = "(ip[6:2] & 0x3fff = 0 and (sctp[12] = 1 or sctp[12] = 10))";
const IPV4_SCTP =
  `(ip[9] = 132 and (${IPV4_CHUNK} or ${IPV4_HEADER_FRAGMENT}))`;
const IPV6_SEGMENT = "(ip6[6] = 6 and ip6[53] != 0x10 and ip6[53] != 0x18)";
const IPV6_CHUNK = "(ip6[6] = 132 and (ip6[52] = 1 or ip6[52] = 10))";
/** Hop-by-hop options, routing, fragment, AH, destination options. */
/** An ICMP error by which a host or its firewall refuses. */
const IPV4_ERROR = `(ip[9] = 1 and ${
  oneOf("icmp[0:2]", [0x0302, 0x0303, 0x0309, 0x030a, 0x030d])
})`;
const IPV6_ERROR = `(ip6[6] = 58 and ${
  oneOf("ip6[40:2]", [0x0101, 0x0104, 0x0105, 0x0106, 0x0401])
})`;
/** INIT ACK and ABORT. */
const IPV4_CHUNK_BACK = "(ip[9] = 132 and (sctp[12] = 2 or sctp[12] = 6))";
const IPV6_CHUNK_BACK = "(ip6[6] = 132 and (ip6[52] = 2 or ip6[52] = 6))";
/** How another host answers what this one has sent, besides by TCP. */
const IPV4_REFUSAL = `(ip[6:2] & 0x3fff = 0 and ${
  anyOf(IPV4_CHUNK_BACK, IPV4_ERROR)
})`;
/** What opens connections, besides a SYN, and what belongs to none. */
const IPV4_OPENING = `(ip and ip[6:2] & 0x3fff = 0 and ${
  anyOf(
    "(ip[9] = 6 and tcp[13] & 0x17 = 0)",
    "(ip[9] = 132 and (sctp[12] = 1 or sctp[12] = 10))",
  )
})`;
const IPV6_OPENING = anyOf(
  "(ip6[6] = 6 and ip6[53] & 0x17 = 0)",
  IPV6_CHUNK,
);
const IPV6_EXTENSION = [0, 43, 44, 51, 60]
  .map((header) => `ip6[6] = ${header}`).join(" or ");

/** A SYN, SYN|ACK or FIN, or a refusal: a RST without ACK, ABORT, INIT ACK. */
const IPV4_ANSWER = anyOf(
  "(ip[9] = 6 and (tcp[13] & 0x03 != 0 or tcp[13] & 0x14 = 0x04))",
  IPV4_CHUNK_BACK,
  IPV4_ERROR,
);
const IPV4_ANSWERS = `(ip and ip[6:2] & 0x3fff = 0 and ${IPV4_ANSWER})`;
const IPV6_ANSWER = anyOf(
  "(ip6[6] = 6 and (ip6[53] & 0x03 != 0 or ip6[53] & 0x14 = 0x04))",
  IPV6_CHUNK_BACK,
  IPV6_ERROR,
);

/** Which of the packets that come a rule may need. */
export interface ExpressionOptions {
  /** Those that the rules beyond the classic one look at as well. */
  evidence: boolean;
  /** What tells of scans by this host as well [false]. */
  outgoing?: boolean;
}

/**
 * The expression for all that comes and that a rule may need.
 *
 * @param further What the user wants besides.
 */
export function headerFilter(
  { evidence, outgoing = false }: ExpressionOptions,
  further?: string,
): string {
  const ipv4 = anyOf(
    IPV4_TCP,
    ...(evidence ? [IPV4_SCTP] : []),
    ...(outgoing ? [IPV4_REFUSAL] : []),
  );
  const ipv6 = anyOf(
    IPV6_SEGMENT,
    ...(evidence ? [IPV6_CHUNK] : []),
    ...(outgoing ? [IPV6_CHUNK_BACK, IPV6_ERROR] : []),
    IPV6_EXTENSION,
  );
  return join(`(ip and ${ipv4}) or (ip6 and ${ipv6})`, further);
}

/**
 * The expression for the evidence among what this host sends. It does not say
 * "outbound": libpcap itself filters the first packets of a handle again, and
 * knows no direction there.
 *
 * @param outgoing What tells of scans by this host as well.
 */
export function answerFilter(further?: string, outgoing = false): string {
  const ipv4 = outgoing ? anyOf(IPV4_ANSWERS, IPV4_OPENING) : IPV4_ANSWERS;
  const ipv6 = outgoing ? anyOf(IPV6_ANSWER, IPV6_OPENING) : IPV6_ANSWER;
  return join(`${ipv4} or (ip6 and ${ipv6})`, further);
}

/** The same without IPv6. */
export function ipv4AnswerFilter(further?: string): string {
  return join(IPV4_ANSWERS, further);
}

/** The expression for the SCTP packets that a rule needs, over IPv4. */
export function ipv4SctpFilter(further?: string): string {
  return join(`(ip and ${IPV4_SCTP})`, further);
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

/** "and" and "or" bind alike, so every choice has its parentheses. */
function anyOf(...expressions: readonly string[]): string {
  return `(${expressions.join(" or ")})`;
}

function oneOf(field: string, values: readonly number[]): string {
  return anyOf(...values.map((value) => `${field} = ${value}`));
}

function join(expression: string, further: string | undefined): string {
  return further === undefined
    ? expression
    : `(${expression}) and (${further})`;
}
