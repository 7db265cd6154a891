/** A flood of probes fills no disk: few are written, the others are counted. */

import {
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
} from "../assert.ts";
import { concat, ipv4, tcp } from "../packets.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { FLOOD_TOOLS, makeSender, rateOf, startFlood } from "./frame_flood.ts";
import { hardwareAddress } from "./inject.ts";
import { HOST, TwoHosts } from "./namespaces.ts";
import { liveTest } from "./require.ts";

const RATE = 150_000;
const SECONDS = 5;
const SOURCES = 50_000;
/** What `--probe-rate` is by default. */
const PROBE_RATE = 1_000;
/** A busy machine sends less, and then proves less. */
const ENOUGH = 0.3;

/** One SYN of each of many sources. */
async function segments({ host, scanner }: TwoHosts): Promise<Uint8Array[]> {
  const link = concat(
    await hardwareAddress(host),
    await hardwareAddress(scanner),
    [0x08, 0x00],
  );
  return Array.from({ length: SOURCES }, (_, i) => {
    const source = `10.${80 + (i >> 14)}.${(i >> 6) & 0xff}.${1 + (i & 63)}`;
    const segment = tcp({ destinationPort: 1 + i % 1000 });
    return concat(link, ipv4(segment, { source, destination: HOST }));
  });
}

liveTest(
  "of a flood of probes a thousand a second are written, the rest is counted",
  { root: true, tools: [...FLOOD_TOOLS, "unshare"] },
  async () => {
    await using folder = await Folder.create();
    const sender = await makeSender(folder.path);
    const records = `${folder.path}/probes`;
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...["-o", `probes:${records}`],
    ]);
    await using flood = startFlood(two.scanner, sender, {
      ...{ frames: await segments(two), rate: RATE, count: RATE * SECONDS },
    });
    assertEquals(await flood.end(), 0, flood.stderr.join("\n"));
    assertEquals(await daemon.stop(), 0);
    const losses = await daemon.told("probes not written");
    const { size } = Deno.statSync(records);
    console.log(`${flood.stdout}; ${size} bytes; ${losses}`);
    assertGreater(rateOf(flood), ENOUGH * RATE);
    const written = (await Deno.readTextFile(records)).trimEnd().split("\n");
    // All sources may come within the first second, and each is told once.
    assertLessOrEqual(PROBE_RATE, written.length);
    // It may save up a second, and the flood may take longer than it should.
    assertLess(written.length, PROBE_RATE * SECONDS * 3);
    const [, unwritten] = /(\d+) probes not written/.exec(losses) ?? [];
    assertGreater(Number(unwritten), 10_000);
  },
);
