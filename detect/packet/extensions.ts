/**
 * IPv6 extension headers (RFC 8200, 4; RFC 4302).
 *
 * @module
 */

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

/** The fragment header's number (RFC 8200, 4.5). */
export const FRAGMENT_HEADER: number = FRAGMENT;
/** Every extension header has so many bytes at least. */
export const SHORTEST_EXTENSION = 8;
/** Of a fragment header's offset and flags, the offset in bytes. */
export const FRAGMENT_OFFSET = 0xfff8;

/**
 * Extension headers that have no transport header behind them that one could read:
 * encapsulating security (RFC 4303), none (RFC 8200, 4.7), mobility (RFC 6275),
 * host identity (RFC 7401), shim6 (RFC 5533).
 */
const LAST_HEADERS: readonly number[] = [50, 59, 135, 139, 140];

/** Whether a number is that of an extension header with another one behind it. */
export function isExtension(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === FRAGMENT ||
    next === AUTHENTICATION || next === DESTINATION_OPTIONS;
}

/** Whether a number is that of any extension header (IANA's list of them). */
export function isAnyExtension(next: number): boolean {
  return isExtension(next) || LAST_HEADERS.includes(next);
}

/**
 * Length in bytes of the extension header at `at`, whose first 2 bytes are
 * there.
 */
export function extensionLength(
  view: DataView,
  at: number,
  type: number,
): number {
  if (type === FRAGMENT) return SHORTEST_EXTENSION;
  const units = view.getUint8(at + 1);
  return type === AUTHENTICATION ? (units + 2) << 2 : (units + 1) << 3;
}

/** No packet is captured further than that where it matters, in bytes. */
const LONGEST_HASHED = 2048;
/** FNV-1a's offset basis and prime. */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * A hash of 16 bits over what was captured, to tell packets apart whose ports
 * were not. It is no secret: whoever makes two packets share it hides one of
 * them, which copying the packet would do as well.
 */
export function hashBytes(view: DataView, start: number, end: number): number {
  let hash = BASIS;
  const last = Math.min(end, start + LONGEST_HASHED);
  for (let at = start; at < last; at++) {
    hash = Math.imul(hash ^ view.getUint8(at), PRIME);
  }
  return (hash ^ (hash >>> 16)) & 0xffff;
}
