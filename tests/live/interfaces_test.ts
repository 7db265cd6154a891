/** Named interfaces come and go: it is told once each, and watched again. */

import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { connect, TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";
import { scanEnds, SHORT_DELAY } from "./scans.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "nmap"] };
const SECOND = "10.78.1.2";

/** A second cable between the two. */
async function plugIn({ scanner, host }: TwoHosts): Promise<void> {
  await connect(
    { host: scanner, name: "eth1", addresses: ["10.78.1.1/24"] },
    { host, name: "eth1", addresses: [`${SECOND}/24`] },
  );
}

/** Waits for what is told next; nothing else may be told besides. */
async function assertTold(
  daemon: Process,
  before: number,
  text: string,
): Promise<void> {
  await eventually(
    () => daemon.stderr.length > before,
    () => `"${text}" from\n${daemon.stderr.join("\n")}`,
  );
  await pause(200);
  assertEquals(daemon.stderr.slice(before), [`scanlogd: interface ${text}`]);
}

async function assertFound(
  two: TwoHosts,
  daemon: Process,
  target: string,
  count: number,
): Promise<void> {
  await two.scan(target);
  await eventually(
    () => daemon.stdout.length >= count,
    () => `${count} lines, there are\n${daemon.stdout.join("\n")}`,
  );
  assertEquals(daemon.stdout.length, count, daemon.stdout.join("\n"));
  assertStringIncludes(daemon.stdout[count - 1], ` to ${target} ports `);
  await scanEnds();
}

const ARGS = ["-o", "stdout", "--log-burst", "0", ...SHORT_DELAY];

for (const names of [["eth1"], ["eth0", "eth1"]]) {
  const which = names.join(" and ");
  liveTest(
    `${which}: down, up, gone, there again: told once each`,
    NEEDS,
    async () => {
      await using two = await TwoHosts.create();
      const { host } = two;
      await plugIn(two);
      await using daemon = await startDaemon(host, [
        ...ARGS,
        ...names.flatMap((name) => ["-i", name]),
      ]);
      await assertFound(two, daemon, SECOND, 1);
      await host.run(["ip", "link", "set", "eth1", "down"]);
      await assertTold(daemon, 1, "eth1 is down");
      await host.run(["ip", "link", "set", "eth1", "up"]);
      await assertTold(daemon, 2, "eth1 is up again");
      await assertFound(two, daemon, SECOND, 2);
      await host.run(["ip", "link", "delete", "eth1"]);
      await eventually(
        () => daemon.stderr.some((line) => line.includes("eth1 is gone")),
        () => `the end of eth1:\n${daemon.stderr.join("\n")}`,
      );
      await pause(200);
      assert(
        daemon.stderr.filter((line) => line.includes("is gone")).length === 1,
      );
      // It may have been seen going down before.
      const before = daemon.stderr.length;
      assert(before <= 5, daemon.stderr.join("\n"));
      assertEquals(daemon.code, -1);
      await plugIn(two);
      await daemon.told("interface eth1 is there again");
      await assertFound(two, daemon, SECOND, 3);
      await pause(200);
      const after = daemon.stderr.slice(before);
      assertEquals(after.filter((line) => line.includes("again")).slice(0, 1), [
        "scanlogd: interface eth1 is there again",
      ]);
      assert(after.length <= 2, after.join("\n"));
      assertEquals(await daemon.stop(), 0);
      assertStringIncludes(daemon.stderr.at(-1) ?? "", " 3 scans, ");
    },
  );
}

liveTest(
  "all interfaces: nothing is told, nothing is fatal",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    const { host } = two;
    await using daemon = await startDaemon(host, ARGS);
    for (let i = 1; i <= 3; i++) {
      await plugIn(two);
      await assertFound(two, daemon, SECOND, i);
      await host.run(["ip", "link", "set", "eth1", "down"]);
      await host.run(["ip", "link", "delete", "eth1"]);
    }
    assertEquals(await daemon.stop(), 0);
    assertEquals(daemon.stderr.length, 2, daemon.stderr.join("\n"));
  },
);

