/**
 * With `--outgoing`, scanners that run on the watched host are reported, by every
 * capture that can, and its own clients are not.
 */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { HOST, type Namespace, SCANNER, TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

/** All of its addresses are the other host's: what does not listen refuses. */
const ALIVE = "10.78";
/** Nobody answers from there. */
const DEAD = "10.79";

const SERVER = `
import selectors, socket, sys
events = selectors.DefaultSelector()
for port in (25, 80, 443, 6881):
    server = socket.create_server(("", port), backlog=1024)
    server.setblocking(False)
    events.register(server, selectors.EVENT_READ)
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("", 53))
names.setblocking(False)
events.register(names, selectors.EVENT_READ)
print("listening", file=sys.stderr, flush=True)
kept = []
while True:
    for key, _ in events.select():
        try:
            if key.fileobj is names:
                names.recv(512)
            else:
                kept.append(key.fileobj.accept()[0])
        except OSError:
            pass
`;

/** Opens what it is told, so many a second, and waits 4 s for each. */
const CLIENT = `
import errno, selectors, socket, sys, time
events = selectors.DefaultSelector()
counts = {"open": 0, "refused": 0, "silent": 0, "datagrams": 0}
ends = []
def look(wait):
    for key, _ in events.select(wait):
        error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        counts["refused" if error else "open"] += 1
        events.unregister(key.fileobj)
        key.fileobj.close()
    while ends and ends[0][0] < time.monotonic():
        it = ends.pop(0)[1]
        if it.fileno() >= 0:
            counts["silent"] += 1
            events.unregister(it)
            it.close()
pause = 1 / float(sys.argv[1])
for line in sys.stdin:
    kind, host, port = line.split()
    if kind == "udp":
        it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        it.sendto(b"\\x12\\x34\\x01\\x00\\x00\\x01" + bytes(20), (host, int(port)))
        counts["datagrams"] += 1
        it.close()
    else:
        it = socket.socket()
        it.setblocking(False)
        it.connect_ex((host, int(port)))
        events.register(it, selectors.EVENT_WRITE)
        ends.append((time.monotonic() + 4, it))
    begin = time.monotonic()
    while True:
        left = begin + pause - time.monotonic()
        if left <= 0:
            break
        look(left)
while ends:
    look(0.1)
print(*(f"{name} {count}" for name, count in counts.items()))
`;

/** The watched host, and all the others behind one cable. */
async function makeWorld(two: TwoHosts): Promise<Process> {
  const { host, scanner } = two;
  await host.run(["ip", "route", "add", "default", "via", SCANNER]);
  await scanner.run(
    ["ip", "route", "add", "local", `${ALIVE}.0.0/16`, "dev", "lo"],
  );
  await scanner.run(["ip", "route", "add", "blackhole", `${DEAD}.0.0/16`]);
  // It would tell that they are unreachable.
  await scanner.set("net.ipv4.ip_forward=1");
  const server = scanner.start(["python3", "-c", SERVER]);
  await server.told("listening");
  return server;
}

const OUTGOING = ["--outgoing", "--output", "stdout", "--log-burst", "0"];
const WITHOUT_BPF = ["setpriv", "--bounding-set", "-bpf,-sys_admin"];

/** Captures that see it: with the kernel's memory, without, through libpcap. */
function startAll(host: Namespace): Promise<Process[]> {
  return Promise.all([
    startDaemon(host, OUTGOING),
    startDaemon(host, OUTGOING, { as: WITHOUT_BPF }),
    startDaemon(host, [...OUTGOING, "--capture", "pcap"]),
  ]);
}

/** What is told of the host's scans; nothing else may be. */
function assertOnlyOutgoing(lines: readonly string[]): void {
  const others = lines.filter((line) =>
    !line.startsWith(`outgoing: ${HOST}`) || line.includes("10.77.0.1 ")
  );
  assertEquals(others, []);
}

interface ScanCase {
  command: readonly string[];
  /** Whom a line names. */
  target: RegExp;
}

function scansOf(gateway: string): Record<string, ScanCase> {
  const nmap = ["nmap", "-n", "-Pn", "-T4", "--max-retries", "1"];
  const way = ["--interface", "eth0", "--router-mac", gateway];
  return {
    "nmap -sS": {
      command: [...nmap, "-sS", "-p", "1-60", `${ALIVE}.1.1`],
      target: / to 10\.78\.1\.1 ports /,
    },
    "nmap -sS of a host behind a firewall": {
      command: [...nmap, "-sS", "-p", "1-30", `${DEAD}.1.2`],
      target: / to 10\.79\.1\.2 ports /,
    },
    "nmap -sT": {
      command: [...nmap, "-sT", "-p", "1-60", `${ALIVE}.1.3`],
      target: / to 10\.78\.1\.3 ports /,
    },
    "nmap -sN": {
      command: [...nmap, "-sN", "-p", "1-60", `${ALIVE}.1.4`],
      target: / to 10\.78\.1\.4 ports .*, fsrpauxy,/,
    },
    "nmap -sX": {
      command: [...nmap, "-sX", "-p", "1-60", `${ALIVE}.1.5`],
      target: / to 10\.78\.1\.5 ports .*, FsrPaUxy,/,
    },
    // Linux sends six ICMP errors at once, then one a second: a scan needs seven,
    // and nmap repeats what is not answered until then.
    "nmap -sU": {
      command: ["nmap", "-n", "-Pn", "-sU", "-p", "60-72", `${ALIVE}.1.6`],
      target: / to 10\.78\.1\.6 ports .*, udp/,
    },
    "nmap of one port of many hosts": {
      command: [
        ...nmap,
        "-sS",
        "-p",
        "445",
        "--max-retries",
        "0",
        `${DEAD}.2.0/23`,
      ],
      target: / to 10\.79\.[23]\.\d+ and others, ports 445, /,
    },
    "masscan of one port": {
      command: [
        ...["masscan", `${DEAD}.16.0/22`, "-p", "8443", "--rate", "1000"],
        ...["--wait", "0", ...way],
      ],
      target: / to 10\.79\.\d+\.\d+ and others, ports 8443, /,
    },
    "masscan of a host": {
      command: [
        ...["masscan", `${ALIVE}.1.7`, "-p", "1-200", "--rate", "200"],
        ...["--wait", "0", ...way],
      ],
      target: / to 10\.78\.1\.7 ports /,
    },
    "zmap": {
      command: [
        ...["zmap", "-p", "3389", `${DEAD}.32.0/20`, "--rate", "2000"],
        ...["--cooldown-time", "1", "--interface", "eth0"],
        ...["--gateway-mac", gateway, "--blacklist-file", "/dev/null"],
        ...["--output-file", "/dev/null", "--quiet"],
      ],
      target: / to 10\.79\.\d+\.\d+ and others, ports 3389, /,
    },
  };
}

liveTest(
  "scanners that run on the host are reported",
  {
    root: true,
    tools: ["ip", "unshare", "python3", "setpriv", "nmap", "masscan", "zmap"],
  },
  async (t) => {
    await using two = await TwoHosts.create();
    await using _world = await makeWorld(two);
    const { host, scanner } = two;
    const gateway = await scanner.run(["cat", "/sys/class/net/eth0/address"]);
    const daemons = await startAll(host);
    const names = ["eBPF", "classic BPF", "pcap"];
    try {
      for (
        const [name, { command, target }] of Object.entries(scansOf(gateway))
      ) {
        await t.step(name, async () => {
          await run(host.inside(command));
          for (const [i, { stdout }] of daemons.entries()) {
            await eventually(
              () => stdout.some((line) => target.test(line)),
              () => `${target} of ${names[i]}, not\n${stdout.join("\n")}`,
              15_000,
            );
          }
        });
      }
      for (const { stdout } of daemons) assertOnlyOutgoing(stdout);
    } finally {
      for (const each of daemons) await each[Symbol.asyncDispose]();
    }
  },
);

/** A number that no other one shares, below a bound. */
function spread(i: number, bound: number): number {
  return (i * 7919 + 13) % bound;
}

/** One of some hosts, by its number. */
function hostOf(network: string, i: number): string {
  return `${network}.${100 + (i >> 8)}.${i & 0xff}`;
}

/** What clients of the host open, and how many of that a second. */
const CLIENTS: Record<string, [rate: number, list: string[]]> = {
  browser: [
    40,
    Array.from({ length: 600 }, (_, i) => {
      const isDead = i % 12 === 0;
      const host = hostOf(isDead ? DEAD : ALIVE, spread(i, 400));
      return `tcp ${host} ${i % 5 === 0 ? 80 : 443}`;
    }),
  ],
  resolver: [
    60,
    Array.from({ length: 900 }, (_, i) => {
      const isDead = i % 6 === 0;
      return `udp ${hostOf(isDead ? DEAD : ALIVE, spread(i, 500))} 53`;
    }),
  ],
  mail: [
    25,
    Array.from({ length: 400 }, (_, i) => {
      const isDead = i % 10 < 4;
      return `tcp ${hostOf(isDead ? DEAD : ALIVE, spread(i, 2000))} 25`;
    }),
  ],
  torrent: [
    50,
    Array.from({ length: 900 }, (_, i) => {
      const host = hostOf(i % 3 === 0 ? ALIVE : DEAD, spread(i, 5000));
      const isTcp = i % 2 === 0;
      const port = i % 9 === 0 ? 6881 : 1024 + spread(i * 31, 64_000);
      return `${isTcp ? "tcp" : "udp"} ${host} ${port}`;
    }),
  ],
};

liveTest(
  "the host's own clients are not reported",
  { root: true, tools: ["ip", "unshare", "python3", "setpriv", "nmap"] },
  async () => {
    await using two = await TwoHosts.create();
    await using _world = await makeWorld(two);
    const { host } = two;
    const daemons = await startAll(host);
    try {
      await Promise.all(
        Object.entries(CLIENTS).map(async ([name, [rate, list]]) => {
          const input = new TextEncoder().encode(list.join("\n") + "\n");
          const command = ["python3", "-c", CLIENT, `${rate}`];
          const text = await run(host.inside(command), { input });
          console.log(`${name}: ${text}`);
          const [open, refused, silent, datagrams] = text.match(/\d+/g)!
            .map(Number);
          assertGreater(open + datagrams, 100, name);
          if (name === "mail") assertGreater(silent, 100);
          if (name === "torrent") assertGreater(refused + silent, 250);
        }),
      );
      await pause(4000); // until the last of them counts as silent
      for (const { stdout } of daemons) assertEquals(stdout, []);
      const nmap = ["nmap", "-n", "-Pn", "-p", "100-130", `${ALIVE}.1.1`];
      await run(host.inside(nmap));
      for (const { stdout } of daemons) {
        await eventually(
          () => stdout.length > 0,
          () => "the scan that comes after",
        );
        assert(stdout[0].startsWith(`outgoing: ${HOST}`), stdout[0]);
      }
    } finally {
      for (const each of daemons) await each[Symbol.asyncDispose]();
    }
  },
);
