/**
 * What watching costs where the kernel remembers which ports are in use: after
 * the first second hardly a packet comes up, and the process sleeps.
 */

import { processorTime } from "../../bench/usage.ts";
import { assert, assertGreater, assertLess } from "../assert.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { HOST, type Namespace, SCANNER, TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const LOADS = new URL("port_memory_loads.py", import.meta.url).pathname;
const SECONDS = 5;
const FIRST_MS = 1_000;
/** Of all packets, this share may come up. */
const SHARE = 0.001;
/** Of a core: the bar is 1 %, and the runtime's own housekeeping takes a part. */
const CORE = 0.01;

/** Something that goes on for some seconds. */
interface Load {
  name: string;
  /** Where its packets are counted [eth0]. */
  interface?: string;
  /** Less than so many packets would prove nothing. */
  atLeast: number;
  serve(host: Namespace, folder: string): Promise<Process>;
  run(two: TwoHosts): Process;
}

async function startIperf(host: Namespace): Promise<Process> {
  const server = host.start(["iperf3", "-s", "--forceflush"]);
  await eventually(
    () => server.stdout.some((line) => line.includes("listening")),
    () => "iperf3",
  );
  return server;
}

function iperf(from: Namespace, address: string, ...args: string[]): Process {
  return from.start([
    ...["iperf3", "-c", address, "-t", `${SECONDS}`, "--bidir", ...args],
  ]);
}

async function startUnbound(host: Namespace, folder: string): Promise<Process> {
  const path = `${folder}/unbound.conf`;
  await Deno.writeTextFile(
    path,
    `server:
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  interface: ${HOST}
  access-control: 0.0.0.0/0 allow
  module-config: "iterator"
  local-zone: "site." static
  local-data: "www.site. A 192.0.2.1"
remote-control:
  control-enable: no
`,
  );
  const server = host.start(["unbound", "-d", "-c", path]);
  await server.told("start of service");
  return server;
}

async function startCalls(host: Namespace): Promise<Process> {
  const end = host.start([
    ...["python3", LOADS, "rtp", HOST, SCANNER, `${SECONDS + 5}`],
  ]);
  await end.told("ready");
  return end;
}

const ALL: readonly Load[] = [
  {
    name: "bulk TCP, both ways",
    atLeast: 20_000,
    serve: startIperf,
    run: ({ scanner }) => iperf(scanner, HOST),
  },
  {
    name: "datagrams like QUIC's, up to 100,000 a second each way",
    atLeast: 100_000,
    serve: startIperf,
    run: ({ scanner }) =>
      iperf(scanner, HOST, "-u", "-l", "1200", "-b", "960M"),
  },
  {
    name: "DNS questions to unbound, as many as it answers",
    atLeast: 20_000,
    serve: startUnbound,
    run: ({ scanner }) =>
      scanner.start(["python3", LOADS, "dns", HOST, `${SECONDS}`]),
  },
  {
    name: "200 calls",
    atLeast: 20_000,
    serve: startCalls,
    run: ({ scanner }) =>
      scanner.start(["python3", LOADS, "rtp", SCANNER, HOST, `${SECONDS}`]),
  },
  {
    name: "bulk TCP on the loopback interface",
    interface: "lo",
    atLeast: 20_000,
    serve: startIperf,
    run: ({ host }) => iperf(host, "127.0.0.1"),
  },
];

/** What has been sent, what has come up, and what that took. */
interface Reading {
  packets: number;
  seen: number;
  cpu: number;
  time: number;
}

async function read(
  host: Namespace,
  daemon: Process,
  name: string,
): Promise<Reading> {
  const files = ["rx_packets", "tx_packets"].map((file) =>
    `/sys/class/net/${name}/statistics/${file}`
  );
  const counts = (await host.run(["cat", ...files])).split("\n").map(Number);
  const told = daemon.stderr.length;
  daemon.signal("SIGUSR2");
  const line = await eventually(
    () =>
      daemon.stderr.slice(told).find((each) => each.includes("packets seen")),
    () => "the counts",
  );
  const [, seen, dropped] = /(\d+) packets seen, (\d+) dropped/.exec(line) ??
    [];
  return {
    packets: counts[0] + counts[1],
    seen: Number(seen) + Number(dropped),
    cpu: processorTime(daemon.pid),
    time: performance.now(),
  };
}

async function measure(load: Load): Promise<void> {
  await using folder = await Folder.create();
  await using two = await TwoHosts.create();
  await using _server = await load.serve(two.host, folder.path);
  await using daemon = await startDaemon(two.host, ["-o", "stdout", "-v"]);
  await daemon.told("the kernel remembers which ports are in use");
  await using client = load.run(two);
  await pause(FIRST_MS);
  const name = load.interface ?? "eth0";
  const before = await read(two.host, daemon, name);
  await client.end();
  const after = await read(two.host, daemon, name);
  const seconds = (after.time - before.time) / 1_000;
  const packets = after.packets - before.packets;
  const seen = after.seen - before.seen;
  const cpu = (after.cpu - before.cpu) / seconds;
  console.log(
    `${load.name}: ${Math.round(packets / seconds)} packets/s, ${seen} of ` +
      `${packets} seen, ${(100 * cpu).toFixed(2)} % of a core`,
  );
  assert(client.code === 0, client.stderr.join("\n"));
  assertGreater(packets, load.atLeast);
  assertLess(seen, SHARE * packets);
  assertLess(cpu, CORE);
  assert(await daemon.stop() === 0);
  assert(daemon.stdout.length === 0, daemon.stdout.join("\n"));
}

liveTest(
  "under 0.1 % of what goes on comes up, and the process sleeps",
  { root: true, tools: ["ip", "unshare", "iperf3", "unbound", "python3"] },
  async (t) => {
    for (const load of ALL) await t.step(load.name, () => measure(load));
  },
);
