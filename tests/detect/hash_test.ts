import fc from "fast-check";
import { AddressHash, secretNumbers, XorShift } from "../../detect/hash.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertNotEquals,
} from "../assert.ts";
import { type Random, seeded } from "../random.ts";

type Words = [number, number, number, number];

function hashOf(random: Random, ...words: Words): [number, number] {
  const hash = new AddressHash(random);
  hash.of(...words);
  return [hash.bucket, hash.tag];
}

Deno.test("the same key and address give the same hash, whatever came between", () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), word, (words, seed) => {
      const hash = new AddressHash(seeded(seed));
      hash.of(1, 2, 3, 4);
      hash.of(...words);
      assertEquals([hash.bucket, hash.tag], hashOf(seeded(seed), ...words));
      assertEquals([hash.bucket | 0, hash.tag | 0], [hash.bucket, hash.tag]);
    }),
  );
});

Deno.test("another key gives another hash", () => {
  const hashes = Array.from(
    { length: 100 },
    (_, seed) => hashOf(seeded(seed), 0, 0, 0xffff, 0x0a000001).join(),
  );
  assertEquals(new Set(hashes).size, 100);
});

/** Addresses as an attacker or a network chooses them: patterns of 2^16. */
const PATTERNS: readonly [name: string, (i: number) => Words][] = [
  ["neighbours in IPv4", (i) => [0, 0, 0xffff, 0x0a000000 + i]],
  ["hosts .1 of IPv4 networks", (i) => [0, 0, 0xffff, (i << 16) | 1]],
  ["multiples of 256", (i) => [0, 0, 0xffff, i << 8]],
  ["IPv6 networks", (i) => [0x20010db8, i, 0, 0]],
  ["IPv6 hosts", (i) => [0x20010db8, 0, 0, i]],
  ["IPv6 prefixes", (i) => [0x20000000 | i, 0, 0, 1]],
  ["both halves alike", (i) => [i, i, i, i]],
];

for (const [name, pattern] of PATTERNS) {
  Deno.test(`2^16 addresses spread over 4096 buckets: ${name}`, () => {
    // A pattern may be unlucky with one key; not with most of 20.
    let unlucky = 0;
    for (let seed = 0; seed < 20; seed++) {
      const hash = new AddressHash(seeded(seed));
      const loads = new Uint32Array(4096);
      for (let i = 0; i < 65_536; i++) {
        hash.of(...pattern(i));
        loads[hash.bucket >>> 20]++;
      }
      // On average 16 addresses share a bucket.
      if (loads.reduce((a, b) => Math.max(a, b)) > 64) unlucky++;
    }
    assertLess(unlucky, 5);
  });
}

Deno.test("addresses that differ in one word have different tags", () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const tuple = fc.tuple(word, word, word, word);
  fc.assert(
    fc.property(tuple, fc.nat(3), word, word, (words, index, other, seed) => {
      fc.pre(words[index] !== other);
      const changed = words.with(index, other) as Words;
      assertNotEquals(
        hashOf(seeded(seed), ...words)[1],
        hashOf(seeded(seed), ...changed)[1],
      );
    }),
    { numRuns: 1000 },
  );
});

Deno.test("secretNumbers() gives 32 random bits that differ from run to run", () => {
  const draw = () => {
    const next = secretNumbers();
    return Array.from({ length: 200 }, () => next()); // more than one pool
  };
  const first = draw();
  assert(first.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32));
  // 200 of 2^32: an equal pair among them comes once in 200,000 runs.
  assert(new Set(first).size >= 199);
  assertNotEquals(first, draw());
  const ever = first.reduce((a, b) => a | b);
  assertEquals(ever >>> 0, 0xffffffff, "some bit is never set");
});

Deno.test("XorShift never gets stuck, not even from seed 0", () => {
  for (const seed of [0, 1, -1, 2 ** 31, 0.25]) {
    const choice = new XorShift(seed);
    const numbers = Array.from({ length: 1000 }, () => choice.next());
    assertEquals(new Set(numbers).size, 1000);
  }
});
