/**
 * A byte for each entry of a set-associative table: sixteen are compared at
 * once and without a branch, which the processor would foresee wrongly.
 *
 * @module
 */

/** Words of a bucket's tags, four tags a word. */
const BUCKET_WORDS = 4;
/** Multiplies a byte into all four of a word. */
const EACH_BYTE = 0x01010101;
/** The highest bit of each byte. */
const HIGH_BITS = 0x80808080 | 0;

/** The tags of a table: 0 for a free entry, from 0x80 on for one in use. */
export class Tags {
  readonly #words: Int32Array;

  /** @param capacity Entries, all free. */
  constructor(capacity: number) {
    this.#words = new Int32Array(capacity / 4);
  }

  /** The memory of the tags, in bytes. */
  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** Looks for a tag in a bucket, as {@linkcode findTag} does. */
  slots(bucket: number, tag: number): number {
    return findTag(this.#words, bucket * BUCKET_WORDS, tag);
  }

  /** The tag of an entry. */
  get(entry: number): number {
    return (this.#words[entry >>> 2] >>> ((entry & 3) << 3)) & 0xff;
  }

  /** Sets the tag of an entry. */
  set(entry: number, tag: number): void {
    const shift = (entry & 3) << 3;
    const others = this.#words[entry >>> 2] & ~(0xff << shift);
    this.#words[entry >>> 2] = others | (tag << shift);
  }
}

/**
 * Looks for a tag among sixteen, in four words. Another tag may be found too:
 * one that differs in nothing but the lowest bit.
 *
 * @returns A set of slots, to be read by {@linkcode lowestSlot}; 0: none.
 */
export function findTag(words: Int32Array, at: number, tag: number): number {
  const each = Math.imul(tag, EACH_BYTE);
  return (zeroBytes(words[at] ^ each) >>> 7) |
    (zeroBytes(words[at + 1] ^ each) >>> 6) |
    (zeroBytes(words[at + 2] ^ each) >>> 5) |
    (zeroBytes(words[at + 3] ^ each) >>> 4);
}

/** The lowest slot of a set, in which bit `8 * byte + word` stands for each. */
export function lowestSlot(slots: number): number {
  const bit = 31 - Math.clz32(slots & -slots);
  return ((bit & 7) << 2) | (bit >>> 3);
}

/**
 * Finds zero bytes: their highest bits are set in the result. The byte above a
 * zero is found too if it is 1.
 */
function zeroBytes(word: number): number {
  return (word - EACH_BYTE) & ~word & HIGH_BITS;
}
