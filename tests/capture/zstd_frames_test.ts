/** Where zstd frames end, for any division of the data. */

import fc from "fast-check";
import { PackedDataError, ZstdUnpacker } from "../../capture/unpack.ts";
import { ZstdError, ZstdFrames } from "../../capture/zstd_frames.ts";
import { assert, assertEquals, assertInstanceOf } from "../assert.ts";
import { concat } from "../packets.ts";
import { below, seeded } from "../random.ts";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** The lengths of the frames, if all goes well. */
function framesOf(data: Uint8Array, sizes: readonly number[]): number[] {
  const frames = new ZstdFrames();
  const lengths: number[] = [];
  let length = 0;
  for (let at = 0, i = 0; at < data.length; i++) {
    const size = sizes[i % sizes.length];
    const taken = frames.take(data.subarray(at, at + size));
    assert(taken > 0 && taken <= size);
    at += taken;
    length += taken;
    if (!frames.isBetween) continue;
    lengths.push(length);
    length = 0;
  }
  if (length > 0) lengths.push(length);
  return lengths;
}

const contents = fc.array(fc.uint8Array({ maxLength: 300 }), {
  minLength: 1,
  maxLength: 4,
});
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), {
  minLength: 1,
  maxLength: 5,
});

Deno.test("frames end where zstd ends them", () => {
  const large = new Uint8Array(500_000).map((_, i) => (i * i) >> 7);
  fc.assert(
    fc.property(contents, sizes, (contents, sizes) => {
      const frames = contents.map((bytes) => zstdCompressSync(bytes));
      assertEquals(
        framesOf(concat(...frames), sizes),
        frames.map(({ length }) => length),
      );
    }),
  );
  const frame = zstdCompressSync(large);
  assertEquals(framesOf(concat(frame, frame), [70_000]), [
    frame.length,
    frame.length,
  ]);
});

Deno.test("whatever the data, it ends, and nothing but its own error comes", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      sizes,
      fc.boolean(),
      (bytes, sizes, isFrame) => {
        const start = isFrame ? [0x28, 0xb5, 0x2f, 0xfd] : [];
        const data = concat(start, bytes);
        try {
          const total = framesOf(data, sizes).reduce((sum, n) => sum + n, 0);
          assertEquals(total, data.length);
        } catch (error) {
          assertInstanceOf(error, ZstdError);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("what zstd takes for a frame, is one", () => {
  const frame = zstdCompressSync(new TextEncoder().encode("hello ".repeat(99)));
  for (let at = 0; at < frame.length; at++) {
    for (const bit of [1, 8, 128]) {
      const changed = new Uint8Array(frame);
      changed[at] ^= bit;
      try {
        zstdDecompressSync(changed);
      } catch {
        continue;
      }
      assertEquals(framesOf(changed, [7])[0], changed.length, `byte ${at}`);
    }
  }
});

Deno.test("damage anywhere is told to who unpacks, and to nobody else", async () => {
  const random = seeded(1);
  // So long and so even that much comes out of little.
  const content = Uint8Array.from(
    { length: 300_000 },
    (_, i) => below(random, 50) === 0 ? random() : i & 15,
  );
  const frame = new Uint8Array(zstdCompressSync(content));
  let failures = 0;
  for (let i = 0; i < 300; i++) {
    const damaged = frame.slice();
    for (let n = 1 + below(random, 4); n > 0; n--) {
      damaged[below(random, damaged.length)] = random();
    }
    const unpacker = new ZstdUnpacker();
    try {
      await unpack(unpacker, damaged);
    } catch (error) {
      assertInstanceOf(error, PackedDataError);
      failures++;
    } finally {
      unpacker.close();
    }
  }
  assert(failures > 50, `${failures} failures`);
});

async function unpack(unpacker: ZstdUnpacker, file: Uint8Array) {
  const size = 1 << 14;
  for (let at = 0; at < file.length; at += size) {
    for await (const _ of unpacker.push(file.subarray(at, at + size)));
  }
  for await (const _ of unpacker.end());
}
