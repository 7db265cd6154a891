/**
 * Many services on one host, and those who look after them or use them.
 *
 * @module
 */

import { assert, assertEquals } from "../assert.ts";
import type { Site } from "./innocent_site.ts";
import { type Figures, perform, serve, TCP_SERVER } from "./innocent_python.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { connect, HOST, Namespace, SCANNER } from "./namespaces.ts";
import { pause } from "./processes.ts";

/** Ten well-known services, and twenty of somebody's own. */
const PORTS = [
  ...[22, 25, 80, 110, 143, 389, 443, 587, 993, 995],
  ...Array.from({ length: 20 }, (_, i) => 8000 + i * 101),
];

/** Connects to many ports of a server at the same time, and says a line. */
const CONNECT_TO_ALL = `
server, rounds, ports = args[0], int(args[1]), [int(port) for port in args[2:]]
async def use(port):
    reader, writer = await asyncio.open_connection(server, port)
    writer.write(b"hello\\n")
    line = await reader.readline()
    writer.close()
    return line == b"hello\\n"
async def main():
    answers = 0
    for _ in range(rounds):
        answers += sum(await asyncio.gather(*map(use, ports)))
        await asyncio.sleep(0.5)
    told(connections=rounds * len(ports), answers=answers)
asyncio.run(main())
`;

/** A check that has a service answer, rather than hang up on its SYN|ACK. */
const SAY_HELLO = `option tcp-check
  tcp-check send "hello\\n"
  tcp-check expect string hello`;

/** Checks all services each second; returns how many it holds for up. */
async function check(
  site: Site,
  seconds: number,
  option = "",
): Promise<Figures> {
  const { folder, peer } = site;
  const backends = PORTS.map((port) =>
    `backend b${port}
  ${option}
  server s ${HOST}:${port} check inter 1s fall 1 rise 1`
  );
  await Deno.writeTextFile(
    `${folder}/haproxy.cfg`,
    `global
  stats socket ${folder}/haproxy.sock mode 600
defaults
  mode tcp
  timeout connect 2s
  timeout client 5s
  timeout server 5s
${backends.join("\n")}
`,
  );
  await site.start(peer, ["haproxy", "-db", "-f", `${folder}/haproxy.cfg`]);
  await pause(seconds * 1000);
  const text = await site.finish(peer, [
    ...["sh", "-c", 'echo "show stat" | socat - "$0"'],
    `${folder}/haproxy.sock`,
  ]);
  const rows = text.split("\n").map((line) => line.split(","))
    .filter((row) => row[1] === "s");
  const up = rows.filter((row) => row[17] === "UP").length;
  return { checked: rows.length, up };
}

async function checkWithout(
  site: Site,
  down: number,
  option?: string,
): Promise<Figures> {
  await serve(site, site.host, TCP_SERVER, ...PORTS.slice(0, 30 - down));
  const figures = await check(site, 60, option);
  assertEquals(figures, { checked: 30, up: 30 - down });
  return figures;
}

const CONTAINER = "172.17.0.2";

/** A container behind a bridge; its ports are published on the host's. */
async function startContainer(site: Site): Promise<void> {
  const { host } = site;
  const container = site.use(await Namespace.create());
  await connect(
    { host, name: "docker0", addresses: ["172.17.0.1/16"] },
    { host: container, addresses: [`${CONTAINER}/16`] },
  );
  await container.run(["ip", "route", "add", "default", "via", "172.17.0.1"]);
  await host.set("net.ipv4.ip_forward=1");
  const rules = `table ip nat {
    chain in {
      type nat hook prerouting priority -100
      iifname "eth0" tcp dport { ${PORTS.join(", ")} } dnat to ${CONTAINER}
    }
    chain out {
      type nat hook postrouting priority 100
      oifname "eth0" ip saddr 172.17.0.0/16 masquerade
    }
  }`;
  await host.run(["nft", rules]);
  await serve(site, container, TCP_SERVER, ...PORTS);
}

async function useAll(site: Site): Promise<Figures> {
  const figures = await perform(
    ...[site, site.peer, CONNECT_TO_ALL, HOST, 10] as const,
    ...PORTS,
  );
  assertEquals(figures.answers, figures.connections);
  return figures;
}

