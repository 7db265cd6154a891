/**
 * Strangers by the hundred, and what a network's devices say to each other.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Site } from "./innocent_site.ts";
import { type Figures, perform, serve } from "./innocent_python.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { HOST, SCANNER } from "./namespaces.ts";
import { pause } from "./processes.ts";

/** What a BitTorrent client listens on, TCP and UDP; it also asks peers itself. */
const TORRENT_CLIENT = `
handshake = b"\\x13BitTorrent protocol" + bytes(8) + os.urandom(40)
async def serve(reader, writer):
    try:
        writer.write(handshake)
        while await reader.read(1000):
            writer.write(bytes(500))
    except OSError:
        pass
    writer.close()

class Nodes(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, address):
        self.transport.sendto(data, address)

async def ask(address):
    try:
        _, writer = await asyncio.open_connection(address, 6881)
        writer.close()
    except OSError:
        pass

async def main():
    loop = asyncio.get_running_loop()
    await asyncio.start_server(serve, "", 6881)
    transport, _ = await loop.create_datagram_endpoint(Nodes, sock=udp("", 6881))
    ready()
    while True:
        address = "10.79.1.%d" % random.randint(1, 200)
        asyncio.create_task(ask(address))
        transport.sendto(b"d1:ad2:id20:", (address, 6881))
        await asyncio.sleep(0.1)
asyncio.run(main())
`;

/** 200 peers; half of them know a port that the client had long ago. */
const SWARM = `
server, seconds = args[0], float(args[1])
counts = dict(connections=0, refused=0, datagrams=0, answers=0)
def peer_address(peer):
    return "10.79.1.%d" % (peer + 1)
async def talk(peer):
    port = 6881 if peer % 2 else 51413 if peer % 4 else 6882
    loop = asyncio.get_running_loop()
    s = udp(peer_address(peer), 6881)
    s.setblocking(False)
    end = time.monotonic() + seconds
    await asyncio.sleep(random.uniform(0, 5))
    while time.monotonic() < end:
        try:
            s.sendto(b"d1:ad2:id20:" + os.urandom(20), (server, port))
            counts["datagrams"] += 1
            s.recv(2000)
            counts["answers"] += 1
        except OSError:
            pass
        try:
            reader, writer = await asyncio.open_connection(
                server, port, local_addr=(peer_address(peer), 0))
            counts["connections"] += 1
            writer.write(bytes(68))
            await reader.read(1000)
            writer.close()
        except OSError:
            counts["refused"] += 1
        await asyncio.sleep(random.uniform(2, 6))
async def main():
    await asyncio.gather(*map(talk, range(200)))
    told(**counts)
asyncio.run(main())
`;

async function gatherPeers(site: Site): Promise<void> {
  const path = `${site.folder}/addresses`;
  const addresses = Array.from(
    { length: 200 },
    (_, i) => `address add 10.79.1.${i + 1}/32 dev lo`,
  );
  await Deno.writeTextFile(path, addresses.join("\n") + "\n");
  await site.peer.run(["ip", "-batch", path]);
  await site.host.run(["ip", "route", "add", "10.79.0.0/16", "via", SCANNER]);
  await serve(site, site.host, TORRENT_CLIENT);
}

async function swarm(site: Site): Promise<Figures> {
  const figures = await perform(site, site.peer, SWARM, HOST, 55);
  assert(
    figures.connections > 500 && figures.refused > 500,
    JSON.stringify(figures),
  );
  return figures;
}

/**
 * What a neighbour's devices send to everybody: SSDP, mDNS, LLMNR, NetBIOS,
 * DHCP, WS-Discovery and others; and answers to searches that have ended.
 */
const DEVICES = `
host, own, seconds = args[0], args[1], float(args[2])
everybody = own.rsplit(".", 1)[0] + ".255"
groups = [("239.255.255.250", 1900), ("224.0.0.251", 5353),
    ("224.0.0.252", 5355), ("239.255.255.250", 3702)]
ports = [67, 68, 137, 138, 1900, 5353, 5678, 8610, 10001, 17500, 21027, 27036,
    32412, 32414, 57621]
s = udp(own)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
sent = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    for target in groups + [(a, port) for a in (everybody, "255.255.255.255")
            for port in ports]:
        s.sendto(os.urandom(60), target)
        sent += 1
    # NetBIOS asks who is there, and SNMP tools look for printers.
    for port in (137, 161):
        s.sendto(os.urandom(50), (host, port))
        sent += 1
    time.sleep(1)
told(sent=sent)
`;

