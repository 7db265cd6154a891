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
import { gunzipSync, gzipSync } from "node:zlib";

/** Made at the first input, removed at the end. */
let path: string | undefined;

function unpacked(file: Bytes): Bytes | undefined {
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
  if (content !== undefined) {
    const expected = read([content]);
    assertEquals(packets, expected.packets);
    const { message } = expected.error ?? {};
    assert(failure?.message.includes(message ?? "") ?? message === undefined);
  }
  const text = failure?.message.slice(path.length) ?? "";
  return { units: 1, signature: `${magnitude(packets)} ${shape(text)}` };
}

/** Files packed with gzip (RFC 1952). */
export const gzip: Target = {
  name: "gzip",
  unit: "files",
  code: ["capture/"],
  seeds: () => captures(".gz"),
  generate(random: Random): Bytes {
    const target = pick(random, [pcap, pcapng]);
    const file = target.generate(random);
    if (below(random, 8) === 0) return file;
    const packed = new Uint8Array(gzipSync(file));
    // What follows the first member: another one, or anything.
    switch (below(random, 8)) {
      case 0:
        return concat(packed, new Uint8Array(gzipSync(file)));
      case 1:
        return concat(packed, new Uint8Array(below(random, 9)));
      case 2:
        return packed.slice(0, below(random, packed.length));
      default:
        return packed;
    }
  },
  mutate: mutateFile,
  run,
  close(): void {
    if (path !== undefined) Deno.removeSync(path);
    path = undefined;
  },
};
