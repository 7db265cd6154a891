/**
 * Sorted tables of networks, which binary search finds an address in. Two CIDR
 * networks are apart or one is inside the other, so a table that leaves out
 * what is inside another network is a sorted list of disjoint ranges.
 *
 * Words are kept with their highest bit flipped: signed comparison then orders
 * them as unsigned numbers, which is what engines are fastest at.
 *
 * @module
 */

const FLIP = 0x8000_0000 | 0;
/** Above 2^5, so that a start and a prefix length fit into one sort key. */
const PREFIXES = 64;

/** The most bits that an index tells apart: its table stays in the cache. */
const INDEX_BITS = 16;

/**
 * Where in a sorted table the entries of some first bits start: saves most steps
 * of the search. The bits are those behind what all entries have in common.
 */
class Index {
  readonly #starts: Uint32Array;
  readonly #common: number;
  readonly #shift: number;
  readonly #shared: number;

  /**
   * @param words The entries' first words, with their highest bit flipped, in order.
   * @param stride Words of an entry.
   */
  constructor(words: Int32Array, stride: number) {
    const count = words.length / stride;
    const top = (i: number) => words[i * stride] ^ FLIP;
    const difference = count === 0 ? 0 : top(0) ^ top(count - 1);
    this.#common = Math.min(31, Math.clz32(difference));
    this.#shared = count === 0 ? 0 : top(0) >>> (31 - this.#common) >>> 1;
    const bits = Math.min(INDEX_BITS, 33 - Math.clz32(count));
    this.#shift = 32 - bits;
    this.#starts = new Uint32Array((1 << bits) + 1);
    for (let i = 0; i < count; i++) this.#starts[this.#slot(top(i)) + 1]++;
    for (let i = 1; i < this.#starts.length; i++) {
      this.#starts[i] += this.#starts[i - 1];
    }
  }

  #slot(word: number): number {
    return (word << this.#common) >>> this.#shift;
  }

  /** Whether an address can be told apart by the bits of its first word. */
  covers(word: number): boolean {
    return word >>> (31 - this.#common) >>> 1 === this.#shared;
  }

  /** The first entry with the bits of an address's first word. */
  low(word: number): number {
    return this.#starts[this.#slot(word)];
  }

  /** The first entry behind them. */
  high(word: number): number {
    return this.#starts[this.#slot(word) + 1];
  }
}

/** IPv4 networks. */
export class Ipv4Ranges {
  readonly #firsts: Int32Array;
  readonly #lasts: Int32Array;
  readonly #index: Index;
  /** The last question: each packet asks the same several times. */
  #asked = 0;
  #answer: boolean;

  /**
   * Builds the table in O(n log n).
   *
   * @param words The networks' first addresses, as 32-bit words.
   * @param prefixes Their prefix lengths, 0 to 32.
   */
  constructor(words: readonly number[], prefixes: readonly number[]) {
    const keys = Float64Array.from(
      words,
      (word, i) => (word >>> 0) * PREFIXES + prefixes[i],
    ).sort();
    const firsts = new Int32Array(keys.length);
    const lasts = new Int32Array(keys.length);
    let count = 0;
    for (const key of keys) {
      const word = Math.floor(key / PREFIXES) | 0;
      const prefix = key % PREFIXES;
      const first = word ^ FLIP;
      // A network sorts behind those that it is inside of.
      if (count > 0 && first <= lasts[count - 1]) continue;
      firsts[count] = first;
      lasts[count++] = (word | (prefix === 0 ? -1 : ~(-1 << (32 - prefix)))) ^
        FLIP;
    }
    this.#firsts = firsts.slice(0, count);
    this.#lasts = lasts.slice(0, count);
    this.#index = new Index(this.#firsts, 1);
    this.#answer = this.#search(this.#asked);
  }

  /** How many networks there are, none inside another. */
  get size(): number {
    return this.#firsts.length;
  }

