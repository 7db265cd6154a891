/**
 * Ends that the other end does not expect: clients that are killed, hosts that
 * boot and know nothing of the connections they had, and routers that do not.
 *
 * @module
 */

import { assert, assertEquals } from "../assert.ts";
import type { Site } from "./innocent_site.ts";
import { type Figures, perform, serve, TCP_SERVER } from "./innocent_python.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { connect, HOST, Namespace, SCANNER } from "./namespaces.ts";
import type { Process } from "./processes.ts";

/**
 * Lets a client receive 40 streams and kills it, over and over; with a first
 * port, the client binds its ports itself.
 */
const KILLED_CLIENT = `
server, port, first, rounds = args[0], int(args[1]), int(args[2]), int(args[3])
for number in range(rounds):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        streams = []
        for i in range(40):
            local = first + number * 40 + i if first else 0
            streams.append(connection((server, port), ("", local)))
            streams[-1].sendall(b"stream\\n")
        for s in streams:
            s.recv(1000)
        os.write(writer, b"x")
        time.sleep(60)
    os.read(reader, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    time.sleep(1)
told(killed=rounds, streams=40 * rounds)
`;

function killClients(
  site: Site,
  client: Namespace,
  server: string,
  first = 0,
): Promise<Figures> {
  return perform(site, client, KILLED_CLIENT, server, 8080, first, 8);
}

/** Whoever is asked to reboot forgets its connections without a word. */
const FORGETFUL_SERVER = `
TCP_REPAIR = 19  # linux/tcp.h
ports = [int(port) for port in args]

def listen():
    return [socket.create_server(("", port), backlog=128) for port in ports]

def forget(s):
    s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    s.close()

servers = listen()
ready()
pool = [servers[i % len(servers)].accept()[0] for i in range(40)]
for s in pool:
    forget(s)
for s in servers:
    s.close()
print("forgot", file=sys.stderr, flush=True)
servers = listen()
events = selectors.DefaultSelector()
for s in servers:
    events.register(s, selectors.EVENT_READ, True)
while True:
    for key, _ in events.select():
        if key.data:
            s, _ = key.fileobj.accept()
            events.register(s, selectors.EVENT_READ, False)
        else:
            try:
                data = key.fileobj.recv(1000)
                key.fileobj.send(data)
            except OSError:
                data = b""
            if not data:
                events.unregister(key.fileobj)
                key.fileobj.close()
`;

/** Holds 40 connections; uses them once it is told to, and connects anew. */
const POOL = `
server, ports = args[0], [int(port) for port in args[1:]]
pool = [connection((server, ports[i % len(ports)])) for i in range(40)]
ready()
while not os.path.exists(os.path.dirname(__file__) + "/rebooted"):
    time.sleep(0.1)
refused = answers = 0
for s in pool:
    try:
        s.sendall(b"hello\\n")
        s.recv(100)
    except ConnectionResetError:
        refused += 1
    time.sleep(0.02)
    s.close()
for i in range(40):
    s = connection((server, ports[i % len(ports)]))
    s.sendall(b"hello\\n")
    answers += s.recv(100) == b"hello\\n"
told(refused=refused, answers=answers)
time.sleep(60)
`;

const POOL_PORTS = [443, 5432, 6379, 8080];

const pools = new WeakMap<Site, () => Promise<Figures>>();

/** Everything but the peer's use of its pool happens before the watching. */
async function reboot(site: Site): Promise<void> {
  const server = await serve(site, site.host, FORGETFUL_SERVER, ...POOL_PORTS);
  const pool = await serve(site, site.peer, POOL, HOST, ...POOL_PORTS);
  await server.told("forgot");
  pools.set(site, async () => {
    await Deno.writeTextFile(`${site.folder}/rebooted`, "");
    const line = await site.line(pool);
    return JSON.parse(line);
  });
}

async function usePool(site: Site): Promise<Figures> {
  const figures = await pools.get(site)!();
  assertEquals(figures, { refused: 40, answers: 40 });
  return figures;
}

/** Holds connections to ports of a server until a file appears, and ends them. */
const HOLD = `
server, count, ports = args[0], int(args[1]), [int(port) for port in args[2:]]
held = [connection((server, ports[i % len(ports)])) for i in range(count)]
for s in held:
    s.sendall(b"hello\\n")
    s.recv(100)
ready()
while not os.path.exists(os.path.dirname(__file__) + "/release"):
    time.sleep(0.1)
for s in held:
    s.close()
    time.sleep(0.02)
told(ended=count)
time.sleep(60)
`;

const holders = new WeakMap<Site, Process>();

