/**
 * The host's own addresses, kept current: the kernel's local routing table,
 * over rtnetlink (RFC 3549, linux/rtnetlink.h).
 *
 * @module
 */

import {
  AddressSet,
  type AddressWords,
  IPV4_MAPPED,
  prefixMask,
} from "../detect/address.ts";
import { checked, ENOBUFS, errno, libc } from "../ffi/libc.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../ffi/linux.ts";
import { attachFilter, type FilterInstruction } from "../ffi/bpf.ts";

// linux/netlink.h
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP = 0x300;
const NLMSG_HEADER = 16;
// linux/rtnetlink.h
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTMSG = 12;
const IFADDRMSG = 8;
const IFA_ADDRESS = 1;
const RTA_DST = 1;
const RT_TABLE_LOCAL = 255;
const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;

/** Larger than the messages that the kernel packs a dump into. */
const BUFFER_SIZE = 65_536;

/**
 * Keeps notifications about routes outside but for local ones: a router with a
 * full table gets thousands a second.
 */
const LOCAL_ROUTES_ONLY: readonly FilterInstruction[] = [
  // ldh [4]: the message's type, which the filter reads in network byte order.
  [0x28, 0, 0, 4],
  // Types 24 and 25, RTM_NEWROUTE and RTM_DELROUTE, are checked further.
  [0x15, 1, 0, 0x1800],
  [0x15, 0, 2, 0x1900],
  // ldb [23]: rtm_type.
  [0x30, 0, 0, NLMSG_HEADER + 7],
  [0x15, 0, 1, RTN_LOCAL],
  [0x06, 0, 0, 0xffffffff],
  [0x06, 0, 0, 0],
];

/** Watches the host's own addresses. */
export class LocalAddresses {
  /** The addresses as of the last {@linkcode LocalAddresses.refresh}. */
  readonly addresses: AddressSet = new AddressSet();
  /** The IPv6 networks that the host shares a link with, as of then. */
  readonly onLink: AddressSet = new AddressSet();
  /** Readable when something changed: a descriptor to poll. */
  readonly fd: number;
  readonly #dumpFd: number;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);

  /** @throws {SystemError} If the kernel refuses. */
  constructor() {
    this.fd = openNetlink(
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
        RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE,
    );
    this.#dumpFd = openNetlink(0);
    // Else a router's full table would come along. Kernels before 4.20 send it.
    libc().setsockopt(
      this.#dumpFd,
      SOL_NETLINK,
      NETLINK_GET_STRICT_CHK,
      Int32Array.of(1),
      4,
    );
    attachFilter(this.fd, LOCAL_ROUTES_ONLY);
    this.refresh();
  }

