/** `--promiscuous`: what other hosts are sent counts then, and only then. */

import { assertEquals } from "../assert.ts";
import { concat, ipv4, tcp } from "../packets.ts";
import { startDaemon } from "./daemon.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { HOST, TwoHosts } from "./namespaces.ts";
import { eventually, pause } from "./processes.ts";
import { liveTest } from "./require.ts";
import { KINDS, splitLine } from "./watchers.ts";

const PORTS = [22, 23, 111, 21, 25, 143, 80];
const OTHER = "10.77.0.99";
const OTHER_HARDWARE = [0x02, 0, 0, 0, 0, 0x99];

/** Where frames go. */
interface Destination {
  address: string;
  hardware: readonly number[];
}

for (const kind of KINDS) {
  liveTest(
    `other hosts' packets count with --promiscuous only: ${kind}`,
    { root: true, tools: ["ip", "unshare", "python3"] },
    async () => {
      await using two = await TwoHosts.create();
      const args = ["-o", "stdout", "-i", "eth0", "--capture", kind];
      await using plain = await startDaemon(two.host, args);
      // From here on the interface hands on all frames, to the other one too.
      await using curious = await startDaemon(two.host, [...args, "-p"]);
      const sender = await hardwareAddress(two.scanner);
      // Each scanner has a number of its own: else one is taken for a decoy.
      const scan = (source: string, to: Destination, sequence: number) =>
        inject(
          two.scanner,
          PORTS.map((destinationPort) =>
            concat(
              to.hardware,
              sender,
              [0x08, 0x00],
              ipv4(tcp({ destinationPort, sequence }), {
                source,
                destination: to.address,
              }),
            )
          ),
        );
      await scan("10.77.0.50", { address: OTHER, hardware: OTHER_HARDWARE }, 1);
      const hardware = [...await hardwareAddress(two.host)];
      await scan("10.77.0.51", { address: HOST, hardware }, 2);
      await eventually(() => curious.stdout.length === 2, () => "two lines");
      await pause(200);
      const describe = (source: string, destination: string) =>
        `${source}:40000 to ${destination} ports 22, 23, 111, 21, 25, 143, ..., fSrpauxy, TOS 00, TTL 64`;
      const lines = [
        describe("10.77.0.50", OTHER),
        describe("10.77.0.51", HOST),
      ];
      // Other hosts have longer to answer: their line comes later.
      const told = curious.stdout.map((line) => splitLine(line).text);
      assertEquals(told.toSorted(), lines);
      assertEquals(
        plain.stdout.map((line) => splitLine(line).text),
        lines.slice(1),
      );
      assertEquals([await plain.stop(), await curious.stop()], [0, 0]);
    },
  );
}