async function hold(
  site: Site,
  client: Namespace,
  ...args: readonly (string | number)[]
): Promise<void> {
  holders.set(site, await serve(site, client, HOLD, ...args));
}

async function release(site: Site): Promise<Figures> {
  await Deno.writeTextFile(`${site.folder}/release`, "");
  return JSON.parse(await site.line(holders.get(site)!));
}

const MANY_PORTS = Array.from({ length: 30 }, (_, i) => 8_000 + i);

/** The host forwards for another one, which is behind it. */
async function joinNeighbour(site: Site): Promise<Namespace> {
  const { host } = site;
  const neighbour = site.use(await Namespace.create());
  await connect(
    { host, name: "eth1", addresses: ["10.78.0.254/24"] },
    { host: neighbour, addresses: [`${NEIGHBOUR}/24`] },
  );
  await neighbour.run(["ip", "route", "add", "default", "via", "10.78.0.254"]);
  await host.set("net.ipv4.ip_forward=1");
  return neighbour;
}

const NEIGHBOUR = "10.78.0.1";
const neighbours = new WeakMap<Site, Namespace>();

async function route(site: Site): Promise<void> {
  neighbours.set(site, await joinNeighbour(site));
  const { peer } = site;
  await peer.run(["ip", "route", "add", "10.78.0.0/24", "via", HOST]);
}

/** Both sides of a router scan each other, which is not its business. */
async function scanThrough(site: Site): Promise<Figures> {
  let ports = 0;
  const directions = [
    [site.peer, NEIGHBOUR],
    [neighbours.get(site)!, SCANNER],
  ] as const;
  for (const [from, target] of directions) {
    for (const kind of ["-sS", "-sA", "-sM", "-sX"]) {
      const text = await from.run([
        ...["nmap", "-n", "-Pn", kind, "-p", "1-200", "-oG", "-", target],
      ]);
      assert(text.includes("Host: "), text);
      ports += 200;
    }
    await site.finish(from, [
      ...["nmap", "-n", "-Pn", "-sU", "--max-retries", "0"],
      ...["-p", "100-119", target],
    ]);
  }
  return { ports };
}

/** As {@linkcode route}, and the neighbour borrows the host's address. */
async function masquerade(site: Site): Promise<void> {
  await route(site);
  await site.host.run([
    "nft",
    `table ip nat {
      chain out {
        type nat hook postrouting priority 100
        oifname "eth0" ip saddr 10.78.0.0/24 masquerade fully-random
      }
    }`,
  ]);
  await serve(site, site.peer, TCP_SERVER, 8080);
}

export const CRASHES: readonly Innocent[] = [
  {
    name: "clients killed with 40 open streams each, on the host",
    tools: [],
    atLeast: { opened: 320, resets: 250 },
    prepare: (site) => serve(site, site.peer, TCP_SERVER, 8080),
    run: (site) => killClients(site, site.host, SCANNER),
  },
  {
    name: "the same with ports 10000 to 10319, bound by the client",
    tools: [],
    atLeast: { opened: 320, resets: 250 },
    prepare: (site) => serve(site, site.peer, TCP_SERVER, 8080),
    run: (site) => killClients(site, site.host, SCANNER, 10_000),
  },
  {
    name: "clients killed with 40 open streams each, on the peer",
    tools: [],
    atLeast: { accepted: 320 },
    prepare: (site) => serve(site, site.host, TCP_SERVER, 8080),
    run: (site) => killClients(site, site.peer, HOST),
  },
  {
    name: "host rebooted, peer uses and renews 40 old connections",
    tools: [],
    atLeast: { resets: 40, accepted: 40 },
    prepare: reboot,
    run: usePool,
  },
  {
    name: "connections to 30 services end that are older than the watching",
    tools: [],
    atLeast: { segments: 60 },
    prepare: async (site) => {
      await serve(site, site.host, TCP_SERVER, ...MANY_PORTS);
      await hold(site, site.peer, HOST, 60, ...MANY_PORTS);
    },
    run: release,
  },
  {
    name: "masqueraded connections end that are older than the watching",
    tools: ["nft"],
    atLeast: {},
    prepare: async (site) => {
      await masquerade(site);
      await hold(site, neighbours.get(site)!, SCANNER, 60, 8080);
    },
    run: release,
  },
  {
    name: "host is a router, its neighbours scan each other",
    tools: ["nmap"],
    atLeast: {},
    prepare: route,
    run: scanThrough,
  },
  {
    name: "host masquerades for clients killed with 40 open streams each",
    tools: ["nft"],
    atLeast: {},
    prepare: masquerade,
    run: (site) => killClients(site, neighbours.get(site)!, SCANNER),
  },
];
