/**
 * The host's own addresses, where the kernel's filter looks for them: an array
 * of buckets, chosen by a hash with a random key, in each of which a few
 * addresses are compared one after the other. It holds some thousand addresses,
 * and a look-up costs the same however many there are.
 *
 * @module
 */

import {
  compute,
  constant,
  FRAME,
  jumpIf,
  load,
  R0,
  R1,
  R2,
  R3,
  type Statement,
  store,
} from "../../ffi/ebpf.ts";
import type { AddressWords } from "../../detect/packet/address.ts";
import { type HashKey, lookUp } from "./parts.ts";

/** A bucket is chosen by so many bits. */
const HASH_BITS = 12;
const BUCKETS = 1 << HASH_BITS;
const SLOTS = 4;
const ADDRESS = 16;

/** What the kernel needs to know to make the array. */
export const ADDRESS_TABLE = {
  entries: BUCKETS,
  valueSize: SLOTS * ADDRESS,
  byteLength: BUCKETS * SLOTS * ADDRESS,
};

/** Makes a key. */
export function randomHashKey(): HashKey {
  const [first, second] = crypto.getRandomValues(new BigUint64Array(2));
  return [first | 1n, second | 1n];
}

/** Keeps the addresses in an array that the kernel reads. */
export class AddressTable {
  readonly #words: BigUint64Array;
  readonly #key: HashKey;

  constructor(memory: ArrayBuffer, key: HashKey) {
    this.#words = new BigUint64Array(memory);
    this.#key = key;
  }

  /**
   * Makes these the addresses. What stays is not touched: packets are looked up
   * meanwhile.
   *
   * @returns For how many there was no room: packets to those are filtered as if
   * there were no port memory.
   */
  assign(addresses: Iterable<AddressWords>): number {
    const wanted = new Map<number, bigint[]>();
    let refused = 0;
    for (const words of addresses) {
      const [upper, lower] = halves(words);
      const bucket = bucketOf(upper, lower, this.#key);
      const slots = wanted.get(bucket) ?? [];
      if (slots.length === 2 * SLOTS) refused++;
      else wanted.set(bucket, [...slots, upper, lower]);
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#set(bucket, wanted.get(bucket) ?? []);
    }
    return refused;
  }

  #set(bucket: number, halves: readonly bigint[]): void {
    for (let i = 0; i < 2 * SLOTS; i++) {
      const at = 2 * SLOTS * bucket + i;
      const value = halves[i] ?? 0n;
      if (this.#words[at] !== value) this.#words[at] = value;
    }
  }
}

/** The halves of an address as the machine reads them from a packet. */
function halves([a, b, c, d]: AddressWords): [bigint, bigint] {
  const view = new DataView(new ArrayBuffer(ADDRESS));
  for (const [i, word] of [a, b, c, d].entries()) view.setInt32(4 * i, word);
  return [view.getBigUint64(0, true), view.getBigUint64(8, true)];
}

function bucketOf(upper: bigint, lower: bigint, key: HashKey): number {
  const product = BigInt.asUintN(64, upper * key[0] + lower * key[1]);
  return Number(product >> BigInt(64 - HASH_BITS));
}

/**
 * Goes to a label if R1 and R2, the halves of an address, are one of the host's;
 * else on. Destroys R1 to R5. The unspecified address, `::`, is found wherever
 * there is an empty place: nobody sends to it.
 *
 * @param stack Where on the stack 16 bytes are free.
 */
export function ifLocalAddress(
  name: string,
  map: number,
  key: HashKey,
  stack: number,
  isLocal: string,
): Statement[] {
  return [
    store(8, FRAME, stack, R1),
    store(8, FRAME, stack + 8, R2),
    constant(R3, key[0]),
    compute(R1, "*=", R3),
    constant(R3, key[1]),
    compute(R2, "*=", R3),
    compute(R1, "+=", R2),
    compute(R1, ">>=", 64 - HASH_BITS),
    ...lookUp(map, R1, `${name}, no bucket`),
    load(8, R1, FRAME, stack),
    load(8, R2, FRAME, stack + 8),
    ...Array.from({ length: SLOTS }, (_, slot) => [
      load(8, R3, R0, slot * ADDRESS),
      jumpIf(R3, "!=", R1, `${name}, not ${slot}`),
      load(8, R3, R0, slot * ADDRESS + 8),
      jumpIf(R3, "==", R2, isLocal),
      { label: `${name}, not ${slot}` },
    ]).flat(),
    { label: `${name}, no bucket` },
  ];
}
