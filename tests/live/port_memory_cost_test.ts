/**
 * What watching costs where the kernel remembers which ports are in use: after
 * the first second hardly a packet comes up, and the process sleeps. In `deno task
 * test:long` each load must be as large as the bars say, and is no smaller than
 * where nobody watches.
 */

import { processorTime } from "../../bench/usage.ts";
import { assert, assertGreater, assertLess } from "../assert.ts";
import { amount } from "../long.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { HOST, type Namespace, SCANNER, TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const LOADS = new URL("datagram_loads.c", import.meta.url).pathname;
const IS_LONG = amount(0, 1) === 1;
const SECONDS = amount(4, 10);
const FIRST_MS = 1_000;
/** Of all packets, this share may come up. */
const SHARE = 0.001;
/** Of a core: the bar is 1 %, and the runtime's own housekeeping takes a part. */
const CORE = 0.01;
/** Of what passes where nobody watches. */
const THROUGHPUT = 0.97;
/** The same where the processors do nothing else: any packet socket takes some. */
const FLAT_OUT = 0.9;
/** What a machine that does other things as well must reach of a load. */
const LEAST = 0.2;
/** So often each with and without a watcher, in turns, and for so many seconds. */
const TURNS = 8;
const TURN_SECONDS = 2;

/** Something that goes on for some seconds. */
interface Load {
  name: string;
  /** Where its packets are counted [eth0]. */
  interface?: string;
  /** What it must reach in `deno task test:long`, in its own unit. */
  bar: number;
  unit: string;
  /** Whether it is as much as the machine can do, and so only for the long form. */
  isFlatOut?: boolean;
  serve(host: Namespace, folder: string): Promise<Process>;
  run(two: TwoHosts, folder: string, seconds: number): Process;
  /** What passed, by what the client has written. */
  passed(output: string): number;
}

async function startIperf(host: Namespace): Promise<Process> {
  const server = host.start(["iperf3", "-s", "--forceflush"]);
  await eventually(
    () => server.stdout.some((line) => line.includes("listening")),
    () => "iperf3",
  );
  return server;
}

/** Bulk TCP in both directions; 0: as much as the machine can do. */
function bulkLoad(gigabits: number, isLoopback: boolean): Load {
  const address = isLoopback ? "127.0.0.1" : HOST;
  const isFlatOut = gigabits === 0;
  return {
    name: `${isFlatOut ? "as much" : `${gigabits} Gbit/s of`} bulk TCP ${
      isFlatOut ? "as can be sent" : "in all"
    }${isLoopback ? ", loopback interface" : ""}`,
    interface: isLoopback ? "lo" : "eth0",
    bar: isFlatOut ? 8 : 0.98 * gigabits,
    unit: "Gbit/s",
    isFlatOut,
    serve: startIperf,
    run: ({ host, scanner }, _, seconds) =>
      (isLoopback ? host : scanner).start([
        ...["iperf3", "-c", address, "-t", `${seconds}`, "--bidir", "--json"],
        ...["-b", `${gigabits / 2}G`],
      ]),
    passed: bits,
  };
}

/** Gbit/s, both ways. */
function bits(output: string): number {
  const { end } = JSON.parse(output);
  const there = end.sum_received.bits_per_second;
  return (there + end.sum_received_bidir_reverse.bits_per_second) / 1e9;
}

