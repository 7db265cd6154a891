/**
 * Packets and capture files made by hand. Every builder writes each field of
 * its header, so that a test can break any of them.
 *
 * @module
 */

import { parseAddress } from "../detect/packet/address.ts";
import { Packet } from "../detect/packet/packet.ts";
import { type Bytes, concat, u16, u32 } from "./bytes.ts";
import { type Link, LINKS } from "./links.ts";

export { type Bytes, concat };
export { cooked, cooked2, COOKED_TYPES, type Link, LINKS } from "./links.ts";

function addressBytes(text: string): Bytes {
  const { words, bits } = parseAddress(text);
  return concat(...words.map(u32)).slice(bits === 32 ? 12 : 0);
}

/** 06:40:13 UTC; a round number of milliseconds, to count from. */
export const START = Date.UTC(2026, 0, 1, 6, 40, 13);

export const SOURCE = "192.0.2.1";
export const DESTINATION = "198.51.100.2";
export const SOURCE6 = "2001:db8:0:1::7";
export const DESTINATION6 = "2001:db8:ffff::2";
export const SOURCE_PORT = 40_000;
export const DESTINATION_PORT = 22;

const SYN = 0x02;

export interface TcpInit {
  sourcePort?: number;
  destinationPort?: number;
  flags?: number;
  sequence?: number;
  acknowledgement?: number;
  window?: number;
  /** Options, a multiple of 4 bytes. */
  options?: ArrayLike<number>;
}

/** A TCP header (RFC 9293, 3.1); a SYN unless told otherwise. */
export function tcp(init: TcpInit = {}): Bytes {
  const options = init.options ?? [];
  return concat(
    u16(init.sourcePort ?? SOURCE_PORT),
    u16(init.destinationPort ?? DESTINATION_PORT),
    u32(init.sequence ?? 0x01020304),
    u32(init.acknowledgement ?? 0),
    [((20 + options.length) / 4) << 4, init.flags ?? SYN],
    u16(init.window ?? 1024),
    u16(0), // checksum
    u16(0), // urgent pointer
    options,
  );
}

export interface UdpInit {
  sourcePort?: number;
  destinationPort?: number;
  payload?: ArrayLike<number>;
  /** [the true one] */
  length?: number;
}

/** A UDP datagram (RFC 768). */
export function udp(init: UdpInit = {}): Bytes {
  const payload = init.payload ?? [];
  return concat(
    u16(init.sourcePort ?? SOURCE_PORT),
    u16(init.destinationPort ?? DESTINATION_PORT),
    u16(init.length ?? 8 + payload.length),
    u16(0), // checksum
    payload,
  );
}

/** SCTP chunk INIT (RFC 9260, 3.3.2). */
const INIT = 1;

export interface SctpInit {
  sourcePort?: number;
  destinationPort?: number;
  /** The type of the first and only chunk [INIT]. */
  chunk?: number;
  /** What follows the chunk's header, a multiple of 4 bytes. */
  payload?: ArrayLike<number>;
}

/** An SCTP packet of one chunk (RFC 9260, 3); no payload unless told otherwise. */
export function sctp(init: SctpInit = {}): Bytes {
  const payload = init.payload ?? [];
  return concat(
    u16(init.sourcePort ?? SOURCE_PORT),
    u16(init.destinationPort ?? DESTINATION_PORT),
    u32(0x05060708), // verification tag
    u32(0), // checksum
    [init.chunk ?? INIT, 0],
    u16(4 + payload.length),
    payload,
  );
}

export interface IcmpInit {
  /** [4] */
  version?: 4 | 6;
  /** [destination unreachable] */
  type?: number;
  /** [port unreachable] */
  code?: number;
}

/** An ICMP (RFC 792) or ICMPv6 (RFC 4443) error; port unreachable by default. */
export function icmpUnreachable(
  quoted: ArrayLike<number>,
  { version = 4, type, code }: IcmpInit = {},
): Bytes {
  const [unreachable, port] = version === 4 ? [3, 3] : [1, 4];
  return concat(
    [type ?? unreachable, code ?? port],
    u16(0), // checksum
    u32(0), // unused
    quoted,
  );
}

