/**
 * Byte strings made by hand.
 *
 * @module
 */

/** Bytes that own their buffer. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Joins byte strings. */
export function concat(...parts: readonly ArrayLike<number>[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A number of 16 bits, in network byte order. */
export function u16(value: number): Bytes {
  return Uint8Array.of(value >> 8, value);
}

/** A number of 32 bits, in network byte order. */
export function u32(value: number): Bytes {
  return Uint8Array.of(value >> 24, value >> 16, value >> 8, value);
}
