/**
 * rtnetlink: the kernel's tables of links, addresses and routes (RFC 3549,
 * linux/netlink.h, linux/rtnetlink.h).
 *
 * @module
 */

import {
  assemble,
  JUMP_EQUAL,
  LD_BYTE_ABS,
  LD_HALF_ABS,
  RETURN,
} from "../ffi/bpf.ts";
import { closeDescriptor, keepDescriptor } from "../ffi/descriptors.ts";
import { attachFilter } from "../ffi/socket_filter.ts";
import { checked, ENOBUFS, errno, libc } from "../ffi/libc.ts";
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../ffi/linux.ts";

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
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
/** Sizes of struct ifinfomsg, struct ifaddrmsg, struct rtmsg. */
export const IFINFOMSG = 16;
export const IFADDRMSG = 8;
export const RTMSG = 12;
export const RT_TABLE_LOCAL = 255;
export const RTN_LOCAL = 2;
/** Routers answer there as well: RFC 4291, 2.6.1. */
export const RTN_ANYCAST = 4;
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
const LOCAL_ROUTES_ONLY = assemble([
  // The message's type, which the filter reads in network byte order.
  { code: LD_HALF_ABS, k: 4 },
  { code: JUMP_EQUAL, k: RTM_NEWROUTE << 8, ifTrue: "route" },
  { code: JUMP_EQUAL, k: RTM_DELROUTE << 8, ifFalse: "accept" },
  { label: "route" },
  { code: LD_BYTE_ABS, k: NLMSG_HEADER + 7 }, // rtm_type
  { code: JUMP_EQUAL, k: RTN_LOCAL, ifTrue: "accept" },
  { code: JUMP_EQUAL, k: RTN_ANYCAST, ifTrue: "accept" },
  { code: RETURN, k: 0 },
  { label: "accept" },
  { code: RETURN, k: 0xffffffff },
]);

/** A message's payload: struct rtmsg or struct ifaddrmsg, then attributes. */
export interface Message {
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

/** Reads the kernel's tables, and hears when they change. */
export class Netlink {
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
    attachFilter(this.fd, LOCAL_ROUTES_ONLY);
    this.#dumpFd = openNetlink(0);
    // Else a router's full table would come along. Kernels before 4.20 send it.
    libc().setsockopt(
      this.#dumpFd,
      SOL_NETLINK,
      NETLINK_GET_STRICT_CHK,
      Int32Array.of(1),
      4,
    );
  }

  /**
   * Takes all notifications off the descriptor and hands on their messages.
   *
   * @returns Whether all of them: some are lost if too many come at once.
   */
  takeNotifications(take: (message: Message) => void): boolean {
    const size = BigInt(BUFFER_SIZE);
    let isComplete = true;
    for (;;) {
      const length = Number(
        libc().recv(this.fd, this.#buffer, size, MSG_DONTWAIT),
      );
      if (length > 0) {
        takeMessages(new DataView(this.#buffer.buffer, 0, length), take);
      } else if (errno() === ENOBUFS) isComplete = false;
      else return isComplete;
    }
  }

  /** Asks for a whole table and hands on its messages. */
  dump(type: number, family: number, take: (message: Message) => void): void {
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
    closeDescriptor(this.fd);
    closeDescriptor(this.#dumpFd);
  }
}

function openNetlink(groups: number): number {
  const fd = keepDescriptor(checked(
    libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE),
    "socket(AF_NETLINK)",
  ));
  const address = new DataView(new ArrayBuffer(12)); // struct sockaddr_nl
  address.setUint16(0, AF_NETLINK, true);
  address.setUint32(8, groups, true);
  checked(libc().bind(fd, address.buffer, 12), "bind on rtnetlink");
  return fd;
}

/** A request for all links or addresses, or all local routes, of a family. */
function dumpRequest(type: number, family: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(NLMSG_HEADER + headerSize(type));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  bytes[NLMSG_HEADER] = family;
  if (type === RTM_GETROUTE) bytes[NLMSG_HEADER + 4] = RT_TABLE_LOCAL;
  return bytes;
}

function headerSize(type: number): number {
  if (type === RTM_GETLINK) return IFINFOMSG;
  return type === RTM_GETADDR ? IFADDRMSG : RTMSG;
}

/**
 * Finds the attribute (struct rtattr) of a type.
 *
 * @returns Where its value starts and ends, or undefined.
 */
export function findAttribute(
  { view, start, end }: Message,
  headerLength: number,
  type: number,
): { at: number; length: number } | undefined {
  for (let at = start + headerLength; at + 4 <= end;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > end) return undefined;
    if (view.getUint16(at + 2, true) === type) {
      return { at: at + 4, length: length - 4 };
    }
    at += align(length);
  }
  return undefined;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