export interface Ipv4Init {
  source?: string;
  destination?: string;
  protocol?: number;
  tos?: number;
  ttl?: number;
  identification?: number;
  /** Where in its datagram the fragment belongs, in bytes. */
  position?: number;
  /** Whether more fragments follow. */
  isMore?: boolean;
  /** Options, a multiple of 4 bytes. */
  options?: ArrayLike<number>;
  /** [the true one] */
  totalLength?: number;
  /** [the true one] */
  headerLength?: number;
  /** [the right one] */
  checksum?: number;
  /** [4] */
  version?: number;
}

/** An IPv4 datagram (RFC 791, 3.1). */
export function ipv4(payload: Uint8Array, init: Ipv4Init = {}): Bytes {
  const options = init.options ?? [];
  const headerLength = init.headerLength ?? 20 + options.length;
  const more = init.isMore ? 0x2000 : 0;
  const header = concat(
    [((init.version ?? 4) << 4) | (headerLength / 4), init.tos ?? 0],
    u16(init.totalLength ?? 20 + options.length + payload.length),
    u16(init.identification ?? 0x1234),
    u16(more | ((init.position ?? 0) / 8)),
    [init.ttl ?? 64, init.protocol ?? 6],
    u16(0),
    addressBytes(init.source ?? SOURCE),
    addressBytes(init.destination ?? DESTINATION),
    options,
  );
  header.set(u16(init.checksum ?? internetChecksum(header)), 10);
  return concat(header, payload);
}

/** The checksum of RFC 1071 over an even number of bytes. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += (bytes[at] << 8) | bytes[at + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export interface Ipv6Init {
  source?: string;
  destination?: string;
  next?: number;
  trafficClass?: number;
  hopLimit?: number;
  /** [the true one] */
  payloadLength?: number;
}

/** An IPv6 packet (RFC 8200, 3). */
export function ipv6(payload: Uint8Array, init: Ipv6Init = {}): Bytes {
  return concat(
    u32((6 << 28) | ((init.trafficClass ?? 0) << 20) | 0xabcde), // flow label
    u16(init.payloadLength ?? payload.length),
    [init.next ?? 6, init.hopLimit ?? 64],
    addressBytes(init.source ?? SOURCE6),
    addressBytes(init.destination ?? DESTINATION6),
    payload,
  );
}

export const NEXT_HOP_BY_HOP = 0;
export const NEXT_TCP = 6;
export const NEXT_UDP = 17;
export const NEXT_ICMPV6 = 58;
export const NEXT_SCTP = 132;
export const NEXT_ROUTING = 43;
export const NEXT_FRAGMENT = 44;
export const NEXT_ESP = 50;
export const NEXT_AUTHENTICATION = 51;
export const NEXT_NONE = 59;
export const NEXT_DESTINATION_OPTIONS = 60;

/**
 * A hop-by-hop, routing or destination options header (RFC 8200, 4.3 to 4.6).
 *
 * @param units Its length, in units of 8 bytes.
 */
export function extension(next: number, payload: Uint8Array, units = 1): Bytes {
  const body = new Uint8Array(units * 8 - 2).fill(0x02);
  return concat([next, units - 1], body, payload);
}

/** An authentication header (RFC 4302) with an ICV of `icv` bytes. */
export function authentication(
  next: number,
  payload: Uint8Array,
  icv = 12,
): Bytes {
  const body = new Uint8Array(10 + icv).fill(0x02);
  return concat([next, (12 + icv) / 4 - 2], body, payload);
}

export interface FragmentInit {
  identification?: number;
  position?: number;
  isMore?: boolean;
}

/** An IPv6 fragment header (RFC 8200, 4.5). */
export function fragmentHeader(
  next: number,
  payload: Uint8Array,
  init: FragmentInit = {},
): Bytes {
  return concat(
    [next, 0],
    u16((init.position ?? 0) | (init.isMore ? 1 : 0)),
    u32(init.identification ?? 0x12345678),
    payload,
  );
}

