/** Each capture tells what comes from what this host sends. */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { concat, ipv4, ipv6, NEXT_SCTP, sctp } from "../packets.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { listen } from "./listener.ts";
import {
  HOST,
  HOST_IPV6,
  type Namespace,
  SCANNER,
  SCANNER_IPV6,
  TwoHosts,
} from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";
import { KINDS } from "./watchers.ts";

const PROBE = new URL("direction_probe.ts", import.meta.url).pathname;
const OPEN = 80;
const CLOSED = "81";

async function startProbe(
  host: Namespace,
  args: readonly string[],
): Promise<Process> {
  const probe = host.start([Deno.execPath(), "run", "-A", PROBE, ...args]);
  try {
    await probe.told("probing");
    return probe;
  } catch (error) {
    await probe[Symbol.asyncDispose]();
    throw error;
  }
}

/** One probe of each technique that the host refuses or answers. */
async function probeByAllMeans(two: TwoHosts, target: string): Promise<void> {
  const family = target.includes(":") ? ["-6"] : [];
  for (
    const args of [
      ["-sS", "-p", `${OPEN}`],
      ["-sS", "-p", CLOSED],
      ["-sA", "-p", CLOSED],
      ["-sF", "-p", CLOSED],
      ["-sU", "-p", CLOSED],
    ]
  ) {
    await two.scanner.run(["nmap", ...family, "-n", "-Pn", ...args, target]);
  }
  await sendInit(two, target);
}

async function sendInit(two: TwoHosts, target: string): Promise<void> {
  const isIpv6 = target.includes(":");
  const addresses = {
    source: isIpv6 ? SCANNER_IPV6 : SCANNER,
    destination: target,
  };
  const datagram = isIpv6
    ? ipv6(sctp(), { next: NEXT_SCTP, ...addresses })
    : ipv4(sctp(), { protocol: NEXT_SCTP, ...addresses });
  const frame = concat(
    await hardwareAddress(two.host),
    await hardwareAddress(two.scanner),
    isIpv6 ? [0x86, 0xdd] : [0x08, 0x00],
    datagram,
  );
  await inject(two.scanner, [frame]);
}

/** What must be seen; it is all that may be, but for what the kernel adds. */
function expectations(version: 4 | 6): string[] {
  // The server listens on IPv4 alone.
  const ofOpenPort = version === 4 ? ["out IPv@ tcp 12", "in IPv@ tcp 4"] : [];
  return [
    "in IPv@ tcp 2", // SYN
    ...ofOpenPort, // SYN and ACK; the scanner resets what nmap has opened
    "out IPv@ tcp 4", // the answer to the ACK; not the RST with ACK to the SYN
    "in IPv@ tcp 1", // FIN
    `out IPv@ icmp ${version === 4 ? "3/3" : "1/4"}`,
    "in IPv@ sctp 1",
  ].map((text) => text.replace("@", `${version}`));
}

for (const kind of KINDS) {
  for (const interfaces of [[], ["eth0"]]) {
    const on = interfaces.length === 0 ? "all interfaces" : "one interface";
    liveTest(
      `${kind} on ${on}: questions come, answers are sent`,
      { root: true, tools: ["ip", "nmap", "python3"] },
      async () => {
        await using two = await TwoHosts.create();
        await using _server = await listen(two.host, [OPEN]);
        await using probe = await startProbe(two.host, [kind, ...interfaces]);
        await probeByAllMeans(two, HOST);
        await probeByAllMeans(two, HOST_IPV6);
        const expected = [
          ...expectations(4),
          ...(kind === "nids" ? [] : expectations(6)),
        ];
        const seen = () => probe.stdout.filter((line) => line !== "tick");
        const missing = () => expected.filter((text) => !seen().includes(text));
        await eventually(
          () => missing().length === 0,
          () => `${missing().join(", ")} in\n${seen().join("\n")}`,
          5_000,
        );
        assertEquals(await probe.stop(), 0);
        assertEquals(probe.stderr, ["probing"]);
        const others = seen().filter((line) => !expected.includes(line));
        // Where nobody speaks SCTP: protocol unreachable, unrecognized next
        // header, or ABORT; MLD.
        const allowed =
          /^out IPv[46] (icmp 3\/2|icmp 4\/1|sctp 6)$|^in IPv6 protocol 0$/;
        assertEquals(others.filter((line) => !allowed.test(line)), []);
        const first = (text: string) => seen().indexOf(text);
        if (kind === "raw") {
          assert(first("in IPv4 tcp 2") < first("out IPv4 tcp 12"));
        }
      },
    );
  }

  liveTest(
    `${kind}: the time is told while nothing comes`,
    { root: true, tools: ["ip"] },
    async () => {
      await using two = await TwoHosts.create();
      await using probe = await startProbe(two.host, [kind, "eth0"]);
      await pause(500);
      const ticks = probe.stdout.filter((line) => line === "tick").length;
      assertGreater(ticks, 5);
      assertEquals(await probe.stop(), 0);
    },
  );
}
