/** Libraries that are missing or do not fit, filters, and what is announced. */

import { assertEquals, assertStringIncludes } from "../assert.ts";
import { SCAN_PORTS, scanFile } from "../packets.ts";
import { type DaemonOptions, Folder, launch, startDaemon } from "./daemon.ts";
import { HOST, Namespace, SCANNER, TwoHosts } from "./namespaces.ts";
import { eventually, pause, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = { root: true, tools: ["ip", "unshare"] };
const STDOUT = ["-o", "stdout"];

/** Shell commands that put something over every file of a library. */
function hide(library: string, by = "/dev/passwd"): string {
  return [
    "found=no",
    `for file in $(ldconfig -p | sed -n 's/^\\s${library}\\.so.* => //p'); do`,
    `mount --bind ${by} "$(readlink -f "$file")"; found=yes`,
    "done",
    '[ "$found" = yes ]',
  ].join("\n");
}

/** A start that must fail, and what its one line must say. */
interface FailedStart extends DaemonOptions {
  args: string[];
  says: string;
}

const NO_PCAP =
  "libpcap.so.1 is not installed; install it with: apt-get install libpcap0.8 (Debian, Ubuntu), dnf install libpcap (Fedora) or apk add libpcap (Alpine)";
const NO_NIDS =
  "scanlogd: libnids.so.1.21 is not installed; install it with: apt-get install libnids1.21 (Debian, Ubuntu) or dnf install libnids (Fedora)";

const FAILED_STARTS: Record<string, FailedStart> = {
  "--capture pcap without libpcap": {
    setUp: hide("libpcap"),
    args: ["--capture", "pcap"],
    says: NO_PCAP,
  },
  "--capture nids without libnids": {
    setUp: hide("libnids"),
    args: ["--capture", "nids"],
    says: NO_NIDS,
  },
  "--capture nids without libpcap": {
    setUp: hide("libpcap"),
    args: ["--capture", "nids"],
    says: NO_PCAP,
  },
  "--read with --filter without libpcap": {
    setUp: hide("libpcap"),
    args: ["--read", "/dev/null", "--filter", "tcp"],
    says: NO_PCAP,
  },
  "a wrong filter, pcap": {
    args: ["--capture", "pcap", "--filter", "port http or"],
    says:
      'scanlogd: --filter: can\'t parse filter expression: syntax error, in "port http or"',
  },
  "a wrong filter, nids": {
    args: ["--capture", "nids", "--filter", "tcp[1"],
    says:
      'scanlogd: --filter: can\'t parse filter expression: syntax error, in "tcp[1"',
  },
  "a filter that would get out of its parentheses": {
    args: ["--capture", "pcap", "--filter", "tcp) or (udp"],
    says:
      'scanlogd: --filter: can\'t parse filter expression: syntax error, in "tcp) or (udp"',
  },
  "a filter with raw": {
    args: ["--capture", "raw", "--filter", "tcp"],
    says:
      "scanlogd: --filter needs libpcap: add --capture pcap or --capture nids",
  },
  "a filter with auto": {
    args: ["--filter", "tcp"],
    says:
      "scanlogd: --filter needs libpcap: add --capture pcap or --capture nids",
  },
  "no such interface, pcap": {
    args: ["--capture", "pcap", "-i", "eth7"],
    says: "scanlogd: --capture pcap, interface eth7: No such device exists",
  },
  "no such interface, nids": {
    args: ["--capture", "nids", "-i", "eth7"],
    says: "scanlogd: --capture nids, interface eth7: No such device exists",
  },
};

for (
  const [name, { args, says, ...options }] of Object.entries(FAILED_STARTS)
) {
  liveTest(`it does not start: ${name}`, NEEDS, async () => {
    await using host = await Namespace.create();
    await using daemon = launch(host, [...STDOUT, ...args], options);
    assertEquals(await daemon.end(), 1);
    assertEquals(daemon.stdout, []);
    assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
    assertStringIncludes(daemon.stderr[0], says);
  });
}

for (const [kind, library] of [["pcap", "libpcap"], ["nids", "libnids"]]) {
  liveTest(
    `${library} without the functions that are needed is named with its package`,
    { ...NEEDS, tools: [...NEEDS.tools, "gcc"] },
    async () => {
      await using folder = await Folder.create();
      const empty = `${folder.path}/empty.so`;
      await run(["gcc", "-shared", "-x", "c", "-o", empty, "/dev/null"]);
      await using host = await Namespace.create();
      const args = [...STDOUT, "--capture", kind];
      const setUp = hide(library, empty);
      await using daemon = launch(host, args, { setUp });
      assertEquals(await daemon.end(), 1);
      assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
      assertStringIncludes(daemon.stderr[0], " does not fit: ");
      assertStringIncludes(daemon.stderr[0], "undefined symbol");
      assertStringIncludes(daemon.stderr[0], "apt-get install lib");
    },
  );
}

liveTest(
  "auto takes packet sockets, and each capture says what it watches",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    const announced: [string[], string][] = [
      [[], "raw, all interfaces"],
      [["-c", "auto", "-i", "eth0"], "raw, eth0"],
      [["-c", "raw", "-i", "eth0", "-i", "lo"], "raw, eth0, lo"],
      [["-c", "pcap"], "pcap, all interfaces"],
      [["-c", "pcap", "-i", "lo", "-i", "eth0"], "pcap, lo, eth0"],
      [["-c", "nids", "-i", "eth0"], "nids, eth0"],
      [["-c", "nids", "--filter", "port 1"], "nids, all interfaces"],
    ];
    await Promise.all(announced.map(async ([args, what]) => {
      await using daemon = await startDaemon(two.host, [...STDOUT, ...args]);
      assertEquals(daemon.stderr, [`scanlogd: watching: ${what}`]);
      assertEquals(await daemon.stop(), 0);
    }));
  },
);