/** A segment cut into fragments of at most `size` bytes. */
export interface Piece {
  position: number;
  isMore: boolean;
  bytes: Bytes;
}

/** Cuts a datagram's payload into pieces, in order. */
export function cut(payload: Bytes, size = 8): Piece[] {
  const pieces: Piece[] = [];
  for (let position = 0; position < payload.length; position += size) {
    const isMore = position + size < payload.length;
    const bytes = payload.slice(position, position + size);
    pieces.push({ position, isMore, bytes });
  }
  return pieces;
}

/** A way to put a TCP header into an IP packet. */
export interface Network {
  name: string;
  version: 4 | 6;
  /** Makes a packet that ends with the last byte of its TCP header. */
  wrap(segment: Uint8Array): Bytes;
}

/** Packets that hold a whole TCP header and are no fragments. */
export const NETWORKS: readonly Network[] = [
  { name: "IPv4", version: 4, wrap: (s) => ipv4(s) },
  {
    name: "IPv4 with 40 bytes of options",
    version: 4,
    wrap: (s) => ipv4(s, { options: new Uint8Array(40).fill(1) }),
  },
  {
    name: "IPv4 with a total length of 0",
    version: 4,
    wrap: (s) => ipv4(s, { totalLength: 0 }),
  },
  { name: "IPv6", version: 6, wrap: (s) => ipv6(s) },
  {
    name: "IPv6 with a payload length of 0",
    version: 6,
    wrap: (s) => ipv6(s, { payloadLength: 0 }),
  },
  ...[NEXT_HOP_BY_HOP, NEXT_ROUTING, NEXT_DESTINATION_OPTIONS].map((next) => ({
    name: `IPv6 with extension header ${next}`,
    version: 6 as const,
    wrap: (s: Uint8Array) => ipv6(extension(NEXT_TCP, s, 3), { next }),
  })),
  {
    name: "IPv6 with an authentication header",
    version: 6,
    wrap: (s) =>
      ipv6(authentication(NEXT_TCP, s), { next: NEXT_AUTHENTICATION }),
  },
  {
    name: "IPv6 with an atomic fragment header",
    version: 6,
    wrap: (s) => ipv6(fragmentHeader(NEXT_TCP, s), { next: NEXT_FRAGMENT }),
  },
  {
    name: "IPv6 with one of each",
    version: 6,
    wrap: (s) => {
      const options = extension(
        NEXT_AUTHENTICATION,
        authentication(NEXT_TCP, s, 16),
      );
      const atomic = fragmentHeader(NEXT_DESTINATION_OPTIONS, options);
      const routing = extension(NEXT_FRAGMENT, atomic, 2);
      return ipv6(extension(NEXT_ROUTING, routing), { next: NEXT_HOP_BY_HOP });
    },
  },
];

/** Packets that are fragments; each holds a part of one TCP header. */
export const FRAGMENTS: readonly Network[] = [0, 8, 16].flatMap(
  (position): Network[] => [
    {
      name: `IPv4 fragment from byte ${position} on`,
      version: 4,
      wrap: (s) => ipv4(s.subarray(position), { position, isMore: true }),
    },
    {
      name: `IPv6 fragment from byte ${position} on`,
      version: 6,
      wrap: (s) =>
        ipv6(
          fragmentHeader(NEXT_TCP, s.subarray(position), {
            position,
            isMore: true,
          }),
          { next: NEXT_FRAGMENT },
        ),
    },
  ],
);

/**
 * ICMP errors that this host sent, each with a packet from SOURCE to
 * DESTINATION quoted, of which `transport` is what the quote holds.
 */
