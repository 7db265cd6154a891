/** Addresses that come and go by the thousand make no packet lost. */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { hardwareAddress } from "./inject.ts";
import { HOST, type Namespace, SCANNER, TwoHosts } from "./namespaces.ts";
import { pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const ADDRESSES = 3_000;
/** As many SYNs a second; a busy machine sends less, and then proves less. */
const RATE = 60_000;
const SECONDS = 5;
const ENOUGH = 0.3;

/** Adds addresses, says so, and then makes 1,000 changes a second until the end. */
const CHANGE = `
import subprocess, sys, time
count, seconds = int(sys.argv[1]), float(sys.argv[2])
ip = subprocess.Popen(["ip", "-batch", "-"], stdin=subprocess.PIPE)
def change(what, number):
    ip.stdin.write(b"address %s 10.%d.%d.%d/32 dev eth0\\n" % (
        what, 100 + number // 62500, number // 250 % 250, 1 + number % 250))
for number in range(count):
    change(b"add", number)
ip.stdin.flush()
while subprocess.check_output(["ip", "-o", "-4", "address"]).count(b"\\n") < count:
    time.sleep(0.05)
print("there", file=sys.stderr, flush=True)
start, changes = time.monotonic(), 0
while (now := time.monotonic()) < start + seconds:
    while changes < 1000 * (now - start):
        number = changes // 2 % count
        change((b"del", b"add")[changes % 2], number)
        changes += 1
    ip.stdin.flush()
    time.sleep(0.01)
ip.stdin.close()
sys.exit(ip.wait() or changes < 900 * seconds)
`;

async function startChanges(host: Namespace): Promise<Process> {
  const args = [`${ADDRESSES}`, `${SECONDS + 2}`];
  const changes = host.start(["/usr/bin/python3", "-c", CHANGE, ...args]);
  await changes.told("there");
  return changes;
}

async function received(host: Namespace): Promise<number> {
  const counter = "/sys/class/net/eth0/statistics/rx_packets";
  return Number(await host.run(["cat", counter]));
}

/** Sends a SYN to every port; returns how many a second came at most. */
async function flood(two: TwoHosts): Promise<number> {
  const octets = await hardwareAddress(two.host);
  const router = Array.from(
    octets,
    (octet) => octet.toString(16).padStart(2, "0"),
  ).join(":");
  await using masscan = two.scanner.start([
    ...["masscan", HOST, "-p", "1-65535", "--rate", `${RATE}`, "--wait", "0"],
    ...["--interface", "eth0", "--adapter-ip", SCANNER, "--router-mac", router],
  ]);
  let fastest = 0;
  let count = await received(two.host);
  let time = performance.now();
  while (masscan.code < 0) {
    await pause(500);
    const [countNow, now] = [await received(two.host), performance.now()];
    fastest = Math.max(fastest, (countNow - count) / (now - time) * 1_000);
    [count, time] = [countNow, now];
  }
  assertEquals(masscan.code, 0, masscan.stderr.join("\n"));
  return fastest;
}

liveTest(
  "no SYN of 60,000 a second is lost while addresses change",
  { root: true, tools: ["ip", "masscan", "python3", "unshare"] },
  async () => {
    await using two = await TwoHosts.create();
    await using changes = await startChanges(two.host);
    await using daemon = await startDaemon(two.host, ["-o", "stdout", "-v"]);
    await daemon.told("the kernel remembers which ports are in use");
    const before = await received(two.host);
    const fastest = await flood(two);
    const packets = await received(two.host) - before;
    assertEquals(await changes.end(), 0, changes.stderr.join("\n"));
    assertEquals(await daemon.stop(), 0);
    const told = await daemon.told("packets seen");
    console.log(`${packets} packets, ${Math.round(fastest)} a second; ${told}`);
    assert(told.includes(", 0 dropped by the kernel"), told);
    assertGreater(packets, 65_000);
    assertGreater(fastest, ENOUGH * RATE);
    assertEquals(daemon.stdout.length, 1, daemon.stdout.join("\n"));
  },
);
