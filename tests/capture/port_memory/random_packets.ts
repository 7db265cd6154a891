/**
 * Packets that come near all that the filter decides by.
 *
 * @module
 */

import { parseAddress } from "../../../detect/packet/address.ts";
import {
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "../../../ffi/linux.ts";
import {
  authentication,
  type Bytes,
  concat,
  extension,
  fragmentHeader,
  icmpUnreachable,
  ipv4,
  ipv6,
  sctp,
  tcp,
  udp,
} from "../../packets.ts";
import { below, pick, type Random } from "../../random.ts";
import type { SeenPacket } from "./model.ts";

/** Addresses of the host, and of others. */
export const OURS = ["10.77.0.2", "192.0.2.9", "2001:db8:77::2", "fe80::1"];
/**
 * The same as hexadecimal digits, as packets have them; and what stands in empty
 * places of the table, which no host sends to.
 */
export function hostAddresses(): Set<string> {
  return new Set([...OURS, "::"].map((text) => {
    const { words, bits } = parseAddress(text);
    const view = new DataView(new ArrayBuffer(16));
    for (const [i, word] of words.entries()) view.setInt32(4 * i, word);
    return new Uint8Array(view.buffer, 16 - bits / 8).toHex();
  }));
}

const LOOPBACK = ["127.0.0.1", "127.1.2.3"];
const THEIRS = ["10.77.0.1", "224.0.0.251", "2001:db8:77::1", "ff02::1", "::"];
/** Few ports, so that packets meet what others have written. */
export const PORTS = [0, 22, 53, 514, 8125, 40_000, 65_535];
export const PROTOCOLS = [
  0,
  1,
  2,
  4,
  6,
  17,
  41,
  43,
  44,
  47,
  51,
  58,
  60,
  132,
  255,
];
/** Loopback, one that routes, one in a bridge, one beyond the table. */
export const INTERFACES = [1, 2, 3, 70_000];
const FLAGS = [0, 1, 2, 4, 0x10, 0x11, 0x12, 0x14, 0x18, 0x19, 0x50, 0xff];

function transport(random: Random, protocol: number): Bytes {
  const ports = {
    sourcePort: pick(random, PORTS),
    destinationPort: pick(random, PORTS),
  };
  switch (protocol) {
    case 6:
      return tcp({ ...ports, flags: pick(random, FLAGS) });
    case 17:
      return udp(ports);
    case 132:
      return sctp({ ...ports, chunk: pick(random, [0, 1, 2, 3, 6, 10, 11]) });
    case 1:
    case 58:
      return icmpUnreachable(new Uint8Array(8), {
        version: protocol === 1 ? 4 : 6,
        type: pick(random, [1, 3, 4, 8, 11]),
        code: pick(random, [0, 1, 2, 3, 4, 5, 6, 9, 10, 13]),
      });
    default:
      return Uint8Array.from({ length: 24 }, () => below(random, 256));
  }
}

function datagram4(random: Random): Bytes {
  const protocol = pick(random, PROTOCOLS);
  const addresses = [...OURS, ...LOOPBACK, ...THEIRS]
    .filter((address) => !address.includes(":"));
  const isFragment = below(random, 4) === 0;
  return ipv4(transport(random, protocol), {
    protocol,
    source: pick(random, addresses),
    destination: pick(random, addresses),
    position: isFragment ? 8 * below(random, 5) : 0,
    isMore: isFragment && below(random, 2) === 0,
    options: new Uint8Array(4 * pick(random, [0, 0, 0, 1, 10])).fill(1),
    ...(below(random, 20) === 0 ? { headerLength: 4 * below(random, 16) } : {}),
  });
}

function datagram6(random: Random): Bytes {
  let next = pick(random, PROTOCOLS);
  let payload = transport(random, next);
  for (let count = pick(random, [0, 0, 0, 1, 1, 2, 4, 5]); count > 0; count--) {
    const kind = pick(random, [0, 43, 44, 51, 60]);
    if (kind === 44) {
      const position = 8 * pick(random, [0, 0, 1, 2, 3]);
      const isMore = below(random, 2) === 0;
      payload = fragmentHeader(next, payload, { position, isMore });
    } else if (kind === 51) payload = authentication(next, payload);
    else payload = extension(next, payload, 1 + below(random, 3));
    next = kind;
  }
  const addresses = [...OURS, ...THEIRS].filter((a) => a.includes(":"));
  const [source, destination] = [
    pick(random, addresses),
    pick(random, addresses),
  ];
  return ipv6(payload, { next, source, destination });
}

/** Makes a packet; some are cut short, some have a byte changed. */
export function randomPacket(random: Random): SeenPacket {
  const isIpv4 = below(random, 2) === 0;
  let bytes = isIpv4 ? datagram4(random) : datagram6(random);
  if (below(random, 6) === 0) {
    bytes = bytes.slice(0, 1 + below(random, bytes.length));
  }
  if (below(random, 6) === 0) {
    bytes[below(random, bytes.length)] = below(random, 256);
  }
  if (below(random, 20) === 0) {
    bytes = concat([below(random, 16) * 16, below(random, 2), 0x08, 0], bytes);
  }
  const isOut = below(random, 2) === 0;
  return {
    bytes: concat(bytes),
    etherType: below(random, 40) === 0
      ? pick(random, [0x0806, 0x8100, 0x88a8, 0x9100])
      : isIpv4
      ? ETH_P_IP
      : ETH_P_IPV6,
    packetType: isOut
      ? PACKET_OUTGOING
      : pick(random, [0, 0, 0, 1, 2, PACKET_OTHERHOST]),
    interface: pick(random, INTERFACES),
    ingress: pick(random, [0, 0, 2, 3]),
    isTagged: below(random, 4) === 0,
  };
}
