/**
 * Changes bytes without knowing what they mean.
 *
 * @module
 */

import { type Bytes, concat } from "../packets.ts";
import { below, pick, type Random } from "../random.ts";

/** Small and large numbers break lengths and offsets best. */
const BYTES = [0, 1, 2, 3, 4, 8, 16, 32, 64, 0x7f, 0x80, 0xfe, 0xff];
const WORDS = [0, 1, 2, 0x7fff, 0x8000, 0xffff, 0x10000, 0x40000];
const LONG_WORDS = [...WORDS, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

type Change = (random: Random, input: Bytes, other: Bytes) => Bytes;

function inPlace(change: (random: Random, bytes: Bytes) => void): Change {
  return (random, input) => {
    const bytes = input.slice();
    if (bytes.length > 0) change(random, bytes);
    return bytes;
  };
}

/** A range of bytes that is mostly short. */
function range(random: Random, length: number): [start: number, end: number] {
  const start = below(random, length + 1);
  const longest = pick(random, [1, 4, 16, 64, length]);
  return [start, Math.min(length, start + below(random, longest + 1))];
}

function setWord(bytes: Bytes, at: number, size: 2 | 4, value: number): void {
  const view = new DataView(bytes.buffer);
  const isLittle = (at & 1) !== 0; // aligned fields of both byte orders occur
  const start = isLittle ? at - 1 : at;
  if (start + size > bytes.length) return;
  if (size === 2) view.setUint16(start, value, isLittle);
  else view.setUint32(start, value, isLittle);
}

const CHANGES: readonly Change[] = [
  inPlace((random, bytes) => {
    bytes[below(random, bytes.length)] ^= 1 << below(random, 8);
  }),
  inPlace((random, bytes) => {
    bytes[below(random, bytes.length)] = pick(random, BYTES);
  }),
  inPlace((random, bytes) => {
    bytes[below(random, bytes.length)] = random();
  }),
  inPlace((random, bytes) => {
    bytes[below(random, bytes.length)] += below(random, 17) - 8;
  }),
  inPlace((random, bytes) => {
    setWord(bytes, below(random, bytes.length), 2, pick(random, WORDS));
  }),
  inPlace((random, bytes) => {
    setWord(bytes, below(random, bytes.length), 4, pick(random, LONG_WORDS));
  }),
  inPlace((random, bytes) => {
    const [start, end] = range(random, bytes.length);
    bytes.copyWithin(below(random, bytes.length), start, end);
  }),
  (random, input) => input.slice(0, below(random, input.length + 1)),
  (random, input) => {
    const [start, end] = range(random, input.length);
    return concat(input.subarray(0, start), input.subarray(end));
  },
  (random, input) => {
    const [start, end] = range(random, input.length);
    return concat(input.subarray(0, end), input.subarray(start));
  },
  (random, input, other) => {
    const [start, end] = range(random, input.length);
    const [from, to] = range(random, other.length);
    return concat(
      input.subarray(0, start),
      other.subarray(from, to),
      input.subarray(end),
    );
  },
];

/** Varies an input by a few changes; it never becomes longer than `longest`. */
export function mutateBytes(
  random: Random,
  input: Bytes,
  other: Bytes,
  longest: number = 1 << 16,
): Bytes {
  let bytes = input;
  for (let n = 1 + below(random, 4); n > 0; n--) {
    bytes = pick(random, CHANGES)(random, bytes, other);
  }
  return bytes.length > longest ? bytes.slice(0, longest) : bytes;
}

/** Varies a text, with words that mean something put in here and there. */
export function mutateText(
  random: Random,
  input: Bytes,
  other: Bytes,
  words: readonly string[],
): Bytes {
  if (below(random, 2) === 0) return mutateBytes(random, input, other, 4096);
  const [start, end] = range(random, input.length);
  const word = new TextEncoder().encode(pick(random, words));
  return concat(input.subarray(0, start), word, input.subarray(end));
}
