/**
 * What a fragment says of itself.
 *
 * @module
 */

import { isExtension } from "./extensions.ts";
import type { Segment } from "./segment.ts";

/** No datagram is longer (RFC 791, 3.1), in bytes. */
const MAX_DATAGRAM = 65_535;

/**
 * Where a fragment's part of the transport header stands (RFC 791, 3.2; RFC 8200,
 * 4.5). Filled when a decoder meets a fragment; reused like the segment.
 *
 * @example
 * ```ts
 * import { HeaderDecoder, Segment } from "@scanlogd/scanlogd/packet";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(28); // IPv4, and 8 bytes of UDP
 * bytes.set([0x45, 0, 0, 28, 0, 7, 0x20, 0, 64, 17]); // more fragments follow
 * const decoder = new HeaderDecoder(new Segment());
 * decoder.decode(new DataView(bytes.buffer), 0, bytes.length, 0);
 * const { isFragment, identification, position, isMore } = decoder.fragment;
 * assertEquals([isFragment, identification, position, isMore], [true, 7, 0, true]);
 * ```
 */
export class FragmentInfo {
  /** Whether the packet is a fragment, even one with the whole header. */
  isFragment = false;
  /** The datagram's identification: 16 (IPv4) or 32 (IPv6) bits. */
  identification = 0;
  /** Where the fragment's payload belongs in the datagram, in bytes. */
  position = 0;
  /** Whether more fragments follow. */
  isMore = false;
  /** Where the fragment's payload starts in the view. */
  payload = 0;
  /** Where it ends. */
  end = 0;
  /** Whether the payload begins with an extension header. */
  hasExtensions = false;
  /**
   * Whether a host would keep it until the rest has come: its lengths agree, and
   * so does its header's checksum.
   */
  isKept = false;

  /**
   * Whether the next fragment may go on with extension headers. Hosts should drop
   * that (RFC 7112); Linux does so only if no more than the transport header is
   * missing.
   */
  get goesOn(): boolean {
    return this.isFragment && this.isMore && this.hasExtensions;
  }

  /** Takes what a fragment's header says. */
  begin(identification: number, position: number, isMore: boolean): void {
    this.isFragment = true;
    this.identification = identification;
    this.position = position;
    this.isMore = isMore;
  }

  /**
   * Takes where the payload stands.
   *
   * @param missing How many bytes of it were not captured.
   */
  setPayload(
    { version, protocol }: Segment,
    payload: number,
    end: number,
    missing: number,
  ): void {
    this.payload = payload;
    this.end = end;
    this.hasExtensions = version === 6 && isExtension(protocol);
    const length = end + missing - payload;
    const isWholeUnits = (length & 7) === 0 || !this.isMore || version === 4;
    this.isKept &&= isWholeUnits && this.position + length <= MAX_DATAGRAM;
  }
}
