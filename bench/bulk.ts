/**
 * TCP transfers of a moment each: what watching costs them.
 *
 * How fast a machine transfers changes by more within minutes than a watcher
 * costs, so each watched transfer stands between two that nobody watches, and
 * is compared with those alone. Nobody has turns of its own as well, which
 * tells how far such a comparison is off.
 *
 * @module
 */

import type { Amounts, Benchmark } from "./benchmark.ts";
import { REFERENCE } from "./contenders.ts";
import type { Figures } from "./figures.ts";
import { eventually, HOST, type Lab, type TwoHosts } from "./lab.ts";
import { processorTime } from "./usage.ts";
import {
  type LiveContender,
  ours,
  present,
  reference,
  tcpdump,
  watching,
} from "./watchers.ts";

/** A kind of transfer. */
interface Load {
  name: string;
  /** With offloads, the host is handed up to 64 KiB at once, else a packet. */
  offloads: "on" | "off";
  /** As iperf3 is told it; undefined: as fast as it goes. */
  rate?: string;
}

const LOADS: readonly Load[] = [
  { name: "8 Gbit/s, offloads on", offloads: "on", rate: "8G" },
  { name: "flat out, offloads on", offloads: "on" },
  { name: "flat out, offloads off", offloads: "off" },
];
const OURS = ours();
const NOBODY = "nobody";
const THROUGHPUT = "throughput";
const SHARE = "share of nobody's throughput";
const CPU = "share of a core";
const LOST = "packets lost";

/** The bulk transfer benchmark. */
export const bulk: Benchmark = {
  name: "bulk",
  title: "TCP transfers by iperf3",
  needs: { root: true, tools: ["ip", "unshare", "iperf3", "ethtool"] },
  bars: LOADS.flatMap(({ name }) => {
    const key = { case: name, contender: OURS.name };
    return [
      { ...key, what: CPU, atMost: 2 },
      {
        ...key,
        what: CPU,
        compared: { to: REFERENCE, by: "ratio" as const },
        atMost: 0.1,
      },
      { ...key, what: SHARE, atLeast: 0.97 },
    ];
  }),

  async run(figures, amounts, lab) {
    const contenders = present([OURS, reference, tcpdump]);
    await using two = await lab.hosts();
    for (const load of LOADS) {
      await setOffloads(two, load);
      await inTurns(figures, amounts, contenders, load, two, lab);
    }
  },
};

async function setOffloads(two: TwoHosts, { offloads }: Load): Promise<void> {
  const settings = ["tso", "gso", "gro"].flatMap((name) => [name, offloads]);
  for (const namespace of [two.scanner, two.host]) {
    await namespace.run(["ethtool", "-K", "eth0", ...settings]);
  }
}

/** What a watcher has used and lost, in all of its turns. */
interface Usage {
  /** Processor time, in seconds. */
  cpu: number;
  /** Packets that the kernel had no room for. */
  lost: number;
}

async function inTurns(
  figures: Figures,
  { bulkTurns, bulkSeconds }: Amounts,
  contenders: readonly LiveContender[],
  load: Load,
  two: TwoHosts,
  lab: Lab,
): Promise<void> {
  const add = (contender: string, what: string, unit: string, value: number) =>
    figures.add({ case: load.name, contender, what, unit, value });
  const send = () => transfer(two, load, bulkSeconds);
  const turns = [undefined, ...contenders].map((contender) => ({
    contender,
    name: contender?.name ?? NOBODY,
    usage: { cpu: 0, lost: 0 },
  }));
  let before = await send();
  for (let i = 0; i < bulkTurns; i++) {
    for (const { contender, name, usage } of turns) {
      const throughput = contender === undefined
        ? await send()
        : await watched(contender, usage, two, lab, send);
      const after = await send();
      add(name, THROUGHPUT, "Gbit/s", throughput);
      add(name, SHARE, "", shareOfNeighbours(before, throughput, after));
      before = after;
    }
  }
  for (const { contender, name, usage } of turns) {
    if (contender === undefined) continue;
    add(name, CPU, "%", usage.cpu / (bulkTurns * bulkSeconds) * 100);
    add(name, LOST, "", usage.lost);
  }
}

/**
 * How a value compares with those before and after it. A drift that is even
 * while the three are measured does not count.
 */
export function shareOfNeighbours(
  before: number,
  value: number,
  after: number,
): number {
  return value / ((before + after) / 2);
}

/** Lets somebody watch a transfer; returns its throughput. */
async function watched(
  contender: LiveContender,
  usage: Usage,
  two: TwoHosts,
  lab: Lab,
  send: () => Promise<number>,
): Promise<number> {
  return await watching(contender, two.host, lab, async (watcher) => {
    const cpu = processorTime(watcher.pid);
    const throughput = await send();
    usage.cpu += processorTime(watcher.pid) - cpu;
    usage.lost += (await watcher.stop()).dropped;
    return throughput;
  });
}

/** Sends to the host for some seconds; returns what arrived, in Gbit/s. */
async function transfer(
  two: TwoHosts,
  { rate }: Load,
  seconds: number,
): Promise<number> {
  await using server = two.host.start(["iperf3", "--server", "--one-off"]);
  await untilListening(two);
  await using client = two.scanner.start([
    ...["iperf3", "--client", HOST, "--time", `${seconds}`, "--json"],
    ...rate === undefined ? [] : ["--bitrate", rate],
  ]);
  await eventually(
    () => client.code >= 0,
    () => "the end of iperf3",
    (seconds + 10) * 1000,
  );
  const report = JSON.parse(client.stdout.join("\n"));
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  await server.end();
  return report.end.sum_received.bits_per_second / 1e9;
}

/** iperf3's port, as /proc/net/tcp6 writes a listening socket of it. */
const LISTENING = /:1451 [0:]+ 0A /;

async function untilListening({ host }: TwoHosts): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const sockets = await host.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]);
    if (LISTENING.test(sockets)) return;
  }
  throw new Error("iperf3 does not listen");
}
