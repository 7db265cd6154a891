/**
 * What the formats of capture files have in common.
 *
 * @module
 */

import { isSupportedLinkType, linkTypeName } from "../detect/link.ts";

/** libpcap's MAXIMUM_SNAPLEN: no packet of any tool is longer, in bytes. */
export const MAX_RECORD = 262_144;

/** Why a capture file could not be read to its end. */
export class CaptureFileError extends Error {
  /** "CaptureFileError". */
  override name = "CaptureFileError";
  /** Where in the file the damage was met, in bytes. */
  readonly offset: number;
  /** How many bytes were needed there, if it is bytes that are missing. */
  readonly needed?: number;
  /** How many bytes there were. */
  readonly had?: number;

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
}

/** @throws {CaptureFileError} If packets of the link type cannot be decoded. */
export function checkLinkType(linkType: number, offset: number): void {
  if (isSupportedLinkType(linkType)) return;
  throw new CaptureFileError(
    `link type ${linkType} (${linkTypeName(linkType)}) is not supported`,
    offset,
  );
}