liveTest(
  "an interface that flaps a hundred times keeps nobody busy",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await plugIn(two);
    await using daemon = await startDaemon(two.host, [...ARGS, "-i", "eth1"]);
    await two.host.run([
      ...["sh", "-c"],
      "for i in $(seq 100); do ip link set eth1 down; ip link set eth1 up; done",
    ]);
    await pause(300);
    const before = cpuTicks(daemon.pid);
    await pause(1000);
    assert(cpuTicks(daemon.pid) - before < 20, "it is busy");
    await assertFound(two, daemon, SECOND, 1);
    assertEquals(await daemon.stop(), 0);
  },
);

/** User and system time in ticks of 10 ms (proc(5)). */
function cpuTicks(pid: number): number {
  const [, rest] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ");
  const fields = rest.split(" ").map(Number);
  return fields[11] + fields[12];
}

liveTest("pcap goes on with the interface that is left", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await plugIn(two);
  await using daemon = await startDaemon(two.host, [
    ...[...ARGS, "-c", "pcap", "-i", "eth0", "-i", "eth1"],
  ]);
  await assertFound(two, daemon, SECOND, 1);
  await two.host.run(["ip", "link", "delete", "eth1"]);
  await daemon.told("interface eth1: ");
  await assertFound(two, daemon, "10.77.0.2", 2);
  assertEquals(
    daemon.stderr.filter((line) => line.includes("eth1: ")).length,
    1,
    daemon.stderr.join("\n"),
  );
  assertEquals(await daemon.stop(), 0);
});

/** A bridge with an address. */
function addBridge(name: string, address: string): string[] {
  return [
    `link add ${name} type bridge`,
    `address add ${address}/24 dev ${name}`,
    `link set ${name} up`,
  ];
}

async function ip(
  { host }: TwoHosts,
  ...commands: readonly string[]
): Promise<void> {
  const input = commands.join("\n") + "\n";
  const shell = `printf '%s' "$1" | ip -batch -`;
  await host.run(["sh", "-c", shell, "sh", input]);
}

function isPromiscuous({ host }: TwoHosts, name: string): Promise<boolean> {
  return host.run(["ip", "-d", "link", "show", name])
    .then((text) => !/promiscuity 0 /.test(text));
}

liveTest("an interface that is absent is waited for", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await ip(two, "link add down0 type bridge");
  await using daemon = await startDaemon(two.host, [
    ...[...ARGS, "-i", "eth1", "-i", "down0"],
  ]);
  const says = daemon.stderr.join("\n");
  assertStringIncludes(says, "interface eth1 is not there yet; waiting for it");
  assertStringIncludes(says, "interface down0 is down; waiting for it");
  await plugIn(two);
  await daemon.told("interface eth1 is there now");
  await assertFound(two, daemon, SECOND, 1);
  assertEquals(await daemon.stop(), 0);
});

liveTest(
  "patterns: what comes, goes and is renamed is watched, and promiscuous",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await ip(two, ...addBridge("docker0", "10.79.0.1"));
    await using daemon = await startDaemon(two.host, [
      ...[...ARGS, "-p", "-i", "e*", "-i", "!eth0", "-i", "!docker0"],
    ]);
    assertStringIncludes(daemon.stderr.join("\n"), "no interface matches e*");
    let found = 0;
    await two.scan("10.77.0.2"); // over eth0, which is left out
    for (let round = 0; round < 3; round++) {
      await plugIn(two);
      await assertFound(two, daemon, SECOND, ++found);
      await eventually(
        () => daemon.stdout.length === found,
        () => "one line more",
      );
      assert(await isPromiscuous(two, "eth1"));
      await ip(
        two,
        "link set eth1 down",
        "link set eth1 name x1",
        "link set x1 up",
      );
      // Until that is looked at, it is still watched; nothing tells when.
      await pause(300);
      await two.scan(SECOND);
      await pause(200);
      assertEquals(daemon.stdout.length, found, "x1 does not match");
      await ip(
        two,
        "link set x1 down",
        "link set x1 name e-x",
        "link set e-x up",
      );
      // What comes before it is watched again is not seen.
      for (let i = 0; i < 100 && !await isPromiscuous(two, "e-x"); i++) {
        await pause(50);
      }
      await assertFound(two, daemon, SECOND, ++found);
      await ip(two, "link delete e-x");
    }
    assertEquals(await isPromiscuous(two, "docker0"), false);
    assertEquals(await daemon.stop(), 0);
  },
);

