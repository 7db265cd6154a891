/**
 * One scan, watched through every capture at the same time and read from files
 * afterwards: the lines are the same.
 */

import { assert, assertEquals } from "../assert.ts";
import {
  addAddress,
  HOST,
  HOST_IPV6,
  SCANNER,
  TwoHosts,
} from "./namespaces.ts";
import { listen } from "./listener.ts";
import { liveTest } from "./require.ts";
import {
  assertSameLines,
  KINDS,
  splitLine,
  WATCHER_NEEDS,
  Watchers,
} from "./watchers.ts";

/** Packets a second: nobody loses any. */
const RATE = "500";
const OPEN_PORTS = [21, 22, 80, 443];
const PORTS = "1-60,80,443,8080-8090";

/** Each scan has an address of its own, so each is found anew. */
const RAW_SCANS: readonly string[][] = [
  ["-sS"],
  ["-sF"],
  ["-sX"],
  ["-sS", "-f"],
  ["-sS", "-ff"],
  ["-sS", "--mtu", "8"],
  ["-sS", "--ttl", "33", "-g", "53"],
];

function scannerAddress(i: number): string {
  return `10.77.0.${10 + i}`;
}

function nmap(...args: string[]): string[] {
  return ["nmap", "-n", "-Pn", "--max-rate", RATE, "-p", PORTS, ...args];
}

const SCANNER_6 = "2001:db8:77::10";
const FRAGMENTS_6 = "2001:db8:77::11";

/** A SYN scan over IPv6, each segment cut into 8 bytes a fragment. */
const SCAPY_FRAGMENTS = `
import sys
from scapy.all import IPv6, IPv6ExtHdrFragment, TCP, Ether, Raw, conf, getmacbyip6
source, target, mac = sys.argv[1:]
s = conf.L2socket(iface="eth0")
for i, port in enumerate(range(100, 130)):
    header = IPv6(src=source, dst=target)
    segment = bytes((header / TCP(sport=40000, dport=port, flags="S"))[TCP])
    for at in range(0, len(segment), 8):
        fragment = IPv6ExtHdrFragment(
            nh=6, id=i + 1, offset=at // 8, m=at + 8 < len(segment))
        s.send(Ether(dst=mac) / header / fragment / Raw(segment[at:at + 8]))
`;

/** Runs all scans; returns how many. */
async function scanByAllMeans({ scanner, host }: TwoHosts): Promise<number> {
  for (const [i, args] of RAW_SCANS.entries()) {
    await addAddress(scanner, "eth0", `${scannerAddress(i)}/24`);
    const source = ["-e", "eth0", "-S", scannerAddress(i)];
    await scanner.run(nmap(...args, ...source, HOST));
  }
  await scanner.run(nmap("-sT", HOST));
  for (const address of [SCANNER_6, FRAGMENTS_6]) {
    await addAddress(scanner, "eth0", `${address}/64`);
  }
  const source = ["-e", "eth0", "-S", SCANNER_6];
  await scanner.run(nmap("-6", "-sS", ...source, HOST_IPV6));
  const mac = await host.run(["cat", "/sys/class/net/eth0/address"]);
  await scanner.run([
    ...["/usr/bin/python3", "-c", SCAPY_FRAGMENTS],
    ...[FRAGMENTS_6, HOST_IPV6, mac],
  ]);
  return RAW_SCANS.length + 3;
}

/**
 * The letters for PSH and ACK differ for completed handshakes: the live
 * captures leave segments with exactly ACK, or PSH and ACK, to the kernel, and a
 * file still holds them.
 */
function withoutHandshakes(lines: readonly string[]): string[] {
  return lines.map((line) =>
    line.startsWith(`${SCANNER} `) || line.startsWith(`${SCANNER}:`)
      ? line.replace(/, ([fF?][sS?][rR?])[pP?][aA?]([uU?]..)/, ", $1..$2")
      : line
  );
}

/**
 * With the first ports only: how many more are told depends on which came before
 * the answers to these were waited for.
 */
function withFirstPorts(lines: readonly string[]): string[] {
  return lines.map((line) =>
    line.replace(/ ports ((?:\d+, ){7}).*\.\.\./, " ports $1...")
  );
}

/** Who scanned whom. */
function ends(lines: readonly string[]): string[] {
  return lines.map((line) => line.split(" ports ")[0]);
}

/** All that can watch sees the same scans; returns each way's lines. */
async function watchByAllMeans(
  options: readonly string[],
): Promise<Map<string, string[]>> {
  await using two = await TwoHosts.create();
  await using _server = await listen(two.host, OPEN_PORTS);
  // Files do not know which networks are on the link.
  const common = ["--ipv6-prefix", "128", ...options];
  await using watchers = await Watchers.start(two.host, common);
  const scans = await scanByAllMeans(two);
  await watchers.lines("pipe", scans);
  const lines = await watchers.stop();
  const raw = lines.get("raw") ?? [];
  assertEquals(raw.length, scans, raw.join("\n"));
  for (const [i, args] of RAW_SCANS.entries()) {
    assert(raw[i].startsWith(scannerAddress(i)), args.join(" "));
  }
  assertEquals(
    splitLine(raw[scans - 1]).text,
    `[${FRAGMENTS_6}]:40000 to ${HOST_IPV6} ports 100, 101, 102, 103, 104, 105, ..., fSrpauxy, TOS 00, TTL 64`,
  );
  assertEquals(lines.size, KINDS.length + 1 + 4);
  console.log(`${scans} scans, ${lines.size} ways`);
  return lines;
}

const isIpv4 = (line: string) => !line.startsWith("[");
const NEEDS = { ...WATCHER_NEEDS, tools: [...WATCHER_NEEDS.tools, "scapy"] };

liveTest(
  "the same scans give the same lines through every capture and every file",
  NEEDS,
  async () => {
    const lines = await watchByAllMeans(["--classic"]);
    const raw = withoutHandshakes(lines.get("raw")!);
    for (const [name, found] of lines) {
      const expected = name === "nids" ? raw.filter(isIpv4) : raw;
      assertSameLines(withoutHandshakes(found), expected, name);
    }
  },
);

liveTest(
  "so they do when the host's answers count, where their order is known",
  NEEDS,
  async () => {
    // Files do not know who the host is.
    const lines = await watchByAllMeans(["--home", `${HOST},${HOST_IPV6}`]);
    const raw = withoutHandshakes(lines.get("raw")!);
    for (const [name, found] of lines) {
      if (name === "pcap") assertEquals(ends(found), ends(raw), name);
      else if (name === "nids") {
        assertEquals(ends(found), ends(raw.filter(isIpv4)), name);
      } else {
        // The kernel remembers ports, not addresses: one that has answered over
        // IPv4 weighs nothing over IPv6, where a file knows that it is closed.
        assertEquals(ends(found), ends(raw), name);
        const [ofIpv4, expected] = [withoutHandshakes(found), raw].map((all) =>
          withFirstPorts(all.filter(isIpv4))
        );
        assertSameLines(ofIpv4, expected, name);
      }
    }
  },
);