/** Clients with 200 addresses, which the peer replaces with its own. */
async function startClients(site: Site): Promise<Namespace> {
  const { peer } = site;
  const clients = site.use(await Namespace.create());
  await connect(
    { host: peer, name: "eth1", addresses: ["10.78.0.254/16"] },
    { host: clients, addresses: ["10.78.0.1/16"] },
  );
  const addresses = Array.from(
    { length: 200 },
    (_, i) => `address add 10.78.1.${i + 1}/16 dev eth0`,
  );
  const path = `${site.folder}/addresses`;
  await Deno.writeTextFile(path, addresses.join("\n") + "\n");
  await clients.run(["ip", "-batch", path]);
  await clients.run(["ip", "route", "add", "default", "via", "10.78.0.254"]);
  await peer.set("net.ipv4.ip_forward=1");
  const rules = `table ip nat {
    chain out {
      type nat hook postrouting priority 100
      oifname "eth0" masquerade fully-random
    }
  }`;
  await peer.run(["nft", rules]);
  return clients;
}

const OPEN = [22, 25, 80, 143, 443, 587, 993, 8080, 8443, 8883];

/** 40 connections a second, each held for up to 20 seconds. */
const CLIENTS = `
server, seconds, ports = args[0], float(args[1]), [int(p) for p in args[2:]]
count = answers = lost = 0
async def use():
    global count, answers, lost
    source = "10.78.1.%d" % random.randint(1, 200)
    count += 1
    try:
        reader, writer = await asyncio.open_connection(
            server, random.choice(ports), local_addr=(source, 0))
        for _ in range(random.randint(1, 5)):
            writer.write(b"hello\\n")
            answers += await reader.readline() == b"hello\\n"
            await asyncio.sleep(random.uniform(0, 4))
        writer.close()
    except OSError:
        lost += 1  # The router has forgotten it.
async def main():
    end = time.monotonic() + seconds
    tasks = []
    while time.monotonic() < end:
        tasks.append(asyncio.create_task(use()))
        await asyncio.sleep(1 / 40)
    await asyncio.wait(tasks, timeout=20)
    told(connections=count, answers=answers, lost=lost)
asyncio.run(main())
`;

async function useThroughNat(site: Site): Promise<Figures> {
  const clients = await startClients(site);
  const done = perform(site, clients, CLIENTS, HOST, 40, ...OPEN);
  done.catch(() => {});
  await pause(20_000);
  await site.peer.run(["conntrack", "-F"]);
  const figures = await done;
  assert(figures.lost > 0 && figures.answers > 1_000, JSON.stringify(figures));
  return figures;
}

/** Uses services from reserved ports, as those of RPC want it. */
const RESERVED = `
server, rounds, ports = args[0], int(args[1]), [int(port) for port in args[2:]]
answers = 0
local = 1023
for _ in range(rounds):
    for port in ports:
        s = None
        while s is None:
            try:
                s = connection((server, port), ("", local))
            except OSError:
                pass  # Somebody uses it, or has just used it.
            local = local - 1 if local > 600 else 1023
        s.sendall(b"hello\\n")
        answers += s.recv(100) == b"hello\\n"
        s.close()
    time.sleep(0.3)
told(connections=rounds * len(ports), answers=answers)
`;

async function startRpc(site: Site): Promise<void> {
  await site.start(site.host, [
    ...["unshare", "--mount", "sh", "-c"],
    "mount -t tmpfs tmpfs /run && exec rpcbind -f -w",
  ]);
  await serve(site, site.host, TCP_SERVER, 2049, 20048);
  await site.finish(site.peer, [
    ...[
      "sh",
      "-c",
      `until rpcinfo -p ${HOST} >/dev/null 2>&1; do sleep .1; done`,
    ],
  ]);
}

