/**
 * Who can write to the port memory: the host itself, and address translation on
 * it; nobody in whose name a packet only passes through. And what it keeps below.
 */

import { assertEquals, assertGreater } from "../assert.ts";
import { concat, ipv4, ipv6, tcp } from "../packets.ts";
import { hardwareAddress, inject } from "./inject.ts";
import {
  connect,
  HOST,
  HOST_IPV6,
  Namespace,
  SCANNER,
  SCANNER_IPV6,
  TwoHosts,
} from "./namespaces.ts";
import { eventually, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";
import { listen, settle } from "./target_host.ts";

const PROBE = new URL("direction_probe.ts", import.meta.url).pathname;
const NEEDS = { root: true, tools: ["ip", "nft", "python3", "sysctl"] };
const SYN = 0x02;
const ACK = 0x10;
const FIN = 0x01;
const COUNT = 20;
const TRIES = 10;
const GUEST_STATISTICS = "/sys/class/net/guest0/statistics";
const IPV6 = [0x86, 0xdd];
const IPV4 = [0x08, 0x00];

async function startProbe(host: Namespace): Promise<Process> {
  const probe = host.start([Deno.execPath(), "run", "-A", PROBE, "memory"]);
  await probe.told("probing");
  return probe;
}

function count(probe: Process, line: string): number {
  return probe.stdout.filter((each) => each === line).length;
}

/** Waits until all that was sent before has come up, if it does. */
async function allIsSeen(two: TwoHosts, probe: Process): Promise<void> {
  const fins = count(probe, "in IPv4 tcp 1");
  await send(two, [ipv4(tcp({ flags: FIN }), SCANNER_TO_HOST)]);
  await eventually(
    () => count(probe, "in IPv4 tcp 1") > fins,
    () => "the last segment",
    5_000,
  );
}

const SCANNER_TO_HOST = { source: SCANNER, destination: HOST };

/** Sends packets from the scanner to the host's hardware address. */
async function send(
  two: TwoHosts,
  packets: readonly Uint8Array[],
  to?: Uint8Array,
): Promise<void> {
  const target = to ?? await hardwareAddress(two.host);
  const source = await hardwareAddress(two.scanner);
  await inject(
    two.scanner,
    packets.map((packet) =>
      concat(target, source, packet[0] >> 4 === 6 ? IPV6 : IPV4, packet)
    ),
  );
}

const SEND_DATAGRAMS = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[3])))
for _ in range(${COUNT}):
    try:
        s.sendto(b"x" * 40, (sys.argv[1], int(sys.argv[2])))
    except OSError:
        pass # refused
`;

function sendDatagrams(
  from: Namespace,
  address: string,
  port: number,
  sourcePort = 0,
): Promise<string> {
  return from.run([
    ...["python3", "-c", SEND_DATAGRAMS, address, `${port}`, `${sourcePort}`],
  ]);
}

const RECEIVE = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("receiving", file=sys.stderr, flush=True)
while True:
    s.recv(2048)
`;

async function receive(
  host: Namespace,
  address: string,
  port: number,
): Promise<Process> {
  const args = ["python3", "-c", RECEIVE, address, `${port}`];
  const receiver = host.start(args);
  await receiver.told("receiving");
  return receiver;
}

liveTest("datagrams come up if nobody waits for them", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using _outside = await receive(two.host, "0.0.0.0", 5140);
  await using _inside = await receive(two.host, "127.0.0.1", 5141);
  await using probe = await startProbe(two.host);
  const datagrams = () => count(probe, "in IPv4 protocol 17");
  await sendDatagrams(two.scanner, HOST, 5140);
  await sendDatagrams(two.host, "127.0.0.1", 5141);
  await allIsSeen(two, probe);
  assertEquals(datagrams(), 0);
  // Who waits for the host itself does not wait for others.
  await sendDatagrams(two.scanner, HOST, 5141);
  await allIsSeen(two, probe);
  assertEquals(datagrams(), COUNT);
  // Where the host has sent something from, it expects answers.
  await sendDatagrams(two.scanner, HOST, 5142);
  await allIsSeen(two, probe);
  assertEquals(datagrams(), 2 * COUNT);
  await sendDatagrams(two.host, SCANNER, 9, 5142);
  await sendDatagrams(two.scanner, HOST, 5142);
  await allIsSeen(two, probe);
  assertEquals(datagrams(), 2 * COUNT);
  assertEquals(await probe.stop(), 0);
});

