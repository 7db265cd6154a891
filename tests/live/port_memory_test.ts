/**
 * What comes up to the process where the kernel remembers which ports are in
 * use, whatever a firewall does with it.
 */

import { assert, assertEquals } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { HOST, HOST_IPV6, TwoHosts } from "./namespaces.ts";
import { eventually, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";
import { settle } from "./target_host.ts";

const PROBE = new URL("direction_probe.ts", import.meta.url).pathname;
const NEEDS = { root: true, tools: ["ip", "nft", "nmap"] };
/** What --verbose says of it. */
const REMEMBERS = "the kernel remembers which ports are in use";
const DROP_ALL = [
  ...["nft", "add table inet wall;"],
  "add chain inet wall input { type filter hook input priority 0; };",
  "add rule inet wall input icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;",
  "add rule inet wall input drop",
];

async function startProbe(two: TwoHosts): Promise<Process> {
  const command = [Deno.execPath(), "run", "-A", PROBE, "memory"];
  const probe = two.host.start(command);
  await probe.told("probing");
  return probe;
}

/** Techniques, and how many of what must come up for 20 ports. */
const TECHNIQUES = [
  { args: ["-sA"], seen: "tcp 10" },
  { args: ["-sU"], seen: "protocol 17" },
  { args: ["-sM"], seen: "tcp 11" },
];

for (const address of [HOST, HOST_IPV6]) {
  for (const ports of ["1-20", "40000-40019"]) {
    liveTest(`a DROP host's ${ports} at ${address}`, NEEDS, async () => {
      await using two = await TwoHosts.create();
      await two.host.run(DROP_ALL);
      for (const each of [two.scanner, two.host]) await settle(each);
      await using probe = await startProbe(two);
      const family = address.includes(":") ? 6 : 4;
      for (const { args, seen } of TECHNIQUES) {
        const command = ["nmap", "-n", "-Pn", "--max-retries", "0", ...args];
        const version = family === 6 ? ["-6"] : [];
        await two.scanner.run([...command, ...version, "-p", ports, address]);
        const expected = `in IPv${family} ${seen}`;
        const count = () => probe.stdout.filter((l) => l === expected).length;
        await eventually(
          () => count() >= 20,
          () => `20 ${expected}, not ${count()}`,
          3_000,
        );
      }
      assertEquals(await probe.stop(), 0);
    });
  }
}

liveTest("without CAP_BPF it says what it does not see, and watches", {
  ...NEEDS,
  tools: [...NEEDS.tools, "setpriv", "unshare"],
}, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, ["-o", "stdout", "-v"], {
    as: ["setpriv", "--bounding-set", "-bpf,-sys_admin"],
  });
  assert(
    daemon.stderr.some((line) =>
      line.startsWith("scanlogd: no port memory in the kernel (bpf(")
    ),
    daemon.stderr.join("\n"),
  );
  assert(!daemon.stderr.join().includes(REMEMBERS));
  await two.scan();
  await eventually(() => daemon.stdout.length > 0, () => "a line");
  assertEquals(await daemon.stop(), 0);
});

liveTest(
  "what the kernel holds is gone with the process, and out of its reach",
  {
    ...NEEDS,
    tools: [...NEEDS.tools, "unshare"],
  },
  async () => {
    await using two = await TwoHosts.create();
    const args = ["-o", "stdout", "-v"];
    await using daemon = await startDaemon(two.host, args);
    await daemon.told(REMEMBERS);
    // Neither the maps nor the program can be got at through a descriptor.
    const links = [...Deno.readDirSync(`/proc/${daemon.pid}/fd`)].map((
      { name },
    ) => Deno.readLinkSync(`/proc/${daemon.pid}/fd/${name}`));
    assertEquals(links.filter((link) => link.includes("bpf")), []);
    const maps = Deno.readTextFileSync(`/proc/${daemon.pid}/maps`).split("\n")
      .filter((line) => line.includes("bpf-map"))
      .map((line) => line.split(" ")[1]);
    assertEquals(maps.toSorted(), [
      ...["r--s", "r--s", "r--s", "r--s"],
      ...["rw-s", "rw-s", "rw-s"],
    ]);
    assertEquals(await daemon.stop(), 0);
  },
);