export function quoting(
  transport: Uint8Array,
  protocol: number,
): readonly Network[] {
  const error4 = (quoted: Bytes) =>
    ipv4(icmpUnreachable(quoted), {
      protocol: 1,
      source: DESTINATION,
      destination: SOURCE,
    });
  const error6 = (quoted: Bytes) =>
    ipv6(icmpUnreachable(quoted, { version: 6 }), {
      next: NEXT_ICMPV6,
      source: DESTINATION6,
      destination: SOURCE6,
    });
  const chain = extension(
    NEXT_ROUTING,
    extension(NEXT_FRAGMENT, fragmentHeader(protocol, transport), 2),
  );
  return [
    {
      name: "ICMP",
      version: 4,
      wrap: () => error4(ipv4(transport, { protocol })),
    },
    {
      name: "ICMP, quoted options",
      version: 4,
      wrap: () =>
        error4(ipv4(transport, { protocol, options: new Uint8Array(40) })),
    },
    {
      name: "ICMPv6",
      version: 6,
      wrap: () => error6(ipv6(transport, { next: protocol })),
    },
    {
      name: "ICMPv6, quoted extension headers",
      version: 6,
      wrap: () => error6(ipv6(chain, { next: NEXT_HOP_BY_HOP })),
    },
  ];
}

/** Networks that carry an SCTP packet, up to its first chunk's header. */
export const SCTP_NETWORKS: readonly Network[] = [
  {
    name: "SCTP over IPv4",
    version: 4,
    wrap: () => ipv4(sctp(), { protocol: NEXT_SCTP }),
  },
  {
    name: "SCTP over IPv6",
    version: 6,
    wrap: () => ipv6(sctp(), { next: NEXT_SCTP }),
  },
];

/** A frame of some kind that holds a TCP header, up to its last byte. */
export interface Kind {
  name: string;
  link: Link;
  network: Network;
  build(segment?: Uint8Array): Bytes;
}

/** Every link that can carry it, times every network. */
export function kindsOf(networks: readonly Network[]): Kind[] {
  return LINKS.flatMap((link) =>
    networks.filter(({ version }) => link.versions.includes(version)).map((
      network,
    ) => ({
      name: `${network.name} over ${link.name}`,
      link,
      network,
      build: (segment: Uint8Array = tcp()) =>
        link.wrap(network.wrap(segment), network.version),
    }))
  );
}

/** A packet that stands alone in its view: reading past either end throws. */
export function packetOf(
  bytes: Uint8Array,
  linkType: number,
  time = START,
): Packet {
  const packet = new Packet();
  packet.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  packet.length = bytes.length;
  packet.linkType = linkType;
  packet.time = packet.wallTime = time;
  return packet;
}

/** The same packet amid other bytes, which nobody may look at. */
export function packetAmid(
  bytes: Uint8Array,
  linkType: number,
  filler: number,
): Packet {
  const padding = new Uint8Array(64).fill(filler);
  const packet = packetOf(concat(padding, bytes, padding), linkType);
  packet.offset = padding.length;
  packet.length = bytes.length;
  return packet;
}

/** How a capture file is written. */
export interface FileInit {
  littleEndian: boolean;
  nanoseconds: boolean;
  /** [LINKTYPE_RAW] */
  linkType?: number;
}

/** A record: the packet, and when it was seen. */
export interface FileRecord {
  seconds: number;
  /** Microseconds or nanoseconds. */
  fraction: number;
  bytes: Uint8Array;
  /** How long it was before it was cut off [as long as it is]. */
  original?: number;
}

/** Both byte orders, both resolutions. */
export const FILE_KINDS: readonly FileInit[] = [
  { littleEndian: true, nanoseconds: false },
  { littleEndian: true, nanoseconds: true },
  { littleEndian: false, nanoseconds: false },
  { littleEndian: false, nanoseconds: true },
];

export const FILE_HEADER = 24;
export const RECORD_HEADER = 16;

/** A classic capture file (pcap-savefile(5)). */
export function pcap(
  { littleEndian, nanoseconds, linkType = 101 }: FileInit,
  records: readonly FileRecord[],
): Bytes {
  const header = new DataView(new ArrayBuffer(FILE_HEADER));
  header.setUint32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian);
  header.setUint16(4, 2, littleEndian);
  header.setUint16(6, 4, littleEndian);
  header.setUint32(16, 65_535, littleEndian);
  header.setUint32(20, linkType, littleEndian);
  const parts = [new Uint8Array(header.buffer)];
  for (const { seconds, fraction, bytes, original } of records) {
    const record = new DataView(new ArrayBuffer(RECORD_HEADER));
    record.setUint32(0, seconds, littleEndian);
    record.setUint32(4, fraction, littleEndian);
    record.setUint32(8, bytes.length, littleEndian);
    record.setUint32(12, original ?? bytes.length, littleEndian);
    parts.push(new Uint8Array(record.buffer), new Uint8Array(bytes));
  }
  return concat(...parts);
}

