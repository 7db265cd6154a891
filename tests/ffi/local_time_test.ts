/** Local time is what the C library's `date` says, in every time zone. */

import { assertEquals } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process, run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";
import { FILE_KINDS, ipv4, pcap, SCAN_PORTS, tcp } from "../packets.ts";

const ZONES = [
  ...["UTC", "Europe/Berlin", ":Asia/Kolkata", "America/St_Johns"],
  ...["CET-1CEST,M3.5.0,M10.5.0/3", "<+0530>-5:30", "EST5EDT", "ABC12:34:56"],
  ...["NZST-12NZDT,M9.5.0,M4.1.0/3", "nonsense"],
];
/**
 * Winter and summer, the last seconds before both changes in Europe of one year,
 * and the first ones after those of the next.
 */
const TIMES = [
  ...[1_743_296_399, 1_761_440_399, 1_767_225_600],
  ...[1_774_746_000, 1_782_864_000, 1_792_890_000],
];

/** Scans that begin at these times, in seconds. */
function scansAt(times: readonly number[]): Uint8Array<ArrayBuffer> {
  return pcap(
    FILE_KINDS[0],
    times.flatMap((seconds) =>
      SCAN_PORTS.map((destinationPort, i) => ({
        seconds,
        fraction: i * 10_000,
        bytes: ipv4(tcp({ destinationPort })),
      }))
    ),
  );
}

for (const zone of ZONES) {
  liveTest(`TZ=${zone}`, { tools: ["date"] }, async () => {
    const env = { TZ: zone };
    await using process = new Process(program(["-r", "-"]), {
      env,
      input: scansAt(TIMES),
    });
    assertEquals(await process.end(), 0, process.stderr.join("\n"));
    const expected = await Promise.all(
      TIMES.map((seconds) =>
        run(["date", `--date=@${seconds}`, "+%T"], { env })
      ),
    );
    assertEquals(
      process.stdout.map((line) => line.split("@")[1]),
      expected,
    );
  });
}
