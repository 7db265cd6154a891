/** Which of the packets that reach the host are meant for it. */

import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { concat, ipv6, NEXT_UDP, udp } from "../packets.ts";
import { startDaemon } from "./daemon.ts";
import { hardwareAddress, inject } from "./inject.ts";
import {
  addAddress,
  connect,
  HOST,
  HOST_IPV6,
  SCANNER_IPV6,
  TwoHosts,
} from "./namespaces.ts";
import { eventually, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";
import { scanEnds, SHORT_DELAY } from "./scans.ts";

const NEEDS = {
  root: true,
  tools: ["ip", "sysctl", "unshare", "nmap"],
};

/** Waits for so many lines. */
async function lines(
  daemon: Process,
  count: number,
  patience?: number,
): Promise<string[]> {
  await eventually(
    () => daemon.stdout.length >= count,
    () => `${count} lines:\n${daemon.stdout.join("\n")}`,
    patience,
  );
  return daemon.stdout;
}

/** Ends it; it must have told this many scans and no more. */
async function assertLines(daemon: Process, count: number): Promise<void> {
  assertEquals(await daemon.stop(), 0);
  assertEquals(daemon.stdout.length, count, daemon.stdout.join("\n"));
}

liveTest(
  "an address counts from when it is added until it is deleted",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    const { scanner, host } = two;
    const added = "10.77.9.9";
    await scanner.run(["ip", "route", "add", added, "via", HOST]);
    await host.set("net.ipv4.ip_forward=1");
    await host.run(["ip", "route", "add", added, "via", "10.77.0.99"]);
    await using daemon = await startDaemon(host, [
      ...[...SHORT_DELAY, "-o", "stdout"],
    ]);
    // Nobody is there, so nmap is to give up soon.
    const scan = () =>
      scanner.run([
        ...["nmap", "-n", "-Pn", "-sS", "--max-retries", "0", "-p", "1-30"],
        ...["--max-rtt-timeout", "100ms", added],
      ]);
    await scan();
    await scanEnds();
    await addAddress(host, "lo", `${added}/32`);
    await two.scan(added);
    await lines(daemon, 1);
    await scanEnds();
    await host.run(["ip", "address", "delete", `${added}/32`, "dev", "lo"]);
    await scan();
    await scanEnds();
    await two.scan(HOST);
    await lines(daemon, 2);
    assertStringIncludes(daemon.stdout[0], ` to ${added} ports `);
    assertStringIncludes(daemon.stdout[1], ` to ${HOST} ports `);
    await assertLines(daemon, 2);
  },
);

liveTest(
  "an IPv6 scan is one line, of an address added later too",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...[...SHORT_DELAY, "-o", "stdout"],
    ]);
    await two.scan(HOST_IPV6);
    const [line] = await lines(daemon, 1);
    assertMatch(
      line,
      /^\[2001:db8:77::1\]:\d+ to 2001:db8:77::2 ports .*, fSrpauxy, TOS 00/,
    );
    await scanEnds();
    await addAddress(two.host, "eth0", "2001:db8:77::99/64");
    await two.scan("2001:db8:77::99");
    await lines(daemon, 2);
    assertStringIncludes(daemon.stdout[1], " to 2001:db8:77::99 ports ");
    assertStringIncludes(daemon.stdout[1], SCANNER_IPV6);
    await assertLines(daemon, 2);
  },
);

liveTest(
  "a router's UDP ports are scanned at its anycast address",
  { ...NEEDS, tools: [...NEEDS.tools, "ip6tables", "python3"] },
  async () => {
    await using two = await TwoHosts.create();
    const { host, scanner } = two;
    await host.run(["ip6tables", "-A", "INPUT", "-p", "udp", "-j", "DROP"]);
    await using daemon = await startDaemon(host, ["-o", "stdout"]);
    // Only routers have that address, and this host becomes one meanwhile.
    await host.set("net.ipv6.conf.all.forwarding=1");
    const anycast = "2001:db8:77::";
    const link = concat(
      await hardwareAddress(host),
      await hardwareAddress(scanner),
      [0x86, 0xdd],
    );
    const ends = { source: SCANNER_IPV6, destination: anycast };
    const frames = Array.from({ length: 30 }, (_, i) =>
      concat(
        link,
        ipv6(udp({ destinationPort: i + 1 }), {
          next: NEXT_UDP,
          ...ends,
        }),
      ));
    await inject(scanner, frames);
    const [line] = await lines(daemon, 1);
    assertStringIncludes(line, " to 2001:db8:77:: ports ");
    assertStringIncludes(line, ", udp, ");
    await assertLines(daemon, 1);
  },
);

liveTest("a scan over loopback is one line", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, [
    ...[...SHORT_DELAY, "-o", "stdout"],
  ]);
  await two.scan("127.0.0.1", { from: two.host });
  assertMatch(
    (await lines(daemon, 1))[0],
    /^127\.0\.0\.1:\d+ to 127\.0\.0\.1 /,
  );
  await two.scan(HOST, { from: two.host });
  assertMatch(
    (await lines(daemon, 2))[1],
    /^10\.77\.0\.2:\d+ to 10\.77\.0\.2 /,
  );
  await assertLines(daemon, 2);
});

liveTest("-i watches the named interfaces and no other", NEEDS, async () => {
  await using two = await TwoHosts.create();
  const { scanner, host } = two;
  for (const number of [1, 2]) {
    await connect(
      {
        host: scanner,
        name: `eth${number}`,
        addresses: [`10.78.${number}.1/24`],
      },
      { host, name: `eth${number}`, addresses: [`10.78.${number}.2/24`] },
    );
  }
  const names = ["-i", "eth0", "-i", "eth2"];
  await using daemon = await startDaemon(host, [...names, "-o", "stdout"]);
  await two.scan("10.78.1.2");
  await two.scan("10.78.2.2");
  await two.scan(HOST);
  await lines(daemon, 2);
  assertStringIncludes(daemon.stdout[0], " to 10.78.2.2 ports ");
  assertStringIncludes(daemon.stdout[1], ` to ${HOST} ports `);
  assertEquals(daemon.stderr, ["scanlogd: watching: raw, eth0, eth2"]);
  await assertLines(daemon, 2);
});

for (const args of [[], ["-i", "eth0"]]) {
  const name = args.length === 0 ? "all interfaces" : "one interface";
  liveTest(`${name}: down and up again, scans are found`, NEEDS, async () => {
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...[...args, ...SHORT_DELAY, "-o", "stdout"],
    ]);
    await two.scan();
    await lines(daemon, 1);
    await scanEnds();
    for (const state of ["down", "up"]) {
      await two.host.run(["ip", "link", "set", "eth0", state]);
    }
    await two.scan();
    await lines(daemon, 2);
    await assertLines(daemon, 2);
  });
}

liveTest("an interface that appears later is watched", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, ["-o", "stdout"]);
  await connect(
    { host: two.scanner, name: "eth1", addresses: ["10.78.1.1/24"] },
    { host: two.host, name: "eth1", addresses: ["10.78.1.2/24"] },
  );
  // On a busy machine the first scan may come before the daemon has heard of the
  // address. What it missed then, it does not report later.
  for (let tries = 0; tries < 5 && daemon.stdout.length === 0; tries++) {
    await two.scan("10.78.1.2");
    await lines(daemon, 1, 3000).catch(() => {});
  }
  await assertLines(daemon, 1);
});
