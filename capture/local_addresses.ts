/**
 * The host's own addresses and interfaces, kept current over rtnetlink.
 *
 * @module
 */

import {
  AddressSet,
  type AddressWords,
  IPV4_MAPPED,
  prefixMask,
} from "../detect/packet/address.ts";
import { AF_INET, AF_INET6 } from "../ffi/linux.ts";
import {
  findAttribute,
  IFADDRMSG,
  IFINFOMSG,
  type Message,
  Netlink,
  RT_TABLE_LOCAL,
  RTM_DELLINK,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTMSG,
  RTN_ANYCAST,
  RTN_LOCAL,
} from "./netlink.ts";

// linux/rtnetlink.h, linux/if_addr.h, linux/if_link.h, linux/if.h
const RTN_BROADCAST = 3;
const RTA_DST = 1;
const IFA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFF_UP = 1;
/** 127.0.0.0/8, which no packet outside bears, in its first byte. */
const LOOPBACK = 127;

/** An interface as it is at the moment. */
export interface Link {
  /** Its number: another one once it is made again. */
  index: number;
  /** Whether it is switched on. */
  isUp: boolean;
  /** Whether it is a port of a bridge, a bond or the like. */
  isEnslaved: boolean;
}

/** Watches the host's own addresses and interfaces. */
export class LocalAddresses {
  /** The addresses as of the last {@linkcode LocalAddresses.refresh}. */
  readonly addresses: AddressSet = new AddressSet();
  /** Those of them that packets are for one by one: no broadcast, no network. */
  hosts: readonly AddressWords[] = [];
  /** Whether whole networks are the host's own too, besides 127.0.0.0/8. */
  hasNetworks = false;
  /** The IPv6 networks that the host shares a link with, as of then. */
  readonly onLink: AddressSet = new AddressSet();
  /** The interfaces by name, as of then. */
  readonly links = new Map<string, Link>();
  /**
   * Numbers of the interfaces that are ports of others. What leaves through one
   * may have come in through another, whatever sender it names; what this host
   * itself sends has left through the interface above it before.
   */
  readonly enslaved = new Set<number>();
  /** Told when an interface appears or gets another name. */
  linkNamed: (name: string, index: number) => void = () => {};
  readonly #names = new Map<number, string>();
  readonly #netlink = new Netlink();
  #isCurrent = false;

  /** @throws {SystemError} If the kernel refuses. */
  constructor() {
    this.#dumpLinks();
    this.refresh();
  }

  /** Readable when something changed: a descriptor to poll. */
  get fd(): number {
    return this.#netlink.fd;
  }

  /** Takes notifications off the descriptor and reads what has changed anew. */
  refresh(): void {
    this.refreshLinks();
    if (this.#isCurrent) return;
    this.#isCurrent = true;
    const local = new AddressSet();
    const hosts: AddressWords[] = [];
    this.hasNetworks = false;
    local.add({ words: [0, 0, IPV4_MAPPED, -1], prefix: 128 }); // broadcast
    for (const family of [AF_INET, AF_INET6]) {
      this.#netlink.dump(
        RTM_GETROUTE,
        family,
        (m) => {
          if (takeRoute(m, local, hosts)) this.hasNetworks = true;
        },
      );
    }
    this.addresses.assign(local);
    this.hosts = hosts;
    const onLink = new AddressSet();
    this.#netlink.dump(RTM_GETADDR, AF_INET6, (m) => takePrefix(m, onLink));
    this.onLink.assign(onLink);
  }

