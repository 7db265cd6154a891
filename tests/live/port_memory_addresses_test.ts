/** Addresses that come and go by the thousand make no packet lost. */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { concat, ipv4, tcp } from "../packets.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { FLOOD_TOOLS, makeSender, rateOf, startFlood } from "./frame_flood.ts";
import { hardwareAddress } from "./inject.ts";
import { HOST, type Namespace, SCANNER, TwoHosts } from "./namespaces.ts";
import type { Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const ADDRESSES = 3_000;
const RATE = 60_000;
const SECONDS = 5;
/** A busy machine sends less, and then proves less. */
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

/** A SYN to every port, in turn. */
async function segments({ host, scanner }: TwoHosts): Promise<Uint8Array[]> {
  const link = concat(
    await hardwareAddress(host),
    await hardwareAddress(scanner),
    [0x08, 0x00],
  );
  const ends = { source: SCANNER, destination: HOST };
  return Array.from(
    { length: 65_535 },
    (_, i) => concat(link, ipv4(tcp({ destinationPort: i + 1 }), ends)),
  );
}

liveTest(
  "no SYN of 60,000 a second is lost while addresses change",
  { root: true, tools: [...FLOOD_TOOLS, "python3", "unshare"] },
  async () => {
    await using folder = await Folder.create();
    const sender = await makeSender(folder.path);
    await using two = await TwoHosts.create();
    await using changes = await startChanges(two.host);
    await using daemon = await startDaemon(two.host, ["-o", "stdout", "-v"]);
    await daemon.told("the kernel remembers which ports are in use");
    await using flood = startFlood(two.scanner, sender, {
      ...{ frames: await segments(two), rate: RATE, count: RATE * SECONDS },
    });
    assertEquals(await flood.end(), 0, flood.stderr.join("\n"));
    assertEquals(await changes.end(), 0, changes.stderr.join("\n"));
    assertEquals(await daemon.stop(), 0);
    const told = await daemon.told("packets seen");
    console.log(`${flood.stdout}; ${told}`);
    assert(told.includes(", 0 dropped by the kernel"), told);
    const seen = Number(/(\d+) packets seen/.exec(told)?.[1]);
    assert(seen >= RATE * SECONDS, told);
    assertGreater(rateOf(flood), ENOUGH * RATE);
    assertEquals(daemon.stdout.length, 1, daemon.stdout.join("\n"));
  },
);