  /** Whether an address is in one. */
  has(word: number): boolean {
    if (word !== this.#asked) {
      this.#asked = word;
      this.#answer = this.#search(word);
    }
    return this.#answer;
  }

  #search(word: number): boolean {
    const firsts = this.#firsts;
    const wanted = word ^ FLIP;
    const isCovered = this.#index.covers(word);
    let low = isCovered ? this.#index.low(word) : 0;
    let high = isCovered ? this.#index.high(word) : firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (firsts[middle] <= wanted) low = middle + 1;
      else high = middle;
    }
    return low > 0 && wanted <= this.#lasts[low - 1];
  }
}

const WORDS = 4;

/** IPv6 networks, or any others of 128 bits. */
export class Ipv6Ranges {
  /** Four words each, the most significant first. */
  readonly #firsts: Int32Array;
  readonly #lasts: Int32Array;
  readonly #index: Index;

  /**
   * Builds the table in O(n log n).
   *
   * @param words Four words for each network's first address.
   * @param prefixes Their prefix lengths, 0 to 128.
   */
  constructor(words: readonly number[], prefixes: readonly number[]) {
    const flipped = Int32Array.from(words, (word) => word ^ FLIP);
    const order = Uint32Array.from(prefixes, (_, i) => i).sort((a, b) =>
      compare(flipped, a * WORDS, flipped, b * WORDS) ||
      prefixes[a] - prefixes[b]
    );
    const firsts = new Int32Array(words.length);
    const lasts = new Int32Array(words.length);
    let end = 0;
    for (const i of order) {
      const at = i * WORDS;
      if (end > 0 && compare(flipped, at, lasts, end - WORDS) <= 0) continue;
      for (let w = 0; w < WORDS; w++) {
        firsts[end + w] = flipped[at + w];
        const bits = Math.min(32, Math.max(0, prefixes[i] - 32 * w));
        const hosts = bits === 0 ? -1 : bits === 32 ? 0 : ~(-1 << (32 - bits));
        lasts[end + w] = (words[at + w] | hosts) ^ FLIP;
      }
      end += WORDS;
    }
    this.#firsts = firsts.slice(0, end);
    this.#lasts = lasts.slice(0, end);
    this.#index = new Index(this.#firsts, WORDS);
  }

  /** How many networks there are, none inside another. */
  get size(): number {
    return this.#firsts.length / WORDS;
  }

  /** Whether the address of four words is in one. */
  has(w0: number, w1: number, w2: number, w3: number): boolean {
    const firsts = this.#firsts;
    const isCovered = this.#index.covers(w0);
    let low = isCovered ? this.#index.low(w0) : 0;
    let high = isCovered ? this.#index.high(w0) : firsts.length / WORDS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAtMost(firsts, middle * WORDS, w0, w1, w2, w3)) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return false;
    const last = (low - 1) * WORDS;
    const lasts = this.#lasts;
    return !isAtMost(lasts, last, w0, w1, w2, w3) ||
      (lasts[last + 3] ^ FLIP) === w3 && (lasts[last + 2] ^ FLIP) === w2 &&
        (lasts[last + 1] ^ FLIP) === w1 && (lasts[last] ^ FLIP) === w0;
  }
}

/** Whether what a table holds at a place is at most the address of four words. */
function isAtMost(
  table: Int32Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): boolean {
  if (table[at] !== (w0 ^ FLIP)) return table[at] < (w0 ^ FLIP);
  if (table[at + 1] !== (w1 ^ FLIP)) return table[at + 1] < (w1 ^ FLIP);
  if (table[at + 2] !== (w2 ^ FLIP)) return table[at + 2] < (w2 ^ FLIP);
  return table[at + 3] <= (w3 ^ FLIP);
}

/** Negative, zero or positive, as the address in one table is to the other. */
function compare(
  one: Int32Array,
  at: number,
  other: Int32Array,
  otherAt: number,
): number {
  for (let w = 0; w < WORDS; w++) {
    const a = one[at + w];
    const b = other[otherAt + w];
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}
