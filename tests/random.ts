/**
 * Numbers that look random and can be had again.
 *
 * @module
 */

/** Gives 32 random bits at each call. */
export type Random = () => number;

/** The generator "mulberry32": the same seed, the same numbers. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  };
}

/** An integer from 0 to `limit` - 1. */
export function below(random: Random, limit: number): number {
  return random() % limit;
}

/** One of the items. */
export function pick<T>(random: Random, items: ArrayLike<T>): T {
  return items[below(random, items.length)];
}

/** The items in another order. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

/** The bytes in chunks of 1 to `largest` bytes; some chunks are empty. */
export function* chunked(
  random: Random,
  bytes: Uint8Array,
  largest: number,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length;) {
    const length = below(random, largest + 1);
    // Copies: a reader that keeps a chunk, or looks behind it, is found out.
    yield new Uint8Array(bytes.subarray(at, at + length));
    at += length;
  }
}

/**
 * The seed of this run: another one each time, unless SCANLOGD_SEED names that
 * of a run that is to be repeated.
 */
export function runSeed(): number {
  const given = Deno.env.get("SCANLOGD_SEED");
  if (given !== undefined) return Number(given) >>> 0;
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/** Runs a test with the run's seed, and names the seed if it fails. */
export async function withRunSeed(
  body: (random: Random, seed: number) => void | Promise<void>,
): Promise<void> {
  const seed = runSeed();
  try {
    await body(seeded(seed), seed);
  } catch (cause) {
    throw new Error(`failed; repeat it with SCANLOGD_SEED=${seed}`, { cause });
  }
}