/** A capture file with a SYN scan of some ports, 10 ms apart. */
export function scanFile(
  ports: readonly number[],
  init: FileInit = FILE_KINDS[0],
): Bytes {
  const unit = init.nanoseconds ? 10_000_000 : 10_000;
  return pcap(
    init,
    ports.map((destinationPort, i) => ({
      seconds: START / 1000,
      fraction: i * unit,
      bytes: ipv4(tcp({ destinationPort })),
    })),
  );
}

/** Seven ports make a scan; this is the line that tells it. */
export const SCAN_PORTS: readonly number[] = [22, 23, 111, 21, 25, 143, 80];
export const SCAN_LINE = "192.0.2.1:40000 to 198.51.100.2 ports " +
  "22, 23, 111, 21, 25, 143, ..., fSrpauxy, TOS 00, TTL 64 @06:40:13";

/** Writes the fields of pcapng blocks in one byte order. */
export class PcapngWriter {
  readonly #littleEndian: boolean;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  /** A number of 16 bits. */
  u16(value: number): Bytes {
    const bytes = u16(value);
    return this.#littleEndian ? bytes.reverse() : bytes;
  }

  /** A number of 32 bits. */
  u32(value: number): Bytes {
    const bytes = u32(value);
    return this.#littleEndian ? bytes.reverse() : bytes;
  }

  /** A number of 64 bits, the high word first, whatever the byte order. */
  #stamp(value: bigint): Bytes {
    return concat(
      this.u32(Number(value >> 32n) | 0),
      this.u32(Number(value & 0xffffffffn) | 0),
    );
  }

  /** A block of any type; the body is padded to 32 bits. */
  block(type: number, ...body: ArrayLike<number>[]): Bytes {
    const content = concat(...body);
    const length = this.u32(12 + padded(content).length);
    return concat(this.u32(type), length, padded(content), length);
  }

  /** An option: code, length, value, padding. */
  option(code: number, value: ArrayLike<number>): Bytes {
    const bytes = concat(value);
    return concat(this.u16(code), this.u16(bytes.length), padded(bytes));
  }

  section(): Bytes {
    return this.block(
      0x0a0d0d0a,
      this.u32(0x1a2b3c4d),
      this.u16(1),
      this.u16(0),
      new Uint8Array(8).fill(0xff), // length unknown
    );
  }

  interface(linkType: number, ...options: Bytes[]): Bytes {
    const head = [this.u16(linkType), this.u16(0), this.u32(0)];
    return this.block(1, ...head, ...options);
  }

  /** An enhanced packet block. */
  packet(
    interfaceId: number,
    stamp: bigint,
    bytes: Uint8Array,
    ...options: Bytes[]
  ): Bytes {
    const length = this.u32(bytes.length);
    const head = [this.u32(interfaceId), this.#stamp(stamp), length, length];
    return this.block(6, ...head, padded(bytes), ...options);
  }

  /** A simple packet block. */
  simplePacket(bytes: Uint8Array): Bytes {
    return this.block(3, this.u32(bytes.length), bytes);
  }

  /** The obsolete packet block. */
  oldPacket(interfaceId: number, stamp: bigint, bytes: Uint8Array): Bytes {
    const length = this.u32(bytes.length);
    const ids = [this.u16(interfaceId), this.u16(0)];
    return this.block(2, ...ids, this.#stamp(stamp), length, length, bytes);
  }
}

function padded(bytes: Uint8Array): Bytes {
  return concat(bytes, new Uint8Array((4 - bytes.length % 4) % 4));
}
