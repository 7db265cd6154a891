/**
 * What the filter with the port memory is to do with a packet, told in another
 * way than the program does.
 *
 * @module
 */

import {
  type PortTimes,
  TRANSLATED,
} from "../../../detect/probe/port_memory.ts";
import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "../../../ffi/linux.ts";

/** A packet, and what the kernel knows of it. */
export interface SeenPacket {
  /** From the network header on. */
  bytes: Uint8Array;
  etherType: number;
  /** PACKET_HOST, PACKET_OUTGOING and so on, of linux/if_packet.h. */
  packetType: number;
  /** The interface's number; 1: loopback. */
  interface: number;
  /** The number of that by which it came; 0: the host has made it. */
  ingress: number;
  /** Whether the kernel holds a VLAN tag of it. */
  isTagged: boolean;
}

/** What is known of the host. */
export interface Host {
  promiscuous: boolean;
  /** Whether it asks for scans of its own [false]. */
  outgoing?: boolean;
  /** Whether it watches some of its interfaces only [false]. */
  partial?: boolean;
  /** Its addresses, as hexadecimal digits. */
  addresses: ReadonlySet<string>;
  /** Whether it has others besides [false]. */
  anyAddress?: boolean;
  /** Numbers of interfaces that no bridge holds. */
  routing: ReadonlySet<number>;
  times: PortTimes;
  /** When somebody else used an IPv6 address of its own; 0: never. */
  impostor: number;
  /** Seconds since boot. */
  now: number;
}

const DROP = 0;
const PASS = 192;
const EXTENDED = 2_048;

const TCP = 6;
const UDP = 17;
const SCTP = 132;
const EXTENSIONS = [0, 43, 44, 51, 60];
const [FIN, SYN, RST, ACK, PSH] = [1, 2, 4, 16, 8];

/** How a packet is taken apart; a missing part makes it come up. */
interface Parts {
  isIpv4: boolean;
  protocol: number;
  source: string;
  destination: string;
  transport: Uint8Array;
  isLaterFragment: boolean;
  /** Of IPv4: what must be reassembled, and what cannot matter for that. */
  fragment: "none" | "wanted" | "unwanted";
  isExtended: boolean;
}

/** How many bytes of a packet come up; writes the times that it changes. */
export function judge(packet: SeenPacket, host: Host): number {
  const { packetType, etherType, bytes } = packet;
  const isOut = packetType === PACKET_OUTGOING;
  if (packetType === PACKET_OTHERHOST && !host.promiscuous) return DROP;
  if (isPriorityTag(packet)) return EXTENDED;
  if (etherType !== ETH_P_IP && etherType !== ETH_P_IPV6) return DROP;
  const parts = etherType === ETH_P_IP ? takeIpv4(bytes) : takeIpv6(bytes);
  if (parts === undefined) return PASS;
  return isOut
    ? judgeOutgoing(packet, parts, host)
    : judgeIncoming(packet, parts, host);
}

