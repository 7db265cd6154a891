/**
 * A hundred thousand fragments a second that the host drops hide no scan that
 * comes in fragments of its own meanwhile.
 */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { concat, cut, ipv4, tcp } from "../packets.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { FLOOD_TOOLS, makeSender, rateOf, startFlood } from "./frame_flood.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { HOST, type Namespace, TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const RATE = 100_000;
const SECONDS = 4;
const SOURCES = 20_000;
const PORTS = [22, 23, 111, 21, 25, 143, 80];
const SOURCE = "10.77.0.99";

/** First fragments, from sources at random, with a checksum that is wrong. */
function fragments(link: Uint8Array): Uint8Array[] {
  const [{ bytes }] = cut(tcp());
  return Array.from({ length: SOURCES }, (_, i) => {
    const source = `10.${1 + (i * 7) % 70}.${(i >> 6) & 0xff}.${1 + i % 250}`;
    const ends = { source, destination: HOST, isMore: true };
    const identification = (i * 40_503) & 0xffff;
    return concat(link, ipv4(bytes, { ...ends, identification, checksum: 1 }));
  });
}

async function received(host: Namespace): Promise<number> {
  const path = "/sys/class/net/eth0/statistics/rx_packets";
  return Number(await host.run(["cat", path]));
}

/** A scan in fragments of 8 bytes, which take their time. */
async function scan({ scanner }: TwoHosts, link: Uint8Array): Promise<void> {
  const ends = { source: SOURCE, destination: HOST };
  for (const [identification, destinationPort] of PORTS.entries()) {
    const frames = cut(tcp({ destinationPort, sequence: 77 })).map(
      ({ bytes, ...piece }) =>
        concat(link, ipv4(bytes, { ...ends, identification, ...piece })),
    );
    await inject(scanner, frames);
  }
}

function describe({ stdout, stderr }: Process): string {
  return [...stdout, ...stderr].join("\n");
}

liveTest(
  "a flood of fragments that the host drops hides no scan in fragments",
  { root: true, tools: [...FLOOD_TOOLS, "unshare", "python3"] },
  async () => {
    await using two = await TwoHosts.create();
    const { host, scanner } = two;
    const link = concat(
      await hardwareAddress(host),
      await hardwareAddress(scanner),
      [0x08, 0x00],
    );
    await using daemon = await startDaemon(host, ["--output", "stdout"]);
    await using folder = await Folder.create();
    const sender = await makeSender(folder.path);
    const before = await received(host);
    const count = RATE * SECONDS;
    await using flood = startFlood(scanner, sender, {
      ...{ frames: fragments(link), rate: RATE, count },
    });
    await pause(200);
    await scan(two, link);
    assertEquals(await flood.end(), 0, describe(flood));
    console.log(`${flood.stdout}: ${Math.round(rateOf(flood))} a second`);
    assertGreater(await received(host) - before, 0.9 * count);
    await eventually(
      () => daemon.stdout.length > 0,
      () => `the scan:\n${describe(daemon)}`,
      10_000,
    );
    assert(daemon.stdout[0].startsWith(`${SOURCE}:40000 to ${HOST} ports `));
    assertEquals(daemon.stdout.length, 1, describe(daemon));
    await daemon.stop();
    console.log(daemon.stderr.at(-1));
  },
);