/** ACKs to a port, as many as a scan of it, and how many come up. */
async function acksThatComeUp(
  two: TwoHosts,
  probe: Process,
  make: (segment: Uint8Array<ArrayBuffer>) => Uint8Array,
  line: string,
): Promise<number> {
  const before = count(probe, line);
  const segment = tcp({ flags: ACK, destinationPort: 22 });
  await send(two, Array(COUNT).fill(make(segment)));
  await allIsSeen(two, probe);
  return count(probe, line) - before;
}

const FORGED = { flags: SYN | ACK, sourcePort: 22, destinationPort: 40_000 };

liveTest("a frame that a bridge passes on proves nothing", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using guest = await Namespace.create();
  const { host } = two;
  await connect(
    { host, name: "guest0", addresses: [] },
    { host: guest, addresses: ["10.77.0.9/24"] },
  );
  await host.run(["ip", "link", "add", "br0", "type", "bridge"]);
  for (const name of ["eth0", "guest0"]) {
    await host.run(["ip", "address", "flush", "dev", name]);
    await host.run(["ip", "link", "set", name, "master", "br0"]);
  }
  await host.run(["ip", "address", "add", `${HOST}/24`, "dev", "br0"]);
  await host.run(["ip", "link", "set", "br0", "up"]);
  await using probe = await startProbe(host);
  const bridge = await hardwareAddress(host, "br0");
  const forged = ipv4(tcp(FORGED), { source: HOST, destination: "10.77.0.9" });
  const nobody = Uint8Array.of(2, 0, 0, 0, 0, 99);
  // Until the bridge forwards, it passes on nothing.
  const passed = async () =>
    Number(await host.run(["cat", `${GUEST_STATISTICS}/tx_packets`]));
  const before = await passed();
  for (let i = 0; i < TRIES && await passed() < before + COUNT; i++) {
    await send(two, Array(COUNT).fill(forged), nobody);
  }
  assertGreater(await passed(), before + COUNT - 1);
  const segment = tcp({ flags: ACK, destinationPort: 22 });
  await send(
    two,
    Array(COUNT).fill(ipv4(segment, SCANNER_TO_HOST)),
    bridge,
  );
  await eventually(
    () => count(probe, "in IPv4 tcp 10") >= COUNT,
    () => probe.stdout.join("\n"),
    5_000,
  );
  assertEquals(count(probe, "out IPv4 tcp 12"), 0);
  assertEquals(await probe.stop(), 0);
});

liveTest("what an IPv6 router forwards proves nothing", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using behind = await Namespace.create();
  const { host, scanner } = two;
  await connect(
    { host, name: "eth1", addresses: ["2001:db8:78::2/64"] },
    { host: behind, addresses: ["2001:db8:78::9/64"] },
  );
  await host.set("net.ipv6.conf.all.forwarding=1");
  for (const each of [host, scanner, behind]) await settle(each);
  await behind.run([
    ...["ip", "-6", "route", "add", "default", "via", "2001:db8:78::2"],
  ]);
  await using probe = await startProbe(host);
  const forged = ipv6(tcp(FORGED), {
    source: HOST_IPV6,
    destination: "2001:db8:78::9",
  });
  await send(two, Array(COUNT).fill(forged));
  const acks = await acksThatComeUp(
    two,
    probe,
    (segment) =>
      ipv6(segment, { source: SCANNER_IPV6, destination: HOST_IPV6 }),
    "in IPv6 tcp 10",
  );
  assertEquals(count(probe, "out IPv6 tcp 12"), 0);
  assertEquals(acks, COUNT);
  assertEquals(await probe.stop(), 0);
});