/** Datagrams a second, in the direction that has fewer. */
function datagrams(output: string): number {
  const [, ...counts] = /(\d+) sent, (\d+) received in (\d+) ms/.exec(output) ??
    [];
  const [sent, received, time] = counts.map(Number);
  return 1_000 * Math.min(sent, received) / time;
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
  so-rcvbuf: 4m
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

/** Streams of datagrams, as many in both directions. */
interface Streams {
  /** The first port of the host, and of the scanner. */
  ports: readonly [number, number];
  /** How many, how many datagrams of each at once, their bytes, the first one. */
  shape: readonly string[];
  /** Datagrams a second; 0: as many as can be sent. */
  rate: number;
}

function streamLoad(
  load: Pick<Load, "name" | "bar">,
  { ports: [port, scannerPort], shape, rate }: Streams,
): Load {
  const here = [HOST, `${port}`];
  const there = [SCANNER, `${scannerPort}`];
  const command = (folder: string, ends: string[], seconds: number) => [
    ...[`${folder}/loads`, "streams", ...ends, ...shape],
    ...[`${rate}`, `${seconds}`],
  ];
  return {
    ...load,
    unit: "datagrams/s each way",
    isFlatOut: rate === 0,
    serve: async (host, folder) => {
      // Until after the other end.
      const seconds = SECONDS + 5;
      const end = host.start(command(folder, [...here, ...there], seconds));
      await end.told("ready");
      return end;
    },
    run: ({ scanner }, folder, seconds) =>
      scanner.start(command(folder, [...there, ...here], seconds)),
    passed: datagrams,
  };
}

/** A short header (RFC 9000, 17.3). */
const QUIC = {
  ports: [4433, 50_000],
  shape: ["4", "16", "1200", "40"],
} as const;
/** RTP of version 2 (RFC 3550, 5.1): G.711, 20 ms each. */
const CALLS = {
  ports: [16_384, 16_384],
  shape: ["200", "1", "172", "80"],
} as const;

/** Questions a second to unbound; 0: as many as it answers. */
function questionLoad(rate: number): Load {
  return {
    name: `${rate === 0 ? "as many" : rate} DNS questions a second${
      rate === 0 ? " as unbound answers" : ""
    }`,
    bar: rate === 0 ? 50_000 : 0.995 * rate,
    unit: "answers/s",
    isFlatOut: rate === 0,
    serve: startUnbound,
    run: ({ scanner }, folder, seconds) =>
      scanner.start([`${folder}/loads`, "dns", HOST, `${rate}`, `${seconds}`]),
    passed: datagrams,
  };
}

/** The last round of datagrams may be cut off. */
const ALL: readonly Load[] = [
  bulkLoad(8, false),
  streamLoad(
    { name: "100,000 datagrams a second like QUIC's", bar: 99_500 },
    { ...QUIC, rate: 100_000 },
  ),
  questionLoad(50_000),
  streamLoad({ name: "200 calls", bar: 9_900 }, { ...CALLS, rate: 10_000 }),
  bulkLoad(8, true),
  bulkLoad(0, false),
  streamLoad(
    { name: "as many datagrams like QUIC's as can be sent", bar: 100_000 },
    { ...QUIC, rate: 0 },
  ),
  questionLoad(0),
  bulkLoad(0, true),
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

async function passedBy(load: Load, client: Process): Promise<number> {
  assert(await client.end() === 0, client.stderr.join("\n"));
  return load.passed(client.stdout.join("\n"));
}

async function startWatching(host: Namespace): Promise<Process> {
  const daemon = await startDaemon(host, ["-o", "stdout", "-v"]);
  await daemon.told("the kernel remembers which ports are in use");
  return daemon;
}

async function assertSilent(daemon: Process): Promise<void> {
  assert(await daemon.stop() === 0);
  assert(daemon.stdout.length === 0, daemon.stdout.join("\n"));
}

async function measure(load: Load, folder: string): Promise<void> {
  await using two = await TwoHosts.create();
  await using _server = await load.serve(two.host, folder);
  await using daemon = await startWatching(two.host);
  await using client = load.run(two, folder, SECONDS);
  await pause(FIRST_MS);
  const name = load.interface ?? "eth0";
  const before = await read(two.host, daemon, name);
  const passed = await passedBy(load, client);
  const after = await read(two.host, daemon, name);
  const seconds = (after.time - before.time) / 1_000;
  const packets = after.packets - before.packets;
  const seen = after.seen - before.seen;
  const cpu = (after.cpu - before.cpu) / seconds;
  console.log(
    `${load.name}: ${numberOf(passed)} ${load.unit}, ${
      Math.round(packets / seconds)
    } packets/s, ${seen} of ${packets} seen, ` +
      `${(100 * cpu).toFixed(2)} % of a core`,
  );
  assertGreater(passed, load.bar * (IS_LONG ? 1 : LEAST));
  assertLess(seen, SHARE * packets);
  assertLess(cpu, CORE);
  await assertSilent(daemon);
}

/** What passes in one turn, each on hosts of its own. */
async function passes(
  load: Load,
  folder: string,
  isWatched: boolean,
): Promise<number> {
  await using two = await TwoHosts.create();
  await using _server = await load.serve(two.host, folder);
  await using stack = new AsyncDisposableStack();
  const daemon = isWatched ? stack.use(await startWatching(two.host)) : null;
  await using client = load.run(two, folder, TURN_SECONDS);
  const passed = await passedBy(load, client);
  if (daemon !== null) await assertSilent(daemon);
  return passed;
}

/** Each with and without a watcher, who comes first in every second turn. */
async function compare(load: Load, folder: string): Promise<void> {
  const watched: number[] = [];
  const alone: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    for (const isWatched of turn % 2 === 0 ? [true, false] : [false, true]) {
      const passed = await passes(load, folder, isWatched);
      (isWatched ? watched : alone).push(passed);
    }
  }
  // What else the machine does changes from turn to turn.
  const share = median(watched.map((passed, turn) => passed / alone[turn]));
  console.log(
    `${load.name}: watched ${watched.map(numberOf).join(" ")}, ` +
      `alone ${alone.map(numberOf).join(" ")} ${load.unit}: ` +
      `${share.toFixed(3)}`,
  );
  assertGreater(share, load.isFlatOut ? FLAT_OUT : THROUGHPUT);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return (sorted[half] + sorted[sorted.length - 1 - half]) / 2;
}

function numberOf(value: number): string {
  return value < 1_000 ? value.toFixed(1) : value.toFixed(0);
}

liveTest(
  "under 0.1 % of what goes on comes up, and the process sleeps",
  { root: true, tools: ["ip", "unshare", "iperf3", "unbound", "gcc"] },
  async (t) => {
    await using folder = await Folder.create();
    const program = `${folder.path}/loads`;
    await run(["gcc", "-O2", "-Wall", "-Werror", "-o", program, LOADS]);
    for (const load of ALL) {
      if (load.isFlatOut && !IS_LONG) continue;
      await t.step(load.name, () => measure(load, folder.path));
      if (!IS_LONG) continue;
      await t.step(
        `${load.name}, with and without a watcher`,
        () => compare(load, folder.path),
      );
    }
  },
);
