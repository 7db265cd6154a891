/**
 * Where the blocks and frames of zstd data end (RFC 8878, 3). The runtime's
 * unpacker stops behind the first frame, and says nothing of a last one that is
 * cut off.
 *
 * @module
 */

/** RFC 8878, 3.1.1. */
const MAGIC = 0xfd2fb528;
/** RFC 8878, 3.1.2: the last four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAGIC_BYTES = 4;
/** Header of a block, and size of a skippable frame. */
const BLOCK_HEADER_BYTES = 3;
const SIZE_BYTES = 4;
const CHECKSUM_BYTES = 4;
/** RFC 8878, 3.1.1.2.2: a block of one repeated byte. */
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;
/** Bytes of the fields that a frame's descriptor announces (3.1.1.1.1). */
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const DICTIONARY_BYTES = [0, 1, 2, 4];

/** What is expected next. */
const enum Part {
  Magic,
  Descriptor,
  Fields,
  BlockHeader,
  Block,
  Checksum,
  SkippableSize,
  Skipped,
}

/** The data is no zstd, or has a part that is reserved. */
export class ZstdError extends Error {}

/** Whether a file begins with a frame to be skipped, as those of pzstd do. */
export function beginsSkippable(start: Uint8Array): boolean {
  const { buffer, byteOffset, length } = start;
  if (length < MAGIC_BYTES) return false;
  const magic = new DataView(buffer, byteOffset).getUint32(0, true);
  return magic - magic % 16 === SKIPPABLE_MAGIC;
}

/** Finds the ends of blocks and frames. */
export class ZstdFrames {
  #part = Part.Magic;
  /** Bytes of the part that are still to come. */
  #left = MAGIC_BYTES;
  /** The part's bytes so far as a number, little-endian, of the first four. */
  #value = 0;
  #read = 0;
  #isLastBlock = false;
  #hasChecksum = false;

  /** Whether the data may end here: no frame is open. */
  get isBetween(): boolean {
    return this.#part === Part.Magic && this.#read === 0;
  }

  /**
   * Takes bytes up to the end of a block or of the frame; returns how many.
   *
   * @throws {ZstdError} If they are no zstd.
   */
  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      at += this.#takePart(bytes, at);
      if (this.#left > 0) break;
      const isBlock = this.#part === Part.Block;
      this.#next();
      if (isBlock || this.isBetween) break;
    }
    return at;
  }

  #takePart(bytes: Uint8Array, at: number): number {
    const count = Math.min(this.#left, bytes.length - at);
    this.#left -= count;
    if (this.#part === Part.Block || this.#part === Part.Skipped) return count;
    for (let i = 0; i < count && this.#read < SIZE_BYTES; i++) {
      this.#value += bytes[at + i] * 2 ** (8 * this.#read++);
    }
    return count;
  }

  /** Decides what follows a part that is complete. */
  #next(): void {
    const value = this.#value;
    switch (this.#part) {
      case Part.Magic:
        return this.#beginFrame(value);
      case Part.Descriptor:
        return this.#readDescriptor(value);
      case Part.Fields:
        return this.#expect(Part.BlockHeader, BLOCK_HEADER_BYTES);
      case Part.BlockHeader:
        return this.#beginBlock(value);
      case Part.Block:
        return this.#endBlock();
      case Part.SkippableSize:
        return this.#expect(
          value === 0 ? Part.Magic : Part.Skipped,
          value === 0 ? MAGIC_BYTES : value,
        );
      case Part.Checksum:
      case Part.Skipped:
        return this.#expect(Part.Magic, MAGIC_BYTES);
    }
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#left = bytes;
    this.#value = 0;
    this.#read = 0;
  }

  #beginFrame(magic: number): void {
    if (magic === MAGIC) return this.#expect(Part.Descriptor, 1);
    if (magic - magic % 16 === SKIPPABLE_MAGIC) {
      return this.#expect(Part.SkippableSize, SIZE_BYTES);
    }
    throw new ZstdError("what follows a frame is none");
  }

  /** RFC 8878, 3.1.1.1.1. */
  #readDescriptor(descriptor: number): void {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    if ((descriptor & 0x08) !== 0) throw new ZstdError("a reserved bit is set");
    const sizeFlag = descriptor >> 6;
    const size = sizeFlag === 0 && isSingleSegment
      ? 1
      : CONTENT_SIZE_BYTES[sizeFlag];
    const window = isSingleSegment ? 0 : 1;
    this.#expect(Part.Fields, window + DICTIONARY_BYTES[descriptor & 3] + size);
  }

  /** RFC 8878, 3.1.1.2. */
  #beginBlock(header: number): void {
    this.#isLastBlock = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) throw new ZstdError("a block is reserved");
    const size = type === RLE_BLOCK ? 1 : header >> 3;
    if (size === 0) return this.#endBlock();
    this.#expect(Part.Block, size);
  }

  #endBlock(): void {
    if (!this.#isLastBlock) {
      return this.#expect(Part.BlockHeader, BLOCK_HEADER_BYTES);
    }
    if (this.#hasChecksum) return this.#expect(Part.Checksum, CHECKSUM_BYTES);
    this.#expect(Part.Magic, MAGIC_BYTES);
  }
}