  /** Takes notifications off the descriptor and reads the addresses anew. */
  refresh(): void {
    while (
      libc().recv(this.fd, this.#buffer, BigInt(BUFFER_SIZE), MSG_DONTWAIT) >
        0n || errno() === ENOBUFS
    );
    const local = new AddressSet();
    local.add({ words: [0, 0, IPV4_MAPPED, -1], prefix: 128 }); // broadcast
    for (const family of [AF_INET, AF_INET6]) {
      this.#dump(RTM_GETROUTE, family, (m) => takeRoute(m, local));
    }
    this.addresses.assign(local);
    const onLink = new AddressSet();
    this.#dump(RTM_GETADDR, AF_INET6, (m) => takePrefix(m, onLink));
    this.onLink.assign(onLink);
  }

  /** Asks for a whole table and hands on its messages. */
  #dump(type: number, family: number, take: (message: Message) => void): void {
    const request = dumpRequest(type, family);
    checked(
      libc().send(this.#dumpFd, request, BigInt(request.length), 0),
      "send on rtnetlink",
    );
    for (let more = true; more;) {
      const length = Number(checked(
        libc().recv(this.#dumpFd, this.#buffer, BigInt(BUFFER_SIZE), 0),
        "recv on rtnetlink",
      ));
      more = takeMessages(new DataView(this.#buffer.buffer, 0, length), take);
    }
  }

  /** Closes both sockets. */
  close(): void {
    libc().close(this.fd);
    libc().close(this.#dumpFd);
  }
}

function openNetlink(groups: number): number {
  const fd = checked(
    libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE),
    "socket(AF_NETLINK)",
  );
  const address = new DataView(new ArrayBuffer(12)); // struct sockaddr_nl
  address.setUint16(0, AF_NETLINK, true);
  address.setUint32(8, groups, true);
  checked(libc().bind(fd, address.buffer, 12), "bind on rtnetlink");
  return fd;
}

/** A request for all addresses, or all local routes, of a family. */
function dumpRequest(type: number, family: number): Uint8Array<ArrayBuffer> {
  const isRoute = type === RTM_GETROUTE;
  const bytes = new Uint8Array(NLMSG_HEADER + (isRoute ? RTMSG : IFADDRMSG));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  bytes[NLMSG_HEADER] = family;
  if (isRoute) bytes[NLMSG_HEADER + 4] = RT_TABLE_LOCAL;
  return bytes;
}

/** A message's payload: struct rtmsg or struct ifaddrmsg, then attributes. */
interface Message {
  view: DataView;
  type: number;
  start: number;
  end: number;
}

/** Takes the messages of one datagram; returns whether more are to come. */
function takeMessages(
  view: DataView,
  take: (message: Message) => void,
): boolean {
  for (let at = 0; at + NLMSG_HEADER <= view.byteLength;) {
    const length = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE || type === NLMSG_ERROR) return false;
    if (length < NLMSG_HEADER || at + length > view.byteLength) return false;
    take({ view, type, start: at + NLMSG_HEADER, end: at + length });
    at += align(length);
  }
  return true;
}

/** struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type */
function takeRoute(message: Message, found: AddressSet): void {
  const { view, type, start, end } = message;
  if (type !== RTM_NEWROUTE || start + RTMSG > end) return;
  const family = view.getUint8(start);
  const kind = view.getUint8(start + 7);
  if (view.getUint8(start + 4) !== RT_TABLE_LOCAL) return;
  if (kind !== RTN_LOCAL && kind !== RTN_BROADCAST) return;
  const bits = view.getUint8(start + 1);
  const words = findAddress(message, RTMSG, RTA_DST, family);
  const prefix = family === AF_INET ? 96 + bits : bits;
  if (words !== undefined) found.add({ words, prefix });
}

/** struct ifaddrmsg: family, prefixlen, flags, scope, index */
function takePrefix(message: Message, found: AddressSet): void {
  const { view, type, start, end } = message;
  if (type !== RTM_NEWADDR || start + IFADDRMSG > end) return;
  const prefix = view.getUint8(start + 1);
  const words = findAddress(
    message,
    IFADDRMSG,
    IFA_ADDRESS,
    view.getUint8(start),
  );
  if (words === undefined || prefix > 128) return;
  const mask = prefixMask(prefix);
  found.add({
    words: [
      words[0] & mask[0],
      words[1] & mask[1],
      words[2] & mask[2],
      words[3] & mask[3],
    ],
    prefix,
  });
}

/** The address in the attribute of a type, if there is one. */
function findAddress(
  { view, start, end }: Message,
  headerLength: number,
  type: number,
  family: number,
): AddressWords | undefined {
  for (let at = start + headerLength; at + 4 <= end;) {
    const length = view.getUint16(at, true); // struct rtattr
    if (length < 4 || at + length > end) return undefined;
    if (view.getUint16(at + 2, true) === type) {
      return readAddress(view, at + 4, length - 4, family);
    }
    at += align(length);
  }
  return undefined;
}

function readAddress(
  view: DataView,
  at: number,
  length: number,
  family: number,
): AddressWords | undefined {
  if (family === AF_INET && length === 4) {
    return [0, 0, IPV4_MAPPED, view.getInt32(at)];
  }
  if (family === AF_INET6 && length === 16) {
    return [
      view.getInt32(at),
      view.getInt32(at + 4),
      view.getInt32(at + 8),
      view.getInt32(at + 12),
    ];
  }
  return undefined;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