/** Whether a tag for no VLAN is left that the host takes off as well. */
function isPriorityTag({ packetType, etherType, bytes }: SeenPacket): boolean {
  if (packetType === PACKET_OUTGOING || bytes.length < 2) return false;
  const isTag = etherType === ETH_P_8021Q || etherType === ETH_P_8021AD;
  return isTag && bytes[0] % 16 === 0 && bytes[1] === 0;
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

function takeIpv4(bytes: Uint8Array): Parts | undefined {
  const headerLength = (bytes[0] & 15) * 4;
  if (bytes.length < 20 || headerLength < 20) return undefined;
  const field = bytes[6] * 256 + bytes[7];
  const position = field & 0x1fff;
  return {
    isIpv4: true,
    protocol: bytes[9],
    source: hex(bytes.subarray(12, 16)),
    destination: hex(bytes.subarray(16, 20)),
    transport: bytes.subarray(headerLength),
    isLaterFragment: position > 0,
    fragment: position > 2
      ? "unwanted"
      : (field & 0x3fff) > 0
      ? "wanted"
      : "none",
    isExtended: false,
  };
}

function takeIpv6(bytes: Uint8Array): Parts | undefined {
  if (bytes.length < 40) return undefined;
  return {
    isIpv4: false,
    protocol: bytes[6],
    source: hex(bytes.subarray(8, 24)),
    destination: hex(bytes.subarray(24, 40)),
    transport: bytes.subarray(40),
    isLaterFragment: false,
    fragment: "none",
    isExtended: EXTENSIONS.includes(bytes[6]),
  };
}

function rowsOf({ interface: index }: SeenPacket): number {
  return index === 1 ? 2 : 0;
}

function judgeIncoming(
  packet: SeenPacket,
  parts: Parts,
  host: Host,
): number {
  const hasMemory = packet.packetType !== PACKET_OTHERHOST;
  const isOutside = packet.interface !== 1 || !hasMemory;
  if (!parts.isIpv4 && isOutside && !parts.destination.startsWith("ff")) {
    if (host.addresses.has(parts.source)) host.impostor = host.now;
  }
  const isTcpOrSctp = parts.protocol === TCP || parts.protocol === SCTP;
  if (parts.isExtended) {
    const { transport } = parts;
    const isDatagram = parts.protocol === 44 && transport.length >= 8 &&
      transport[0] === UDP;
    if (!isDatagram) return EXTENDED;
    if (transport[2] * 256 + transport[3] >= 8) return DROP;
    return judgeDatagram(packet, { ...parts, transport: transport.slice(8) });
  }
  if (parts.isIpv4 && isTcpOrSctp && parts.fragment !== "none") {
    return parts.fragment === "wanted" ? PASS : DROP;
  }
  if (parts.protocol === (parts.isIpv4 ? 1 : 58)) {
    const isWhole = parts.fragment === "none";
    return host.outgoing && isWhole ? judgeError(parts) : DROP;
  }
  if (parts.isIpv4 && parts.protocol === 2) return DROP;
  if (parts.isLaterFragment) return DROP;
  if (parts.protocol === TCP) return judgeSegment();
  if (parts.protocol === UDP) return judgeDatagram(packet, parts);
  if (parts.protocol === SCTP) {
    if (parts.transport.length < 13) return PASS;
    const chunks = host.outgoing ? [1, 2, 6, 10] : [1, 10];
    return chunks.includes(parts.transport[12]) ? PASS : DROP;
  }
  const sent = host.times
    .protocols[2 * parts.protocol + (packet.interface === 1 ? 1 : 0)];
  return hasMemory ? unlessInUse(sent, 900) : DROP;

  function judgeSegment(): number {
    if (parts.transport.length < 14) return PASS;
    if (![ACK, ACK | PSH].includes(parts.transport[13])) return PASS;
    return hasMemory ? unlessInUse(sentFrom(rowsOf(packet), parts), 900) : DROP;
  }

  function judgeDatagram(packet: SeenPacket, parts: Parts): number {
    if (!hasMemory) return DROP;
    if (parts.transport.length < 8) return PASS;
    const isLoopback = packet.interface === 1;
    const port = parts.transport[2] * 256 + parts.transport[3];
    const bits = host.times.receivers[2 * port];
    if (unlessInUse(sentFrom(rowsOf(packet) + 1, parts), 180) === DROP) {
      return DROP;
    }
    if ((bits & (isLoopback ? 2 : 1)) !== 0) return DROP;
    return unlessInUse(0, 0);
  }

  function sentFrom(row: number, { transport }: Parts): number {
    const port = transport[2] * 256 + transport[3];
    return host.times.ports[2 * (65_536 * row + port)] % TRANSLATED;
  }

  function unlessInUse(sent: number, span: number): number {
    if (sent !== 0 && host.now - sent <= span) return DROP;
    const isLocal = host.addresses.has(parts.destination) ||
      parts.isIpv4 && parts.destination.startsWith("7f");
    return isLocal ? PASS : DROP;
  }
}

/** ICMP errors that refuse. */
function judgeError({ protocol, transport }: Parts): number {
  if (transport.length < 2) return PASS;
  const kind = `${transport[0]}/${transport[1]}`;
  const refusals = protocol === 1
    ? ["3/2", "3/3", "3/9", "3/10", "3/13"]
    : ["1/1", "1/4", "1/5", "1/6", "4/1"];
  return refusals.includes(kind) ? PASS : DROP;
}

function judgeOutgoing(
  packet: SeenPacket,
  header: Parts,
  host: Host,
): number {
  if (header.isLaterFragment) return DROP;
  const parts = header.isExtended ? walk(header) : header;
  if (typeof parts === "number") return parts;
  const isNative = packet.ingress === 0;
  const bearsOurs = host.addresses.has(parts.source);
  if (!isNative && bearsOurs) {
    const isForged = host.impostor !== 0 && host.now - host.impostor <= 60;
    if (packet.isTagged && !host.partial) return DROP;
    if (!parts.isIpv4 && isForged) return DROP;
    if (!host.routing.has(packet.interface)) return DROP;
  }
  const isAlone = packet.interface === 1 || host.anyAddress === true;
  const isOurs = bearsOurs || isNative && isAlone;
  const { protocol, transport } = parts;
  const port = transport[0] * 256 + transport[1];
  const write = (words: Uint32Array, at: number) => {
    words[at] = host.now;
  };
  const writeSent = (row: number) => {
    const at = 2 * (65_536 * row + port);
    host.times.ports[at] = host.now + (isNative ? 0 : TRANSLATED);
    return at;
  };
  switch (protocol) {
    case TCP: {
      if (transport.length < 14) return PASS;
      const flags = transport[13];
      if ((flags & RST) !== 0) return (flags & ACK) !== 0 ? DROP : PASS;
      if (host.outgoing && (flags & (SYN | FIN | ACK)) === 0) return PASS;
      if (!isOurs) return (flags & (SYN | FIN)) !== 0 ? PASS : DROP;
      const at = writeSent(rowsOf(packet));
      const opens = (flags & SYN) !== 0 && (flags & ACK) !== 0;
      if (opens) write(host.times.ports, at + 1);
      return (flags & (SYN | FIN)) !== 0 ? PASS : DROP;
    }
    case UDP:
      if (!isOurs) return DROP;
      if (transport.length < 2) return PASS;
      writeSent(rowsOf(packet) + 1);
      return DROP;
    case 1:
    case 58:
      return judgeError(parts);
    case SCTP:
      if (transport.length < 13) return PASS;
      return (host.outgoing ? [1, 2, 6, 10] : [2, 6]).includes(transport[12])
        ? PASS
        : DROP;
    case 2:
      return DROP;
    default: {
      const word = packet.interface === 1 ? 1 : 0;
      if (isOurs) write(host.times.protocols, 2 * protocol + word);
      return DROP;
    }
  }
}

/** Walks over four extension headers at most. */
function walk(parts: Parts): Parts | number {
  let { protocol, transport } = parts;
  for (let i = 0; EXTENSIONS.includes(protocol); i++) {
    if (i === 4 || transport.length < 8) return EXTENDED;
    if (protocol === 44 && transport[2] * 256 + transport[3] >= 8) return DROP;
    const length = protocol === 44
      ? 8
      : protocol === 51
      ? (transport[1] + 2) * 4
      : (transport[1] + 1) * 8;
    protocol = transport[0];
    transport = transport.subarray(length);
  }
  return { ...parts, protocol, transport };
}
