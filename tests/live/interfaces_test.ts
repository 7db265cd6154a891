/** Named interfaces come and go: it is told once each, and watched again. */

import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { connect, TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

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
}

const ARGS = ["-o", "stdout", "--log-burst", "0", "--scan-delay", "100ms"];

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
