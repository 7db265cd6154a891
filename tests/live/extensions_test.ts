/**
 * Whatever IPv6 extension headers the kernel accepts before a SYN, we read them,
 * or tell that there is one that we cannot read.
 */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import {
  authentication,
  type Bytes,
  concat,
  fragmentHeader,
  internetChecksum,
  ipv6,
  NEXT_AUTHENTICATION,
  NEXT_DESTINATION_OPTIONS,
  NEXT_FRAGMENT,
  NEXT_HOP_BY_HOP,
  NEXT_ROUTING,
  NEXT_TCP,
  tcp,
} from "../packets.ts";
import { below, pick, type Random, withRunSeed } from "../random.ts";
import { startDaemon } from "./daemon.ts";
import { hardwareAddress } from "./inject.ts";
import {
  HOST_IPV6,
  type Namespace,
  SCANNER_IPV6,
  TwoHosts,
} from "./namespaces.ts";
import { eventually, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const PROBE = new URL("extension_probe.ts", import.meta.url).pathname;
const FIRST_PORT = 10_000;
const MOST_HEADERS = 20;
/** So many are sent, and so many at least must be answered. */
const SENT = 3000;
const ANSWERED = 2000;
const IPV6_HEADER = 40;

/** Sends frames, and prints the port of each TCP segment that comes back. */
const ASK = `
import select, socket, struct, sys, time
name, address = sys.argv[1:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
s.bind((name, 0))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24) # SO_RCVBUFFORCE
source = socket.inet_pton(socket.AF_INET6, address)
frames = sys.stdin.buffer.read()
found = set()
def collect(wait):
    while select.select([s], [], [], wait)[0]:
        f = s.recv(65535)
        if f[20] == 6 and f[22:38] == source:
            found.add(struct.unpack_from("!H", f, 54)[0])
at = 0
while at < len(frames):
    length, = struct.unpack_from("!H", frames, at)
    s.send(frames[at + 2:at + 2 + length])
    at += 2 + length
    collect(0.0005)
collect(1)
print(*sorted(found))
`;

/** Options that a host skips, or padding, as long as so many bytes. */
function options(length: number): Bytes {
  const bytes = new Uint8Array(length);
  let at = 0;
  // Eight options at most: Linux takes no more from strangers.
  for (let left = length; left > 0; left = length - at) {
    const size = Math.min(left, 257);
    if (size <= 7) { // PadN or Pad1
      if (size > 1) bytes.set([1, size - 2], at);
    } else bytes.set([0x1e, size - 2], at); // "skip if unknown", RFC 4727
    at += size;
  }
  return bytes;
}

/** One header in front of a payload, a length of 8 bytes to `most`. */
function header(
  random: Random,
  type: number,
  next: number,
  payload: Bytes,
  most: number,
): Bytes {
  if (type === NEXT_FRAGMENT) return fragmentHeader(next, payload);
  if (type === NEXT_AUTHENTICATION) return authentication(next, payload, 12);
  const units = 1 + below(random, Math.max(1, Math.min(256, most >> 3)));
  const body = units * 8 - 2;
  // Of a route that has no segments left, the rest means nothing.
  const content = type === NEXT_ROUTING
    ? concat([253, 0], new Uint8Array(body - 2))
    : options(body);
  return concat([next, units - 1], content, payload);
}

const TYPES = [
  NEXT_DESTINATION_OPTIONS,
  NEXT_DESTINATION_OPTIONS,
  NEXT_ROUTING,
  NEXT_FRAGMENT,
  NEXT_AUTHENTICATION,
];

/** A SYN with the right checksum. */
function syn(destinationPort: number): Bytes {
  const segment = tcp({ destinationPort });
  const pseudo = ipv6(segment, {
    source: SCANNER_IPV6,
    destination: HOST_IPV6,
  }).subarray(8, IPV6_HEADER);
  const sum = internetChecksum(
    concat(pseudo, [0, 0, 0, segment.length, 0, 0, 0, NEXT_TCP], segment),
  );
  segment.set([sum >> 8, sum & 0xff], 16);
  return segment;
}

/** The same behind two headers, the first of which is a fragment of its own. */
function cutProbe(destinationPort: number): Bytes[] {
  const inner = concat([NEXT_TCP, 0], options(6), syn(destinationPort));
  const first = concat([NEXT_DESTINATION_OPTIONS, 0], options(6));
  const parts = [
    { bytes: first, position: 0, isMore: true },
    { bytes: inner, position: first.length, isMore: false },
  ];
  return parts.map(({ bytes, ...part }) =>
    ipv6(fragmentHeader(NEXT_DESTINATION_OPTIONS, bytes, part), {
      next: NEXT_FRAGMENT,
      source: SCANNER_IPV6,
      destination: HOST_IPV6,
    })
  );
}

/** The same behind up to 20 headers; the packet has at most so many bytes. */
function probe(random: Random, destinationPort: number, mtu: number): Bytes {
  let payload = syn(destinationPort);
  let next = NEXT_TCP;
  // Fragment and authentication headers are rare, or few packets are answered.
  const isPlain = below(random, 4) > 0;
  const types = isPlain ? TYPES.slice(0, 3) : TYPES;
  for (let left = 1 + below(random, MOST_HEADERS); left > 0; left--) {
    const room = mtu - IPV6_HEADER - payload.length;
    if (room < 32) break;
    const isFirst = left === 1 && below(random, 4) === 0;
    const type = isFirst ? NEXT_HOP_BY_HOP : pick(random, types);
    const share = below(random, 3) === 0 ? room : room / left;
    payload = header(random, type, next, payload, Math.min(room, share));
    next = type;
  }
  return ipv6(payload, {
    next,
    source: SCANNER_IPV6,
    destination: HOST_IPV6,
  });
}

/** Sends all packets; returns the ports that the host has answered from. */
async function ask(
  { scanner, host }: TwoHosts,
  packets: readonly Bytes[],
): Promise<Set<number>> {
  const link = concat(
    await hardwareAddress(host),
    await hardwareAddress(scanner),
    [0x86, 0xdd],
  );
  const input = concat(...packets.map((packet) => {
    const length = link.length + packet.length;
    return concat([length >> 8, length & 0xff], link, packet);
  }));
  const output = await run(
    scanner.inside(["python3", "-c", ASK, "eth0", HOST_IPV6]),
    { input },
  );
  return new Set(output.trim().split(" ").map(Number));
}

/** What a capture on the host makes of them. */
async function watched(
  host: Namespace,
  kind: string,
  body: () => Promise<void>,
  count: number,
): Promise<string[]> {
  const args = ["run", "-A", PROBE, kind, "eth0"];
  await using process = host.start([Deno.execPath(), ...args]);
  await process.told("probing");
  await body();
  const told = () => process.stdout.filter((line) => line !== "other").length;
  await eventually(
    () => told() >= count,
    () => `${count} packets, ${told()} told`,
    5000,
  );
  await process.stop();
  return process.stdout;
}

async function pingOnce({ scanner }: TwoHosts): Promise<void> {
  await scanner.run(["ping", "-c", "1", "-W", "2", HOST_IPV6]);
}

for (const kind of ["raw", "pcap"]) {
  liveTest(
    `every SYN behind extension headers that the host answers is read, --capture ${kind}`,
    { root: true, tools: ["ip", "python3", "ping"] },
    () =>
      withRunSeed(async (random) => {
        await using two = await TwoHosts.create();
        await pingOnce(two);
        const packets = Array.from(
          { length: SENT },
          (_, i) => probe(random, FIRST_PORT + i, 1500),
        );
        let answered = new Set<number>();
        const lines = await watched(two.host, kind, async () => {
          answered = await ask(two, packets);
        }, packets.length / 2);
        const read = new Set(lines.map((line) => line.replace("port ", "")));
        const missed = [...answered].filter((port) => !read.has(`${port}`));
        console.log(`${answered.size} answered, ${missed.length} missed`);
        assertEquals(missed, []);
        assertGreater(answered.size, ANSWERED);
      }),
  );
}

liveTest(
  "a SYN behind more headers than are captured counts as unreadable",
  { root: true, tools: ["ip", "python3", "ping"] },
  () =>
    withRunSeed(async (random) => {
      await using two = await TwoHosts.create();
      for (const host of [two.scanner, two.host]) {
        await host.run(["ip", "link", "set", "eth0", "mtu", "9000"]);
      }
      await pingOnce(two);
      const packets = Array.from(
        { length: 300 },
        (_, i) => probe(random, FIRST_PORT + i, 9000),
      );
      let answered = new Set<number>();
      const lines = await watched(two.host, "raw", async () => {
        answered = await ask(two, packets);
      }, packets.length / 2);
      const isLong = (port: number) => packets[port - FIRST_PORT].length > 2048;
      const long = [...answered].filter(isLong);
      const read = new Set(lines.map((line) => line.replace("port ", "")));
      const unread = long.filter((port) => !read.has(`${port}`));
      const unreadable = lines.filter((line) => line.startsWith("unreadable"));
      console.log(`${long.length} long ones answered, ${unread.length} unread`);
      assertGreater(long.length, 20);
      assert(unreadable.length >= unread.length);
      for (const port of answered) {
        assert(isLong(port) || read.has(`${port}`), `port ${port}`);
      }
    }),
);

liveTest(
  "SYNs whose extension headers go on in another fragment are found",
  { root: true, tools: ["ip", "python3", "ping", "unshare"] },
  async () => {
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, ["-o", "stdout"]);
    await pingOnce(two);
    const packets = Array.from(
      { length: 30 },
      (_, i) => cutProbe(FIRST_PORT + i),
    );
    // Linux puts them together although RFC 7112 forbids it.
    const answered = await ask(two, packets.flat());
    assertGreater(answered.size, 20);
    await eventually(
      () => daemon.stdout.find((line) => line.includes(`to ${HOST_IPV6} `)),
      () => `the scan in ${daemon.stdout.join("\n")}`,
      5_000,
    );
    assertEquals(await daemon.stop(), 0);
  },
);
