/** A line is out at most 50 ms after the packet that completed the scan. */

import { assert, assertGreater, assertLess } from "../assert.ts";
import { concat, ipv4, tcp } from "../packets.ts";
import { startDaemon } from "./daemon.ts";
import { hardwareAddress } from "./inject.ts";
import { HOST, TwoHosts } from "./namespaces.ts";
import { pause, type Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";
import { KINDS } from "./watchers.ts";

const PORTS = [22, 23, 111, 21, 25, 143, 80];
const SCANS = 40;
const LIMIT_MS = 50;

/** Sends a scan of seven frames now and then; tells when each was complete. */
const SEND = `
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
frames = sys.stdin.buffer.read()
length = len(frames) // (int(sys.argv[1]) * 7)
for i in range(0, len(frames), 7 * length):
    time.sleep(0.04 + (i // length % 20) / 1000)
    for at in range(i, i + 7 * length, length):
        s.send(frames[at:at + length])
    print(time.time_ns() / 1e6)
`;

/** When each line came, in milliseconds since 1970, until stopped. */
async function watchLines(
  { stdout }: Process,
  isDone: () => boolean,
): Promise<number[]> {
  const times: number[] = [];
  while (!isDone() || times.length < stdout.length) {
    while (times.length < stdout.length) times.push(Date.now());
    await pause(1);
  }
  return times;
}

/** Scans that nobody answers; how long after each its line came, sorted. */
async function delaysOf(two: TwoHosts, kind: string): Promise<number[]> {
  await using daemon = await startDaemon(two.host, [
    ...["-o", "stdout", "--log-burst", "0", "--capture", kind],
  ]);
  const target = await hardwareAddress(two.host);
  const sender = await hardwareAddress(two.scanner);
  const frames = Array.from(
    { length: SCANS },
    (_, i) =>
      PORTS.map((destinationPort) => {
        const source = `10.77.0.${50 + i}`;
        // Equal ones would make the sources decoys, which wait for others.
        const sequence = 1 + i;
        const datagram = ipv4(tcp({ destinationPort, sequence }), {
          source,
          destination: HOST,
        });
        return concat(target, sender, [0x08, 0x00], datagram);
      }),
  );
  let isDone = false;
  const watched = watchLines(daemon, () => isDone);
  const told = await run(
    two.scanner.inside(["python3", "-c", SEND, String(SCANS)]),
    { input: concat(...frames.flat()) },
  );
  await pause(600);
  isDone = true;
  const lines = await watched;
  const sent = told.split("\n").map(Number);
  assert(lines.length === SCANS, `${lines.length} lines`);
  return lines.map((time, i) => time - sent[i]).sort((a, b) => a - b);
}

function medianOf(delays: readonly number[]): number {
  const [median, longest] = [SCANS >> 1, SCANS - 1].map((i) => delays[i]);
  console.log(
    `median ${median.toFixed(1)} ms, longest ${longest.toFixed(1)} ms`,
  );
  return median;
}

const NEEDS = { root: true, tools: ["ip", "unshare", "python3"] };

for (const kind of KINDS) {
  liveTest(`a line within ${LIMIT_MS} ms: ${kind}`, NEEDS, async () => {
    await using two = await TwoHosts.create();
    // The machine may be busy with other tests; the daemon alone is measured.
    assertLess(medianOf(await delaysOf(two, kind)), LIMIT_MS);
  });
}

liveTest("silence of a host that forwards may end later", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await two.host.set("net.ipv4.ip_forward=1");
  assertGreater(medianOf(await delaysOf(two, "raw")), 240);
});