  /** The same for interfaces alone, which costs little. */
  refreshLinks(): void {
    const isComplete = this.#netlink.takeNotifications((message) => {
      if (!this.#takeLink(message)) this.#isCurrent = false;
    });
    if (isComplete) return;
    this.#isCurrent = false;
    this.#dumpLinks();
  }

  #dumpLinks(): void {
    this.links.clear();
    this.#names.clear();
    this.enslaved.clear();
    this.#netlink.dump(RTM_GETLINK, 0, (message) => this.#takeLink(message));
  }

  /** Returns whether a message leaves the addresses as they are. */
  #takeLink(message: Message): boolean {
    if (message.type !== RTM_NEWLINK && message.type !== RTM_DELLINK) {
      return false;
    }
    const [name, link] = readLink(message) ?? [];
    if (link === undefined || name === undefined) return true;
    const before = this.#names.get(link.index);
    const wasUp = before === undefined
      ? undefined
      : this.links.get(before)?.isUp;
    if (before !== undefined) this.links.delete(before);
    this.enslaved.delete(link.index);
    if (message.type === RTM_DELLINK) {
      this.#names.delete(link.index);
      return false;
    }
    this.links.set(name, link);
    if (link.isEnslaved) this.enslaved.add(link.index);
    this.#names.set(link.index, name);
    if (before !== name) this.linkNamed(name, link.index);
    return wasUp === link.isUp || !link.isUp && wasUp === undefined;
  }

  /** Closes the sockets. */
  close(): void {
    this.#netlink.close();
  }
}

/** Watches them where rtnetlink is; elsewhere all packets count. */
export function watchLocalAddresses(): LocalAddresses | undefined {
  return Deno.build.os === "linux" ? new LocalAddresses() : undefined;
}

/**
 * struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type
 *
 * @returns Whether a whole network is the host's own.
 */
function takeRoute(
  message: Message,
  found: AddressSet,
  hosts: AddressWords[],
): boolean {
  const { view, type, start, end } = message;
  if (type !== RTM_NEWROUTE || start + RTMSG > end) return false;
  const family = view.getUint8(start);
  const kind = view.getUint8(start + 7);
  if (view.getUint8(start + 4) !== RT_TABLE_LOCAL) return false;
  const isHost = kind === RTN_LOCAL || kind === RTN_ANYCAST;
  if (!isHost && kind !== RTN_BROADCAST) return false;
  const bits = view.getUint8(start + 1);
  const words = readAddress(message, RTMSG, RTA_DST, family);
  const prefix = family === AF_INET ? 96 + bits : bits;
  if (words === undefined) return false;
  found.add({ words, prefix });
  if (!isHost) return false;
  if (prefix === 128) hosts.push(words);
  return prefix < 128 && !(family === AF_INET && words[3] >>> 24 === LOOPBACK);
}

/** struct ifaddrmsg: family, prefixlen, flags, scope, index */
function takePrefix(message: Message, found: AddressSet): void {
  const { view, type, start, end } = message;
  if (type !== RTM_NEWADDR || start + IFADDRMSG > end) return;
  const prefix = view.getUint8(start + 1);
  const words = readAddress(
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

/**
 * struct ifinfomsg: family, type, index, flags, change. Of a family are messages
 * about a bridge's ports: those are not about the interface itself.
 */
function readLink(message: Message): [string, Link] | undefined {
  const { view, start, end } = message;
  if (start + IFINFOMSG > end || view.getUint8(start) !== 0) return undefined;
  const name = findAttribute(message, IFINFOMSG, IFLA_IFNAME);
  if (name === undefined || name.length < 2) return undefined;
  const bytes = new Uint8Array(
    view.buffer,
    view.byteOffset + name.at,
    name.length - 1,
  );
  return [decoder.decode(bytes), {
    index: view.getInt32(start + 4, true),
    isUp: (view.getUint32(start + 8, true) & IFF_UP) !== 0,
    isEnslaved: findAttribute(message, IFINFOMSG, IFLA_MASTER) !== undefined,
  }];
}

const decoder = new TextDecoder();

/** The address in the attribute of a type, if there is one. */
function readAddress(
  message: Message,
  headerLength: number,
  type: number,
  family: number,
): AddressWords | undefined {
  const { view } = message;
  const { at, length } = findAttribute(message, headerLength, type) ??
    { at: 0, length: 0 };
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
