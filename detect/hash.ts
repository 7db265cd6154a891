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
  // The numbers that IPv4 needs: fields are nearer than an array's elements.
  readonly #ipv4: number;
  readonly #upper: number;
  readonly #lower: number;
  readonly #mix: number;
  readonly #factor: number;

  /**
   * @param random A source of secrets: 32 random bits at each call.
   */
  constructor(random: () => number) {
    const k = Int32Array.from({ length: 13 }, () => random() | 0);
    // Odd factors make the tag one-to-one in each word.
    for (let i = 9; i < 13; i++) k[i] |= 1;
    this.#k = k;
    this.#ipv4 = (k[8] + Math.imul(0xffff, k[5])) | 0;
    this.#upper = k[6];
    this.#lower = k[7];
    this.#mix = k[8];
    this.#factor = k[12];
  }

  /** Hashes an address of four words into the two fields. */
  of(w0: number, w1: number, w2: number, w3: number): void {
    this.bucket = (this.#ipv4 + Math.imul(w3 >>> 16, this.#upper) +
      Math.imul(w3 & 0xffff, this.#lower)) | 0;
    this.tag = Math.imul(w3 ^ this.#mix, this.#factor);
    if ((w0 | w1) !== 0 || w2 !== 0xffff) this.#addIpv6(w0, w1, w2);
  }

  /** Adds the words that are the same in all IPv4 addresses. */
  #addIpv6(w0: number, w1: number, w2: number): void {
    const k = this.#k;
    this.bucket = (this.bucket - Math.imul(0xffff, k[5]) +
      Math.imul(w0 >>> 16, k[0]) + Math.imul(w0 & 0xffff, k[1]) +
      Math.imul(w1 >>> 16, k[2]) + Math.imul(w1 & 0xffff, k[3]) +
      Math.imul(w2 >>> 16, k[4]) + Math.imul(w2 & 0xffff, k[5])) | 0;
    this.tag ^= Math.imul(w0, k[9]) ^ Math.imul(w1, k[10]) ^
      Math.imul(w2, k[11]);
  }
}

/**
 * Tells numbers apart that follow each other, one to one: multiples of one factor
 * may meet in few buckets (MurmurHash3's finalizer).
 */
export function spread(number: number): number {
  const once = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
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