/** Asks the network for devices from a new port each time. */
const SEARCH = `
own, seconds = args[0], float(args[1])
searches = answers = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    s = udp(own)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
    s.settimeout(0.5)
    s.sendto(b"M-SEARCH * HTTP/1.1\\r\\nMX: 3\\r\\n\\r\\n", ("239.255.255.250", 1900))
    searches += 1
    try:
        answers += s.recv(100) == b"HTTP/1.1 200 OK"
    except OSError:
        pass
    s.close()
    time.sleep(0.5)
told(searches=searches, answers=answers)
`;

/** Answers searches three times: at once, and when nobody waits any more. */
const DEVICE = `
own = args[0]
s = udp("", 1900)
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
    socket.inet_aton("239.255.255.250") + socket.inet_aton(own))
async def main():
    loop = asyncio.get_running_loop()
    class Device(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport
        def datagram_received(self, data, address):
            if data.startswith(b"M-SEARCH"):
                for delay in (0.1, 1, 2.5):
                    loop.call_later(delay, self.transport.sendto,
                        b"HTTP/1.1 200 OK", address)
    await loop.create_datagram_endpoint(Device, sock=s)
    ready()
    await asyncio.Event().wait()
asyncio.run(main())
`;

async function discover(site: Site): Promise<Figures> {
  const [{ sent }, { searches, answers }] = await Promise.all([
    perform(site, site.peer, DEVICES, HOST, SCANNER, 45),
    perform(site, site.host, SEARCH, HOST, 45),
  ]);
  assert(answers > 20, `${answers} answers`);
  return { sent, searches, answers };
}

/** A clock that both ends compare with the other's, and never set. */
async function startClocks(site: Site): Promise<void> {
  for (
    const [host, server] of [[site.peer, HOST], [site.host, SCANNER]] as const
  ) {
    const path = `${site.folder}/${host.name}`;
    await Deno.writeTextFile(
      `${path}.conf`,
      `local stratum 8
allow
server ${server} minpoll -2 maxpoll -2 iburst
pidfile ${path}.pid
bindcmdaddress /
cmdport 0
driftfile ${path}.drift
`,
    );
    await site.start(
      host,
      ["chronyd", "-x", "-d", "-u", "root", "-f", `${path}.conf`],
      "chronyd version",
    );
  }
}

/** Looks how far it is to the host, by all means. */
async function measure(site: Site): Promise<Figures> {
  const commands = [
    ["traceroute", "-n", "-q", "3", "-w", "1", HOST],
    ["traceroute", "-n", "-U", "-w", "1", HOST],
    ["traceroute", "-n", "-I", HOST],
    ["traceroute", "-n", "-T", "-p", "80", HOST],
    ["ping", "-c", "3", "-i", "0.2", HOST],
  ];
  let commandsRun = 0;
  for (let round = 0; round < 6; round++) {
    for (const command of commands) {
      const text = await site.finish(site.peer, command);
      assert(text.includes(HOST), text);
      commandsRun++;
    }
    await pause(2_000);
  }
  return { measurements: commandsRun };
}

export const PEERS: readonly Innocent[] = [
  {
    name: "200 BitTorrent peers, half of them at closed ports",
    tools: [],
    atLeast: { accepted: 500, resets: 500, datagrams: 500, unreachables: 100 },
    prepare: gatherPeers,
    run: swarm,
  },
  {
    name: "SSDP, mDNS, NetBIOS, DHCP and others on the network",
    tools: [],
    atLeast: { strays: 100, unreachables: 40 },
    prepare: (site) => serve(site, site.peer, DEVICE, SCANNER),
    run: discover,
  },
  {
    name: "NTP, traceroute and ping",
    tools: ["chronyd", "traceroute", "ping"],
    atLeast: { datagrams: 50, unreachables: 20, resets: 6 },
    prepare: startClocks,
    run: measure,
  },
];
