/**
 * What is not meant for the watched host is no scan of it: not what a router
 * forwards, and not what a promiscuous interface sees of others.
 */

import { assertEquals, assertStringIncludes } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { connect, HOST, Namespace, setUp, TwoHosts } from "./namespaces.ts";
import type { Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = {
  root: true,
  tools: ["ip", "sysctl", "unshare", "nmap", "tcpdump"],
};
const ROUTER = "10.77.1.254";
const BEHIND = "10.77.2.2";

/** A scanner, a router and a host behind it. */
class Route extends TwoHosts {
  static override async create(): Promise<Route> {
    const route = new Route(
      await Namespace.create(),
      await Namespace.create(),
      await Namespace.create(),
    );
    return await setUp(route, (route) => route.#cable());
  }

  async #cable(): Promise<void> {
    const { scanner, host: router, behind } = this;
    await connect(
      { host: scanner, addresses: ["10.77.1.1/24"] },
      { host: router, addresses: [`${ROUTER}/24`] },
    );
    await connect(
      { host: behind, addresses: [`${BEHIND}/24`] },
      { host: router, name: "eth1", addresses: ["10.77.2.254/24"] },
    );
    await router.set("net.ipv4.ip_forward=1");
    for (
      const [host, via] of [[scanner, ROUTER], [behind, "10.77.2.254"]] as const
    ) {
      await host.run(["ip", "route", "add", "default", "via", via]);
    }
  }

  private constructor(
    scanner: Namespace,
    router: Namespace,
    readonly behind: Namespace,
  ) {
    super(scanner, router);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.behind[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}

/** Watches packets as an administrator does, which makes the interface promiscuous. */
async function startTcpdump(host: Namespace, name: string): Promise<Process> {
  const tcpdump = host.start(["tcpdump", "-n", "-i", name, "-w", "/dev/null"]);
  await tcpdump.told("listening on");
  return tcpdump;
}

/** The lines of a daemon that is ended, so that none is missed. */
async function lastLines(daemon: Process): Promise<string[]> {
  assertEquals(await daemon.stop(), 0);
  return daemon.stdout;
}

liveTest(
  "a router reports scans of itself, not those it forwards",
  NEEDS,
  async () => {
    await using route = await Route.create();
    await using daemon = await startDaemon(route.host, ["-o", "stdout"]);
    await route.scan(BEHIND);
    await route.scan(ROUTER);
    const lines = await lastLines(daemon);
    assertEquals(lines.length, 1, lines.join("\n"));
    assertStringIncludes(lines[0], ` to ${ROUTER} ports `);
  },
);

liveTest(
  "nor does tcpdump on the router make it report them",
  NEEDS,
  async () => {
    await using route = await Route.create();
    await using _any = await startTcpdump(route.host, "any");
    await using _one = await startTcpdump(route.host, "eth0");
    await using daemon = await startDaemon(route.host, ["-o", "stdout"]);
    await using _late = await startTcpdump(route.host, "eth1");
    await route.scan(BEHIND);
    assertEquals(await lastLines(daemon), []);
  },
);

liveTest("with -p a router reports a forwarded scan once", NEEDS, async () => {
  await using route = await Route.create();
  await using daemon = await startDaemon(route.host, ["-p", "-o", "stdout"]);
  await route.scan(BEHIND);
  const lines = await lastLines(daemon);
  assertEquals(lines.length, 1, lines.join("\n"));
  assertStringIncludes(lines[0], ` to ${BEHIND} ports `);
});

/** Makes the scanner send the host's packets to somebody else's card. */
async function misdirect({ scanner }: TwoHosts): Promise<void> {
  await scanner.run([
    ...["ip", "neighbour", "replace", HOST, "dev", "eth0"],
    ...["lladdr", "02:00:00:00:77:77", "nud", "permanent"],
  ]);
}

liveTest(
  "what reaches another host's card counts only with -p",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await misdirect(two);
    await using _tcpdump = await startTcpdump(two.host, "eth0");
    await using plain = await startDaemon(two.host, ["-o", "stdout"]);
    await using curious = await startDaemon(two.host, ["-p", "-o", "stdout"]);
    // Nobody answers, so nmap is to give up soon.
    await two.scanner.run([
      ...["nmap", "-n", "-Pn", "-sS", "--max-retries", "0", "-p", "1-30"],
      ...["--max-rtt-timeout", "100ms", HOST],
    ]);
    assertEquals(await lastLines(plain), []);
    assertEquals((await lastLines(curious)).length, 1);
  },
);
