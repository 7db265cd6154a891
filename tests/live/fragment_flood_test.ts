/**
 * A hundred thousand fragments a second that the host drops hide no scan that
 * comes in fragments of its own meanwhile.
 */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { concat, cut, ipv4, tcp } from "../packets.ts";
import { startDaemon } from "./daemon.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { HOST, type Namespace, TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const RATE = 100_000;
const SECONDS = 4;
const PORTS = [22, 23, 111, 21, 25, 143, 80];
const SOURCE = "10.77.0.99";

const bytes = (list: ArrayLike<number>) =>
  Array.from(list, (byte) => `0x${byte.toString(16).padStart(2, "0")}`)
    .join(", ");

/** First fragments, from sources at random, with a checksum that is wrong. */
function fragments(link: Uint8Array): string {
  const [piece] = cut(tcp());
  const datagram = ipv4(piece.bytes, {
    ...{ destination: HOST, isMore: true, checksum: 0x1111 },
  });
  return `{ ${bytes(link)}, ${bytes(datagram.subarray(0, 4))}, drnd(2),
    ${bytes(datagram.subarray(6, 12))}, 10, drnd(3),
    ${bytes(datagram.subarray(16))} }`;
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
  { root: true, tools: ["ip", "unshare", "python3", "trafgen"] },
  async () => {
    await using two = await TwoHosts.create();
    const { host, scanner } = two;
    const link = concat(
      await hardwareAddress(host),
      await hardwareAddress(scanner),
      [0x08, 0x00],
    );
    await using daemon = await startDaemon(host, ["--output", "stdout"]);
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(path, fragments(link));
      const before = await received(host);
      const begin = performance.now();
      await using flood = scanner.start([
        ...["trafgen", "--dev", "eth0", "--conf", path, "--cpus", "1"],
        ...["--rate", `${RATE}pps`, "--num", `${RATE * SECONDS}`],
      ]);
      await pause(200);
      await scan(two, link);
      await flood.end();
      const time = (performance.now() - begin) / 1000;
      const count = await received(host) - before;
      console.log(`${count} fragments in ${time.toFixed(1)} s`);
      assertGreater(count, RATE * SECONDS / 2);
      await eventually(
        () => daemon.stdout.length > 0,
        () => `the scan:\n${describe(daemon)}`,
        10_000,
      );
      assert(daemon.stdout[0].startsWith(`${SOURCE}:40000 to ${HOST} ports `));
      assertEquals(daemon.stdout.length, 1, describe(daemon));
      await daemon.stop();
      console.log(daemon.stderr.at(-1));
    } finally {
      await Deno.remove(path);
    }
  },
);
