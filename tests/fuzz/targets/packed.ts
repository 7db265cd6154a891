/**
 * Capture files from disk, most of them packed: as {@linkcode FileCapture}
 * reads them for `--read`.
 *
 * @module
 */

import { FileCapture } from "../../../capture/file.ts";
import { assert, assertEquals, assertInstanceOf } from "../../assert.ts";
import { type Bytes, concat } from "../../packets.ts";
import { below, pick, type Random } from "../../random.ts";
import { magnitude, type Outcome, shape, type Target } from "../target.ts";
import { captures, mutateFile, pcap, pcapng, read } from "./savefiles.ts";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";

/** RFC 8878, 3.1.1. */
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** Made at the first input, removed at the end. */
let path: string | undefined;

function unpacked(file: Bytes): Bytes | undefined {
  // Node's own stops behind the first frame.
  if (ZSTD_MAGIC.every((byte, i) => file[i] === byte)) return undefined;
  if (file[0] !== 0x1f || file[1] !== 0x8b) return file;
  try {
    return new Uint8Array(gunzipSync(file));
  } catch {
    return undefined; // damaged
  }
}

async function run(file: Bytes): Promise<Outcome> {
  path ??= Deno.makeTempFileSync({ prefix: "scanlogd-fuzz-" });
  Deno.writeFileSync(path, file);
  const capture = new FileCapture(path);
  let packets = 0;
  let failure: Error | undefined;
  try {
    await capture.run(() => packets++);
  } catch (error) {
    assertInstanceOf(error, Error);
    assert(error.message.startsWith(`${path}: `), `${error.stack}`);
    failure = error;
  } finally {
    capture.close();
  }
  assertEquals(capture.statistics(), { received: packets, dropped: 0 });
  const content = unpacked(file);
  // The reader of an empty file does not know that it is one.
  if (content !== undefined && content.length > 0) {
    const expected = read([content]);
    assertEquals(packets, expected.packets);
    const message = file.length === 0
      ? "the file is empty"
      : expected.error?.message;
    assert(failure?.message.includes(message ?? "") ?? message === undefined);
  }
  const text = failure?.message.slice(path.length) ?? "";
  return { units: 1, signature: `${magnitude(packets)} ${shape(text)}` };
}

type Pack = (file: Bytes) => Uint8Array;

function target(name: string, pack: Pack, seeds: () => Bytes[]): Target {
  return {
    name,
    unit: "files",
    code: ["capture/"],
    seeds,
    generate: (random) =>
      generate(random, (file) => new Uint8Array(pack(file))),
    mutate: mutateFile,
    run,
    close(): void {
      if (path !== undefined) Deno.removeSync(path);
      path = undefined;
    },
  };
}

function generate(random: Random, pack: (file: Bytes) => Bytes): Bytes {
  const file = pick(random, [pcap, pcapng]).generate(random);
  if (below(random, 8) === 0) return file;
  const packed = pack(file);
  // What follows the first member or frame: another one, or anything.
  switch (below(random, 8)) {
    case 0:
      return concat(packed, pack(file));
    case 1:
      return concat(packed, new Uint8Array(below(random, 9)));
    case 2:
      return packed.slice(0, below(random, packed.length));
    default:
      return packed;
  }
}

/** Files packed with gzip (RFC 1952). */
export const gzip = target("gzip", gzipSync, () => captures(".gz"));

/** Files packed with zstd (RFC 8878). */
export const zstd = target(
  "zstd",
  zstdCompressSync,
  () =>
    captures(".pcap").slice(0, 8)
      .map((file) => new Uint8Array(zstdCompressSync(file))),
);
