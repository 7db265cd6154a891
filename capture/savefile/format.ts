/**
 * What the formats of capture files have in common.
 *
 * @module
 */

import { isSupportedLinkType } from "../../detect/packet/link.ts";
import { linkTypeName } from "../../detect/packet/link_names.ts";

/** libpcap's MAXIMUM_SNAPLEN: no packet of any tool is longer, in bytes. */
export const MAX_RECORD = 262_144;

/**
 * Why a capture file could not be read to its end.
 *
 * @example
 * ```ts
 * import { CaptureFileError, SavefileReader } from "@scanlogd/scanlogd/savefile";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const reader = new SavefileReader(() => {});
 * reader.push(Uint8Array.of(0xa1, 0xb2, 0xc3, 0xd4, 0, 2));
 * const error = assertThrows(() => reader.end(), CaptureFileError);
 * assertEquals([error.offset, error.needed, error.had], [0, 24, 6]);
 * ```
 */
export class CaptureFileError extends Error {
  /** "CaptureFileError". */
  override name = "CaptureFileError";
  /** Where in the file the damage was met, in bytes. */
  readonly offset: number;
  /** How many bytes were needed there, if it is bytes that are missing. */
  readonly needed: number | undefined;
  /** How many bytes there were. */
  readonly had: number | undefined;

  /** Describes damage of a file. */
  constructor(
    message: string,
    offset: number,
    needed?: number,
    had?: number,
  ) {
    super(message);
    this.offset = offset;
    this.needed = needed;
    this.had = had;
  }
}

/**
 * A file format: takes whole items (headers, records) out of a buffer. Between
 * calls it remembers how many bytes the next item needs.
 */
export interface SavefileFormat {
  /** Bytes of the next item, as far as known. */
  readonly needed: number;
  /** What an item is called in messages. */
  readonly item: string;
  /** Whether a packet was handed on. */
  readonly hasPackets: boolean;
  /** Whether the file may end where the last item taken does. */
  readonly mayEnd: boolean;
  /**
   * Takes whole items from `start` on.
   *
   * @returns Where the first item starts that is not whole; behind `end` if
   * what lies between is to be passed over.
   * @throws {CaptureFileError} If an item is damaged; its offset is relative to
   * the view.
   */
  take(view: DataView, start: number, end: number): number;
  /** Hands on what it has kept until the file ended. */
  end?(): void;
  /**
   * Hands on what it keeps for others, once none have come for some milliseconds.
   *
   * @returns After how many more to ask again.
   */
  idle?(waited: number): number;
}

/** @throws {CaptureFileError} If packets of the link type cannot be decoded. */
export function checkLinkType(linkType: number, offset: number): void {
  if (isSupportedLinkType(linkType)) return;
  throw new CaptureFileError(
    `link type ${linkType} (${linkTypeName(linkType)}) is not supported`,
    offset,
  );
}