for (const kind of ["pcap", "nids"]) {
  liveTest(
    `--filter leaves out what does not match: ${kind}`,
    { root: true, tools: [...NEEDS.tools, "nmap"] },
    async () => {
      await using two = await TwoHosts.create();
      const start = (filter: string) =>
        startDaemon(two.host, [...STDOUT, "-c", kind, "--filter", filter]);
      await using matching = await start(`src host ${SCANNER}`);
      await using other = await start(`src host not ${SCANNER}`);
      await using few = await start("dst port 22 or dst port 2000");
      await two.scan();
      await eventually(() => matching.stdout.length > 0, () => "a line");
      await pause(200);
      for (const daemon of [matching, other, few]) {
        assertEquals(await daemon.stop(), 0);
      }
      assertEquals(matching.stdout.length, 1);
      assertStringIncludes(matching.stdout[0], `${SCANNER}:`);
      assertStringIncludes(matching.stdout[0], ` to ${HOST} ports `);
      assertEquals([...other.stdout, ...few.stdout], []);
      assertStringIncludes(await few.told("packets seen"), " 1 packets seen");
    },
  );
}

liveTest("--read with --filter reads only what matches", NEEDS, async () => {
  await using folder = await Folder.create();
  await using host = await Namespace.create();
  const path = `${folder.path}/scan.pcap`;
  await Deno.writeFile(path, scanFile(SCAN_PORTS));
  const lines: Record<string, number> = {
    "tcp": 1,
    "tcp[tcpflags] = tcp-syn and dst portrange 1-1000": 1,
    "src net 192.0.2.0/24": 1,
    "udp": 0,
    "not dst port 80": 0,
    "ip6": 0,
  };
  for (const [filter, count] of Object.entries(lines)) {
    const args = ["--read", path, "--filter", filter];
    await using reader = launch(host, args);
    assertEquals(await reader.end(), 0, reader.stderr.join("\n"));
    assertEquals(reader.stdout.length, count, filter);
  }
  await using reader = launch(host, ["--read", path, "--filter", "tcp and"]);
  assertEquals(await reader.end(), 1);
  assertEquals(reader.stderr, [
    'scanlogd: --filter: can\'t parse filter expression: syntax error, in "tcp and"',
  ]);
});
