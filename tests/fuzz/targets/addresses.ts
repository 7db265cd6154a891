/**
 * Addresses and sets of networks, beside what the runtime and plain arithmetic
 * say.
 *
 * @module
 */

import { isIP } from "node:net";
import { AddressSet, type Network } from "../../../mod.ts";
import {
  type AddressWords,
  formatAddress,
  parseAddress,
  parseNetwork,
} from "../../../library/packet.ts";
import { assert, assertEquals, assertInstanceOf } from "../../assert.ts";
import type { Bytes } from "../../packets.ts";
import { below, pick, type Random } from "../../random.ts";
import { mutateText } from "../mutate.ts";
import { magnitude, type Outcome, type Target } from "../target.ts";

const WORDS = [
  ...["::", ":", ".", "/", "0", "00", "255", "256", "1", "ffff", "10000", "g"],
  ...["::ffff:", "192.0.2.1", "2001:db8::1", "::1", "%eth0", " ", "+1", "0x1"],
  ...["127.0.0.1", "fe80::", "/0", "/32", "/128", "/129", "\0", "١", ","],
];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function someAddress(random: Random): string {
  const word = () => below(random, 4) === 0 ? 0 : random() | 0;
  switch (below(random, 4)) {
    case 0:
      return formatAddress(0, 0, 0xffff, word());
    case 1:
      return formatAddress(word(), word(), word(), word());
    default:
      return Array.from(
        { length: below(random, 10) },
        () => pick(random, WORDS),
      ).join("");
  }
}

/** One address or network a line. */
function someLines(random: Random): Bytes {
  const lines = Array.from({ length: 1 + below(random, 12) }, () => {
    const prefix = below(random, 2) === 0 ? `/${below(random, 132)}` : "";
    return someAddress(random) + prefix;
  });
  return encoder.encode(lines.join("\n"));
}

/** Reads an address; what is none is a SyntaxError, and the runtime agrees. */
function checkAddress(text: string): AddressWords | undefined {
  try {
    const { words, bits } = parseAddress(text);
    assertEquals(isIP(text), bits === 32 ? 4 : 6, text);
    const written = formatAddress(...words);
    assertEquals(parseAddress(written).words, words, written);
    if (bits === 128) {
      const { hostname } = new URL(`http://[${text}]/`);
      assertEquals(parseAddress(hostname.slice(1, -1)).words, words, text);
    }
    return words;
  } catch (error) {
    assertInstanceOf(error, SyntaxError, `${(error as Error).stack}`);
    const isZoned = text.includes("%"); // which is a link's, not a host's
    assert(isZoned || isIP(text) === 0, `${text} is an address`);
    return undefined;
  }
}

function checkNetwork(text: string): Network | undefined {
  try {
    const network = parseNetwork(text);
    assert(network.prefix >= 0 && network.prefix <= 128);
    const outside = bigOf(network.words) & ~maskOf(network.prefix) & ALL;
    assertEquals(outside, 0n, `${text}: bits behind the prefix`);
    return network;
  } catch (error) {
    const isExpected = error instanceof SyntaxError ||
      error instanceof RangeError;
    assert(isExpected, `${(error as Error).stack}`);
    return undefined;
  }
}

const ALL = (1n << 128n) - 1n;

function bigOf(words: AddressWords): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

function maskOf(prefix: number): bigint {
  return ALL ^ ((1n << BigInt(128 - prefix)) - 1n);
}

/** Whether an address is in a network; IPv4 is not in networks of IPv6. */
function contains({ words, prefix }: Network, address: AddressWords): boolean {
  const big = bigOf(address);
  const isIpv4 = big >> 32n === 0xffffn;
  if (isIpv4 && prefix < 96) return false;
  return (big & maskOf(prefix)) === bigOf(words);
}

/** {@linkcode parseAddress}, {@linkcode parseNetwork}, {@linkcode AddressSet}. */
export const addresses: Target = {
  name: "addresses",
  unit: "texts",
  code: ["detect/packet/address.ts", "detect/packet/ranges.ts"],
  seeds: () => WORDS.map((word) => encoder.encode(word)),
  generate: someLines,
  mutate: (random, input, other) => mutateText(random, input, other, WORDS),
  run(input): Outcome {
    const lines = decoder.decode(input).split("\n").slice(0, 64);
    const found: AddressWords[] = [];
    const networks: Network[] = [];
    for (const line of lines) {
      const address = checkAddress(line);
      const network = checkNetwork(line);
      if (address !== undefined) found.push(address);
      if (network !== undefined) networks.push(network);
    }
    const set = new AddressSet();
    for (const network of networks) set.add(network);
    assert(set.size <= networks.length);
    for (const address of [...found, ...networks.map(({ words }) => words)]) {
      const expected = networks.some((network) => contains(network, address));
      assertEquals(set.has(...address), expected, formatAddress(...address));
    }
    const counts = [lines.length, found.length, networks.length].map(magnitude);
    return { units: lines.length, signature: `${counts}` };
  },
};
