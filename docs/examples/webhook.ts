/** Watches this host through tcpdump, and posts each report to a web hook. */

import { spawn } from "node:child_process";
import { networkInterfaces } from "node:os";
import process from "node:process";
import { Readable } from "node:stream";
import { findScans, formatJson, type Report } from "@scanlogd/scanlogd";
import { systemClock } from "@scanlogd/scanlogd/web";

const [
  hook = "http://127.0.0.1:8080/scans",
  program = "tcpdump",
  ...args
] = process.argv.slice(2);
// Without the first two, packets would come up to a second late; short ones leave
// the kernel's buffer room for many; -i any tells which way they went.
const OPTIONS = "--immediate-mode -U -s 2048 -B 8192 -i any -w -".split(" ");
const tcpdump = spawn(program, args.length > 0 ? args : OPTIONS, {
  stdio: ["ignore", "pipe", "inherit"],
});
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());

async function post(report: Report): Promise<void> {
  const response = await fetch(hook, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: formatJson(report),
    signal: AbortSignal.timeout(10_000),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${hook} answers ${response.status}`);
}

const scans = findScans(
  Readable.toWeb(tcpdump.stdout) as ReadableStream<Uint8Array>,
  {
    live: systemClock,
    signal: stop.signal,
    local: Object.values(networkInterfaces())
      .flatMap((each) => each ?? []).map(({ address }) => address),
  },
);
let reports = 0;
try {
  for await (const report of scans) {
    reports++;
    // Waiting for the hook here would keep tcpdump waiting, too; the flood limit
    // sees to it that not too many are under way.
    post(report).catch((error) => console.error(`${error}`));
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  tcpdump.kill();
}
console.error(`${scans.counters.packets} packets, ${reports} reports`);
