/**
 * Our kernel filter decides on hostile packets as what it is for says: headers
 * of any length, fragments, truncated packets, bytes that make no sense.
 */

import { type FilterOptions, kernelFilter } from "../../capture/filter.ts";
import {
  EXTENDED_SNAP_LENGTH,
  SNAP_LENGTH,
} from "../../capture/header_fields.ts";
import {
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "../../ffi/linux.ts";
import { assertEquals, assertGreater } from "../assert.ts";
import {
  ACK,
  ETH_P_ARP,
  filter,
  type FilteredPacket,
  FIN,
  PACKET_HOST,
  PSH,
  RST,
  SYN,
} from "../bpf.ts";
import {
  type Bytes,
  NEXT_AUTHENTICATION,
  NEXT_DESTINATION_OPTIONS,
  NEXT_FRAGMENT,
  NEXT_HOP_BY_HOP,
  NEXT_ICMPV6,
  NEXT_ROUTING,
  NEXT_SCTP,
  NEXT_TCP,
  NEXT_UDP,
} from "../packets.ts";
import { below, pick, type Random, withRunSeed } from "../random.ts";

const ICMP = 1;

const EXTENSION_HEADERS = [
  NEXT_HOP_BY_HOP,
  NEXT_ROUTING,
  NEXT_FRAGMENT,
  NEXT_AUTHENTICATION,
  NEXT_DESTINATION_OPTIONS,
];

/** A packet taken apart as far as it reaches; a missing byte is undefined. */
interface Parts {
  version: 4 | 6;
  protocol: number;
  /** Where it stands in the whole datagram, in units of 8 bytes. */
  position: number;
  isFragment: boolean;
  transport: Uint8Array;
}

/** Undefined if it is not IP, or ends before it tells the protocol. */
function takeApart({ bytes, etherType }: FilteredPacket): Parts | undefined {
  if (etherType === ETH_P_IP && bytes.length >= 10) {
    const field = bytes[6] * 256 + bytes[7];
    const position = field % 8192;
    const isMore = (field & 0x2000) !== 0;
    return {
      version: 4,
      protocol: bytes[9],
      position,
      isFragment: isMore || position > 0,
      transport: bytes.subarray((bytes[0] % 16) * 4),
    };
  }
  if (etherType === ETH_P_IPV6 && bytes.length >= 7) {
    return {
      version: 6,
      protocol: bytes[6],
      position: 0,
      isFragment: false,
      transport: bytes.subarray(40),
    };
  }
}

/** Whether a packet may be part of a scan, or answer one by this host. */
function isProbe(
  parts: Parts,
  { evidence, outgoing = false }: FilterOptions,
): boolean {
  const { version, protocol, transport } = parts;
  if (version === 6 && EXTENSION_HEADERS.includes(protocol)) return true;
  const isSctp = evidence && protocol === NEXT_SCTP;
  const isError = outgoing && (protocol === ICMP || protocol === NEXT_ICMPV6);
  if (isError) return isAnswer(parts, outgoing);
  if (protocol !== NEXT_TCP && !isSctp) return false;
  // The longest of both headers ends before byte 24 of a datagram.
  if (parts.isFragment) return parts.position * 8 < 24;
  if (isSctp) {
    return (outgoing ? [1, 2, 6, 10] : [1, 10]).includes(transport[12]);
  }
  return transport.length > 13 && ![ACK, PSH | ACK].includes(transport[13]);
}

/** Whether what this host sends tells that it is scanned. */
function isAnswer(parts: Parts, outgoing: boolean): boolean {
  const { version, protocol, isFragment, transport } = parts;
  if (isFragment) return false;
  const typeAndCode = `${transport[0]}/${transport[1]}`;
  switch (protocol) {
    case NEXT_TCP: {
      const flags = transport[13] ?? 0;
      const isPlainReset = (flags & RST) !== 0 && (flags & ACK) === 0;
      const isNull = outgoing && (flags & (RST | ACK)) === 0 &&
        transport.length > 13;
      return (flags & SYN) !== 0 || (flags & FIN) !== 0 || isPlainReset ||
        isNull;
    }
    case NEXT_SCTP:
      return (outgoing ? [1, 2, 6, 10] : [2, 6]).includes(transport[12]);
    case ICMP:
      return version === 4 &&
        ["3/2", "3/3", "3/9", "3/10", "3/13"].includes(typeAndCode);
    case NEXT_ICMPV6:
      return version === 6 &&
        ["1/1", "1/4", "1/5", "1/6", "4/1"].includes(typeAndCode);
    default:
      return false;
  }
}

/** What the filter is for. */
function shouldPass(
  packet: FilteredPacket,
  options: FilterOptions,
): boolean {
  const { promiscuous, evidence, outgoing = false } = options;
  const parts = takeApart(packet);
  if (parts === undefined) return false;
  const { packetType } = packet;
  if (packetType === PACKET_OUTGOING) {
    return evidence && isAnswer(parts, outgoing);
  }
  if (packetType === PACKET_OTHERHOST && !promiscuous) return false;
  return isProbe(parts, options);
}

const ETHER_TYPES = [ETH_P_IP, ETH_P_IP, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP];
const PACKET_TYPES = [PACKET_HOST, PACKET_OTHERHOST, PACKET_OUTGOING];
/** Headers without options, with some, with most; too short; other versions. */
const FIRST_BYTES = [0x45, 0x45, 0x45, 0x46, 0x4f, 0x40, 0x44, 0x55, 0x65];
const PROTOCOLS = [NEXT_TCP, NEXT_TCP, NEXT_TCP, NEXT_SCTP, ICMP, NEXT_ICMPV6]
  .concat(NEXT_UDP, EXTENSION_HEADERS);
/** Don't Fragment, the reserved bit; first, later, late and last fragments. */
const FRAGMENT_FIELDS = [0, 0, 0x4000, 0x8000, 0xc000]
  .concat(0x2000, 0x2001, 0x2002, 0x2003, 0x0002, 0x0003, 0x1fff, 0x3fff);
const FLAGS = [ACK, ACK | PSH, ACK | PSH | 0x20, SYN, SYN | ACK, FIN | ACK]
  .concat(RST, RST | ACK, 0, 0x50, 0xd0);
const CHUNKS = [0, 1, 2, 6, 10];
const ERRORS = [[1, 1], [1, 4], [1, 6], [3, 2], [3, 3], [3, 13], [3, 4]];

/** Random bytes, most of them with fields that say something. */
function hostilePacket(random: Random): FilteredPacket {
  const bytes: Bytes = Uint8Array.from({ length: 120 }, random);
  const etherType = pick(random, ETHER_TYPES);
  const set = (at: number, ...values: readonly number[]) => {
    if (below(random, 10) > 0) bytes.set(values, at);
  };
  const protocol = pick(random, PROTOCOLS);
  if (etherType === ETH_P_IPV6) {
    set(6, protocol);
  } else {
    const field = pick(random, FRAGMENT_FIELDS);
    set(0, pick(random, FIRST_BYTES));
    set(6, field >> 8, field & 0xff);
    set(9, protocol);
  }
  const transport = etherType === ETH_P_IPV6 ? 40 : (bytes[0] % 16) * 4;
  // A header of less than 20 bytes would have these in the fields set above.
  if (transport >= 20) {
    set(transport, ...pick(random, ERRORS));
    set(transport + 12, pick(random, CHUNKS));
    set(transport + 13, pick(random, FLAGS));
  }
  const length = below(random, 2) === 0 ? bytes.length : below(random, 80);
  return {
    bytes: bytes.subarray(0, length),
    etherType,
    packetType: pick(random, PACKET_TYPES),
  };
}

/** How much of a packet is captured if it passes. */
function snapLengthOf(
  { bytes, etherType, packetType }: FilteredPacket,
): number {
  const isExtended = packetType !== PACKET_OUTGOING &&
    etherType === ETH_P_IPV6 && EXTENSION_HEADERS.includes(bytes[6]);
  return isExtended ? EXTENDED_SNAP_LENGTH : SNAP_LENGTH;
}

const PACKETS = 20_000;
/** As many at least must pass, and must not, or the packets prove little. */
const ENOUGH = PACKETS / 50;

for (const promiscuous of [false, true]) {
  for (const [evidence, outgoing] of [[false], [true], [true, true]]) {
    const options = { promiscuous, evidence, outgoing };
    Deno.test(`hostile packets, ${JSON.stringify(options)}`, async () => {
      const program = kernelFilter(options);
      let passed = 0;
      await withRunSeed((random) => {
        for (let i = 0; i < PACKETS; i++) {
          const packet = hostilePacket(random);
          const expected = shouldPass(packet, options);
          const length = filter(program, packet);
          assertEquals(
            length,
            expected ? snapLengthOf(packet) : 0,
            JSON.stringify({ ...packet, bytes: [...packet.bytes] }),
          );
          if (expected) passed++;
        }
      });
      assertGreater(passed, ENOUGH);
      assertGreater(PACKETS - passed, ENOUGH);
    });
  }
}
