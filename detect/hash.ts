/**
 * The keyed hash that spreads addresses over a table.
 *
 * @module
 */

/**
 * Multilinear hashing over 16-bit characters (Lemire and Kaser, "Strongly
 * universal string hashing is fast", 2014): the sum of each character times a
 * secret 32-bit number, of which the upper 16 bits are used. Whatever addresses
 * an attacker chooses without knowing the secrets, any two of them share a
 * bucket no more often than random ones do.
 *
 * The two results stay in fields, so that asking allocates nothing.
 */
export class AddressHash {
  /** Upper bits choose a bucket: use `bucket >>> (32 - bits)`, bits <= 16. */
  bucket = 0;
  /** A second, independent hash, to tell the members of a bucket apart. */
  tag = 0;

  readonly #k: Int32Array;
  readonly #ipv4Bucket: number;

  /**
   * @param random A source of secrets: 32 random bits at each call.
   */
  constructor(random: () => number) {
    this.#k = Int32Array.from({ length: 13 }, () => random() | 0);
    // Odd factors make the tag one-to-one in each word.
    for (let i = 9; i < 13; i++) this.#k[i] |= 1;
    this.#ipv4Bucket = (this.#k[8] + Math.imul(0xffff, this.#k[5])) | 0;
  }

  /** Hashes an address of four words into the two fields. */
  of(w0: number, w1: number, w2: number, w3: number): void {
    const k = this.#k;
    let bucket = this.#ipv4Bucket;
    let tag = Math.imul(w3 ^ k[8], k[12]);
    if (w0 !== 0 || w1 !== 0 || w2 !== 0xffff) {
      bucket = (k[8] +
        Math.imul(w0 >>> 16, k[0]) + Math.imul(w0 & 0xffff, k[1]) +
        Math.imul(w1 >>> 16, k[2]) + Math.imul(w1 & 0xffff, k[3]) +
        Math.imul(w2 >>> 16, k[4]) + Math.imul(w2 & 0xffff, k[5])) | 0;
      tag ^= Math.imul(w0, k[9]) ^ Math.imul(w1, k[10]) ^ Math.imul(w2, k[11]);
    }
    this.bucket = (bucket + Math.imul(w3 >>> 16, k[6]) +
      Math.imul(w3 & 0xffff, k[7])) | 0;
    this.tag = tag;
  }
}

/**
 * A generator of 32-bit numbers for keys and for choices that an attacker
 * should not foresee: the runtime's cryptographic generator where there is one.
 */
export function secretNumbers(): () => number {
  const { crypto } = globalThis as {
    crypto?: { getRandomValues(words: Uint32Array): Uint32Array };
  };
  if (crypto === undefined) return () => (Math.random() * 2 ** 32) >>> 0;
  const pool = new Uint32Array(64);
  let left = 0;
  return () => {
    if (left === 0) {
      crypto.getRandomValues(pool);
      left = pool.length;
    }
    return pool[--left];
  };
}

/** Marsaglia's xorshift32: a choice at random that allocates nothing. */
export class XorShift {
  #state: number;

  /** @param seed Any number; zero, which would stay zero, is replaced. */
  constructor(seed: number) {
    this.#state = seed | 0 || 0x9e3779b9 | 0;
  }

  /** The next number, a signed 32-bit integer. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return this.#state = x;
  }
}