const FLOOD = 20_000;
const BRIDGES = Array.from({ length: 400 }, (_, i) => `br-${i}`);
const PATTERNS = ["-p", "-i", "br-*", "-i", "eth1", "-i", "!docker0"];

/** Which interfaces the daemon has made promiscuous. */
async function promiscuousOnes({ host }: TwoHosts): Promise<Set<string>> {
  const text = await host.run(["ip", "-o", "-d", "link", "show"]);
  const names = text.split("\n").filter((line) => /promiscuity 1 /.test(line))
    .map((line) => line.split(": ")[1].split("@")[0]);
  return new Set(names);
}

/** Makes all bridges, waits until they are watched as told, and removes them. */
async function makeAndRemove(two: TwoHosts): Promise<void> {
  await ip(
    two,
    ...addBridge("docker0", "10.79.0.1"),
    ...BRIDGES.flatMap((name) => [
      `link add ${name} type bridge`,
      `link set ${name} up`,
    ]),
  );
  const isDone = async () => {
    const names = await promiscuousOnes(two);
    return BRIDGES.every((name) => names.has(name));
  };
  for (let tries = 0; !await isDone(); tries++) {
    assert(tries < 200, "not all bridges are promiscuous");
    await pause(50);
  }
  assert(!(await promiscuousOnes(two)).has("docker0"), "docker0 is left out");
  const names = ["docker0", ...BRIDGES];
  await ip(two, ...names.map((name) => `link delete ${name}`));
}

liveTest(
  "400 bridges that come and go keep nobody busy",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await plugIn(two);
    await using daemon = await startDaemon(two.host, [...ARGS, ...PATTERNS]);
    const before = cpuTicks(daemon.pid);
    const start = performance.now();
    await makeAndRemove(two);
    const time = performance.now() - start;
    const used = (cpuTicks(daemon.pid) - before) * 10;
    console.log(`${used} ms of processor time in ${Math.round(time)} ms`);
    assert(used < time / 10, `${used} of ${time} ms`);
    await assertFound(two, daemon, SECOND, 1);
    assertEquals(await daemon.stop(), 0);
  },
);

liveTest(
  "400 bridges that come and go under load: nothing is lost",
  { ...NEEDS, tools: [...NEEDS.tools, "hping3"] },
  async () => {
    await using two = await TwoHosts.create();
    await plugIn(two);
    await using daemon = await startDaemon(two.host, [...ARGS, ...PATTERNS]);
    await assertFound(two, daemon, SECOND, 1);
    await using flood = two.scanner.start([
      ...["hping3", "-q", "-c", `${FLOOD}`, "-i", "u400", "-S", "-p", "++1"],
      ...["--rand-source", SECOND],
    ]);
    await makeAndRemove(two);
    await flood.end();
    await assertFound(two, daemon, SECOND, 2);
    assertEquals(await daemon.stop(), 0);
    const counts = daemon.stderr.find((line) => line.includes("packets seen"));
    assertStringIncludes(counts ?? "", " 0 dropped ");
    const seen = Number(/(\d+) packets seen/.exec(counts ?? "")?.[1]);
    assert(seen >= FLOOD, `${seen} of ${FLOOD} packets`);
  },
);