async function useRpc(site: Site): Promise<Figures> {
  const script = `for i in $(seq 40); do
    rpcinfo -p ${HOST} && rpcinfo -T udp ${HOST} 100000 && rpcinfo -s ${HOST}
  done`;
  const text = await site.finish(site.peer, ["sh", "-ec", script]);
  const lists = text.split("\n").filter((line) => line.includes("program"));
  assert(lists.length >= 80, text.slice(0, 500));
  const { connections, answers } = await perform(
    ...[site, site.peer, RESERVED, HOST, 60, 2049, 20048] as const,
  );
  assertEquals(answers, connections);
  return { lists: lists.length, connections };
}

/**
 * Asks from reserved ports, gives up after a second and asks from another one;
 * the answer draws a RST.
 */
const IMPATIENT = `
server, first, rounds, ports = args[0], int(args[1]), int(args[2]), [
    int(port) for port in args[3:]]
local = first
for _ in range(rounds):
    for port in ports:
        s = connection((server, port), ("", local))
        local -= 1
        s.sendall(b"late 2\\n")
        time.sleep(1)
        s.close()
time.sleep(2)
told(connections=first - local)
`;

/** Datagrams from reserved ports; answers two seconds late. */
const LATE_RPC_SERVER = `
async def main():
    loop = asyncio.get_running_loop()
    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport
        def datagram_received(self, data, address):
            answer = data[:4] + struct.pack("!6I", 1, 0, 0, 0, 0, 2049)
            loop.call_later(2, self.transport.sendto, answer, address)
    await loop.create_datagram_endpoint(Server, sock=udp("", 111))
    ready()
    await asyncio.Event().wait()
asyncio.run(main())
`;

const IMPATIENT_RPC = `
server, count = args[0], int(args[1])
for i in range(count):
    s = udp("", 1023 - i)
    # A call of the port mapper's GETPORT (RFC 1833).
    s.sendto(struct.pack("!14I", 1000 + i, 0, 2, 100000, 2, 3, 0, 0, 0, 0,
        100005, 3, 17, 0), (server, 111))
    time.sleep(1)
    s.close()
time.sleep(3)
told(calls=count)
`;

export const SERVICES: readonly Innocent[] = [
  {
    name: "health checks of 30 services each second, half-open, all up",
    tools: ["haproxy", "socat"],
    atLeast: { segments: 3_000 },
    run: (site) => checkWithout(site, 0),
  },
  {
    name: "health checks of 30 services each second, 6 down",
    tools: ["haproxy", "socat"],
    atLeast: { accepted: 1_000, resets: 300 },
    run: (site) => checkWithout(site, 6, SAY_HELLO),
  },
  {
    name: "200 clients behind one address",
    tools: ["nft", "conntrack"],
    atLeast: { accepted: 1_200, resets: 10 },
    prepare: (site) => serve(site, site.host, TCP_SERVER, ...OPEN),
    run: useThroughNat,
  },
  {
    name: "30 services used at once",
    tools: [],
    atLeast: { accepted: 300 },
    prepare: (site) => serve(site, site.host, TCP_SERVER, ...PORTS),
    run: useAll,
  },
  {
    name: "30 published ports of a container used at once",
    tools: ["nft"],
    atLeast: {},
    prepare: startContainer,
    run: useAll,
  },
  {
    name: "port mapper and NFS ports, host is the server",
    tools: ["rpcbind", "rpcinfo"],
    atLeast: { accepted: 160, datagrams: 40 },
    prepare: startRpc,
    run: useRpc,
  },
  {
    name: "port mapper and NFS ports, host is an impatient client, TCP",
    tools: [],
    atLeast: { opened: 36, resets: 30 },
    prepare: (site) => serve(site, site.peer, TCP_SERVER, 111, 2049, 20048),
    run: (site) =>
      perform(...[site, site.host, IMPATIENT, SCANNER] as const, ...[
        ...[1000, 12],
        ...[111, 2049, 20048],
      ]),
  },
  {
    name: "port mapper, host is an impatient client, UDP",
    tools: [],
    atLeast: { strays: 30, unreachables: 20 },
    prepare: (site) => serve(site, site.peer, LATE_RPC_SERVER),
    run: (site) => perform(site, site.host, IMPATIENT_RPC, SCANNER, 30),
  },
];
