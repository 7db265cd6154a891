/**
 * What nobody wants to hear of: sources, or what they do at some ports.
 *
 * @module
 */

import { AddressSet, parseNetwork } from "../packet/address.ts";
import { textsOf } from "../settings.ts";
import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from "../packet/segment.ts";

const HIGHEST_PORT = 65_535;
/** The name of all protocols that have no ports: their number counts as one. */
const PORTLESS = "ip";
const PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: PROTOCOL_TCP,
  udp: PROTOCOL_UDP,
  sctp: PROTOCOL_SCTP,
};

/** Some ports, each of one protocol or of all. */
class Ports {
  /** Of all protocols that have ports: first and last of each range. */
  readonly #all: number[] = [];
  readonly #tcp: number[] = [];
  readonly #udp: number[] = [];
  readonly #sctp: number[] = [];
  readonly #portless: number[] = [];

  /**
   * Adds what a text such as `53+udp/123+6000-6100` says.
   *
   * @throws {SyntaxError} If it says nothing.
   */
  add(text: string): void {
    for (const part of text.split("+")) {
      const match = /^(?:([a-z]+)\/)?(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
      const ranges = match === null ? undefined : this.#rangesOf(match[1]);
      const first = Number(match?.[2]);
      const last = Number(match?.[3] ?? match?.[2]);
      const isRange = first <= last && last <= HIGHEST_PORT;
      if (ranges === undefined || !isRange) {
        throw new SyntaxError(
          `Cannot read ports: "${part}" is neither a port such as 53, nor a range such as 6000-6100, nor either behind tcp/, udp/, sctp/ or ip/`,
        );
      }
      ranges.push(first, last);
    }
  }

  #rangesOf(protocol: string | undefined): number[] | undefined {
    if (protocol === undefined) return this.#all;
    if (protocol === PORTLESS) return this.#portless;
    return Object.hasOwn(PROTOCOLS, protocol)
      ? this.#ofProtocol(PROTOCOLS[protocol])
      : undefined;
  }

  #ofProtocol(protocol: number): number[] {
    switch (protocol) {
      case PROTOCOL_TCP:
        return this.#tcp;
      case PROTOCOL_UDP:
        return this.#udp;
      case PROTOCOL_SCTP:
        return this.#sctp;
      default:
        return this.#portless;
    }
  }

  /** Whether a port of a protocol is among them. */
  has(protocol: number, port: number): boolean {
    const ranges = this.#ofProtocol(protocol);
    return isWithin(ranges, port) ||
      ranges !== this.#portless && isWithin(this.#all, port);
  }

  get isEmpty(): boolean {
    return [this.#all, this.#tcp, this.#udp, this.#sctp, this.#portless]
      .every(({ length }) => length === 0);
  }
}

function isWithin(ranges: readonly number[], port: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (port >= ranges[i] && port <= ranges[i + 1]) return true;
  }
  return false;
}

/** Sources of which the same ports do not count. */
interface Group {
  sources: AddressSet;
  ports: Ports;
}

/**
 * Decides which probes do not count. Asking allocates nothing, and takes the
 * logarithm of the number of networks.
 *
 * @example
 * ```ts
 * import { IgnoreRules } from "@scanlogd/scanlogd";
 * import { parseAddress } from "@scanlogd/scanlogd/packet";
 * import { assert } from "@std/assert";
 *
 * const rules = IgnoreRules.from(["192.0.2.0/24", "198.51.100.7=udp/53"]);
 * assert(rules.has(...parseAddress("192.0.2.1").words, 6, 22));
 * assert(rules.has(...parseAddress("198.51.100.7").words, 17, 53));
 * assert(!rules.has(...parseAddress("198.51.100.7").words, 6, 53));
 * ```
 */
export class IgnoreRules {
  /** Sources of which nothing counts. */
  #sources: AddressSet = new AddressSet();
  /** Ports that do not count, whoever asks. */
  #ports: Ports = new Ports();
  /** All sources that some ports do not count of. */
  #some: AddressSet = new AddressSet();
  #groups: readonly Group[] = [];
  #isEmpty = true;

  /**
   * Makes rules of texts.
   *
   * @param sources Networks, `192.0.2.0/24`, or with ports,
   * `192.0.2.0/24=53+udp/123+6000-6100`.
   * @param ports Ports that do not count for anybody, as behind the `=`.
   * @throws {TypeError} If these are no lists of texts.
   * @throws {SyntaxError} If one is neither.
   * @throws {RangeError} If a prefix is longer than its address.
   */
  static from(
    sources: Iterable<string>,
    ports: Iterable<string> = [],
  ): IgnoreRules {
    const rules = new IgnoreRules();
    const groups = new Map<string, Group>();
    for (const text of textsOf("make rules: sources", sources)) {
      rules.#add(text, groups);
    }
    for (const text of textsOf("make rules: ports", ports)) {
      rules.#ports.add(text);
    }
    rules.#groups = [...groups.values()];
    rules.#isEmpty = rules.#sources.size === 0 && groups.size === 0 &&
      rules.#ports.isEmpty;
    return rules;
  }

  /** Rules that leave out the addresses of a set, as it is at each moment. */
  static ofSources(sources: AddressSet): IgnoreRules {
    const rules = new IgnoreRules();
    rules.#sources = sources;
    rules.#isEmpty = false;
    return rules;
  }

  #add(text: string, groups: Map<string, Group>): void {
    const split = text.indexOf("=");
    const network = parseNetwork(split < 0 ? text : text.slice(0, split));
    if (split < 0) return this.#sources.add(network);
    const key = text.slice(split + 1);
    let group = groups.get(key);
    if (group === undefined) {
      group = { sources: new AddressSet(), ports: new Ports() };
      group.ports.add(key);
      groups.set(key, group);
    }
    group.sources.add(network);
    this.#some.add(network);
  }

  /** Takes over the rules of another object, in one step. */
  assign(other: IgnoreRules): void {
    this.#sources = other.#sources;
    this.#ports = other.#ports;
    this.#some = other.#some;
    this.#groups = other.#groups;
    this.#isEmpty = other.#isEmpty;
  }

  /**
   * Whether what a source does at a port does not count.
   *
   * @param w0 Bits 0 to 31 of its address.
   * @param w1 Bits 32 to 63.
   * @param w2 Bits 64 to 95.
   * @param w3 Bits 96 to 127.
   * @param protocol The IP protocol's number.
   * @param port The port; of protocols without any, the protocol's number.
   */
  has(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    protocol: number,
    port: number,
  ): boolean {
    if (this.#isEmpty) return false;
    if (this.#sources.has(w0, w1, w2, w3)) return true;
    if (this.#ports.has(protocol, port)) return true;
    if (this.#groups.length === 0 || !this.#some.has(w0, w1, w2, w3)) {
      return false;
    }
    for (const { sources, ports } of this.#groups) {
      if (ports.has(protocol, port) && sources.has(w0, w1, w2, w3)) return true;
    }
    return false;
  }
}
