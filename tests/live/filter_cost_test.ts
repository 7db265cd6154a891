/**
 * Bulk traffic stays in the kernel: of many packets in both directions hardly
 * any reaches the process, though it watches what the host sends as well.
 */

import { assert, assertGreater, assertLess } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { HOST, type Namespace, TwoHosts } from "./namespaces.ts";
import { eventually, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const SECONDS = "3";
const SHARE = 0.01;
/** Less than these would prove nothing. TCP sends up to 64 KiB as one. */
const ENOUGH_PACKETS = 10_000;

/** Loads, in both directions each: what iperf3's client is told. */
const LOADS: Record<string, readonly string[]> = {
  "bulk TCP": [],
  // As many and as long as QUIC's.
  "100,000 UDP datagrams a second": ["-u", "-l", "1200", "-b", "960M"],
};

async function startServer(host: Namespace): Promise<Process> {
  const server = host.start(["iperf3", "-s", "--forceflush"]);
  try {
    await eventually(
      () => server.stdout.some((line) => line.includes("listening")),
      () => "iperf3",
    );
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** What has gone over the interface, both ways, as the kernel counts it. */
async function traffic(
  host: Namespace,
): Promise<{ packets: number; bytes: number }> {
  const files = ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes"].map(
    (name) => `/sys/class/net/eth0/statistics/${name}`,
  );
  const [packetsIn, packetsOut, bytesIn, bytesOut] =
    (await host.run(["cat", ...files])).split("\n").map(Number);
  return { packets: packetsIn + packetsOut, bytes: bytesIn + bytesOut };
}

for (const kind of ["raw", "pcap", "nids"]) {
  liveTest(
    `${kind}: under 1 % of bulk traffic reaches the process`,
    { root: true, tools: ["ip", "unshare", "iperf3"] },
    async (t) => {
      for (const [name, args] of Object.entries(LOADS)) {
        await t.step(name, async () => {
          await using two = await TwoHosts.create();
          await using _server = await startServer(two.host);
          const daemonArgs = ["-o", "stdout", "--capture", kind];
          await using daemon = await startDaemon(two.host, daemonArgs);
          const before = await traffic(two.host);
          const client = ["iperf3", "-c", HOST, "-t", SECONDS, "--bidir"];
          await two.scanner.run([...client, ...args]);
          const after = await traffic(two.host);
          assert(await daemon.stop() === 0);
          const counts = await daemon.told("packets seen");
          const [, seen, dropped] =
            /(\d+) packets seen, (\d+) dropped/.exec(counts) ?? [];
          const packets = after.packets - before.packets;
          const bits = 8 * (after.bytes - before.bytes);
          const rate = packets / Number(SECONDS);
          console.log(
            `${kind}, ${name}: ${packets} packets, ${Math.round(rate)}/s, ${
              (bits / Number(SECONDS) / 1e9).toFixed(1)
            } Gbit/s; ${seen} seen`,
          );
          assertGreater(packets, ENOUGH_PACKETS);
          assertLess(Number(seen) + Number(dropped), SHARE * packets);
        });
      }
    },
  );
}