/** What leaves by a host's interface from a port, in another's name than its own. */
async function sendFrom(two: TwoHosts, source: string): Promise<void> {
  const frame = concat(
    await hardwareAddress(two.scanner),
    await hardwareAddress(two.host),
    IPV4,
    ipv4(tcp(FORGED), { source, destination: SCANNER }),
  );
  await inject(two.host, Array(COUNT).fill(frame));
}

liveTest(
  "a guest that shares the interface proves nothing",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await using probe = await startProbe(two.host);
    const acks = () =>
      acksThatComeUp(
        two,
        probe,
        (segment) => ipv4(segment, SCANNER_TO_HOST),
        "in IPv4 tcp 10",
      );
    // As macvlan, ipvlan and VLAN guests do, below their own interfaces.
    await sendFrom(two, "10.77.0.9");
    assertEquals(await acks(), COUNT);
    // A host that has a whole network answers from all over it.
    const network = ["local", "10.77.9.0/24", "dev", "lo"];
    await two.host.run(["ip", "route", "add", ...network]);
    // It takes a moment until the filter has been told.
    let left = COUNT;
    for (let i = 0; i < TRIES && left > 0; i++) {
      await sendFrom(two, "10.77.9.9");
      left = await acks();
    }
    assertEquals(left, 0);
    assertEquals(await probe.stop(), 0);
  },
);

/** Address translation that leads a port of the host's to a container. */
const PUBLISHED = {
  IPv4: {
    family: "ip",
    to: "10.88.0.2:22",
    host: HOST,
    make: (segment: Uint8Array) => ipv4(segment, SCANNER_TO_HOST),
  },
  IPv6: {
    family: "ip6",
    to: "[fd00:88::2]:22",
    host: HOST_IPV6,
    make: (segment: Uint8Array) =>
      ipv6(segment, { source: SCANNER_IPV6, destination: HOST_IPV6 }),
  },
};

for (
  const [version, { family, to, host: name, make }] of Object.entries(PUBLISHED)
) {
  liveTest(
    `${version}: a published port answers in the host's name`,
    NEEDS,
    async () => {
      await using two = await TwoHosts.create();
      await using container = await Namespace.create();
      const { host, scanner } = two;
      await connect(
        { host, name: "veth0", addresses: ["10.88.0.1/24", "fd00:88::1/64"] },
        { host: container, addresses: ["10.88.0.2/24", "fd00:88::2/64"] },
      );
      await host.set("net.ipv4.ip_forward=1");
      await host.set("net.ipv6.conf.all.forwarding=1");
      for (const each of [host, scanner, container]) await settle(each);
      for (const via of ["10.88.0.1", "fd00:88::1"]) {
        await container.run(["ip", "route", "add", "default", "via", via]);
      }
      await host.run([
        ...["nft", `add table ${family} nat;`],
        `add chain ${family} nat prerouting { type nat hook prerouting priority -100; };`,
        `add rule ${family} nat prerouting tcp dport 22 dnat to ${to}`,
      ]);
      await using _server = await listen(container);
      await using probe = await startProbe(host);
      await scanner.run([
        ...["python3", "-c"],
        `import socket; socket.create_connection(("${name}", 22)).close()`,
      ]);
      await eventually(
        () => count(probe, `out ${version} tcp 12`) > 0,
        () => `the answer in ${probe.stdout.join("\n")}`,
        5_000,
      );
      const line = `in ${version} tcp 10`;
      assertEquals(await acksThatComeUp(two, probe, make, line), 0);
      assertEquals(await probe.stop(), 0);
    },
  );
}
