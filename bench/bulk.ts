/**
 * A TCP transfer as fast as it goes: what watching costs it.
 *
 * @module
 */

import type { Benchmark } from "./benchmark.ts";
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

/** With offloads, the host is handed up to 64 KiB at once, else a packet. */
const CASES = { "offloads on": "on", "offloads off": "off" } as const;
const OURS = ours();
const NOBODY = "nobody";
const THROUGHPUT = "throughput";
const CPU = "share of a core";
const LOST = "packets lost";

/** The bulk transfer benchmark. */
export const bulk: Benchmark = {
  name: "bulk",
  title: "TCP transfer by iperf3",
  needs: { root: true, tools: ["ip", "unshare", "iperf3", "ethtool"] },
  bars: Object.keys(CASES).flatMap((name) => {
    const key = { case: name, contender: OURS.name };
    return [
      { ...key, what: CPU, atMost: 2 },
      {
        ...key,
        what: CPU,
        compared: { to: REFERENCE, by: "ratio" as const },
        atMost: 0.1,
      },
      {
        ...key,
        what: THROUGHPUT,
        compared: { to: NOBODY, by: "ratio" as const },
        atLeast: 0.97,
      },
    ];
  }),

  async run(figures, { rounds, bulkSeconds }, lab) {
    const contenders = present([OURS, reference, tcpdump]);
    await using two = await lab.hosts();
    for (let round = 0; round < rounds; round++) {
      for (const [name, offloads] of Object.entries(CASES)) {
        await setOffloads(two, offloads);
        const alone = await transfer(two, bulkSeconds);
        add(figures, name, NOBODY, THROUGHPUT, "Gbit/s", alone);
        for (const contender of contenders) {
          await turn(figures, name, contender, two, bulkSeconds, lab);
        }
      }
    }
  },
};

function add(
  figures: Figures,
  name: string,
  contender: string,
  what: string,
  unit: string,
  value: number,
): void {
  figures.add({ case: name, contender, what, unit, value });
}

async function setOffloads(two: TwoHosts, state: string): Promise<void> {
  const offloads = ["tso", "gso", "gro"].flatMap((name) => [name, state]);
  for (const namespace of [two.scanner, two.host]) {
    await namespace.run(["ethtool", "-K", "eth0", ...offloads]);
  }
}

async function turn(
  figures: Figures,
  name: string,
  contender: LiveContender,
  two: TwoHosts,
  seconds: number,
  lab: Lab,
): Promise<void> {
  await watching(contender, two.host, lab, async (watcher) => {
    const start = performance.now();
    const cpu = processorTime(watcher.pid);
    const throughput = await transfer(two, seconds);
    const used = processorTime(watcher.pid) - cpu;
    const elapsed = (performance.now() - start) / 1000;
    const { dropped } = await watcher.stop();
    add(figures, name, contender.name, THROUGHPUT, "Gbit/s", throughput);
    add(figures, name, contender.name, CPU, "%", used / elapsed * 100);
    add(figures, name, contender.name, LOST, "", dropped);
  });
}

/** Sends to the host for some seconds; returns what arrived, in Gbit/s. */
async function transfer(two: TwoHosts, seconds: number): Promise<number> {
  await using server = two.host.start(["iperf3", "--server", "--one-off"]);
  await untilListening(two);
  await using client = two.scanner.start([
    ...["iperf3", "--client", HOST, "--time", `${seconds}`, "--json"],
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
