/**
 * Debian's scanlogd and ours watch the same host, and port scanners scan it:
 * every line of the reference must have an equal line of ours.
 */

import { assert, assertEquals } from "../assert.ts";
import { Folder, startDaemon, startReference } from "./daemon.ts";
import { listen } from "./listener.ts";
import {
  addAddress,
  HOST,
  type Namespace,
  SCANNER,
  TwoHosts,
} from "./namespaces.ts";
import { pause } from "./processes.ts";
import { liveTest } from "./require.ts";
import { SyslogSocket } from "./syslog_socket.ts";
import { splitLine } from "./watchers.ts";

/** Both programs would stop logging if scans came one after the other. */
const FLOOD_LIMIT_MS = 21_000;
/** Longer than lines take to arrive. */
const SETTLE_MS = 500;
/** Packets a second: nobody loses any. */
const RATE = "300";
const OPEN_PORTS = [21, 22, 23, 25, 53, 80, 110, 143, 443, 8080];
/** Another address of the scanner's. */
const SECOND_SCANNER = "10.77.0.11";

/** One scan: commands that run one after the other on the scanner. */
interface Scan {
  commands: string[][];
  /**
   * Whether the scanner completes handshakes: the segments that follow have the
   * flags ACK and PSH, and our kernel filter keeps bulk traffic out.
   */
  handshakes?: boolean;
}

const MIXED = "1-120";
const OPEN = OPEN_PORTS.join(",");
const HIGH = "30000-30060";
const FEW = "20-26,30000-30010";

function nmap(kind: string, ports: string, from = SCANNER): string[] {
  return [
    ...["nmap", "-n", "-Pn", "--max-rate", RATE, ...kind.split(" ")],
    ...(kind === "-sT" ? [] : ["-e", "eth0", "-S", from]),
    ...["-p", ports, HOST],
  ];
}

/** The same scan from both of the scanner's addresses. */
function nmapTwice(kind: string, ports: string): Scan {
  return {
    commands: [nmap(kind, ports), nmap(kind, ports, SECOND_SCANNER)],
  };
}

function connectScan(ports: string): Scan {
  return { commands: [nmap("-sT", ports)], handshakes: true };
}

function hping3(ports: string): Scan {
  const command = ["hping3", "-S", "--interval", "u5000", "--scan", ports];
  return {
    commands: [
      [...command, HOST],
      [...command, "--spoof", SECOND_SCANNER, HOST],
    ],
  };
}

function masscan(ports: string, mac: string): Scan {
  return {
    commands: [[
      ...["masscan", HOST, "--ports", ports, "--rate", RATE, "--wait", "0"],
      ...["--interface", "eth0", "--adapter-ip", SCANNER, "--router-mac", mac],
    ]],
  };
}

/** What is scanned side by side, each against a host of its own. */
function plans(mac: string): Record<string, Scan[]> {
  return {
    "half-open scans": [
      ...[MIXED, OPEN, HIGH, FEW].map((ports) => nmapTwice("-sS", ports)),
      nmapTwice("-sS --ttl 33 -g 53", MIXED),
    ],
    "connect scans and fragments": [
      ...[MIXED, OPEN, HIGH].map(connectScan),
      nmapTwice("-sS -f", MIXED),
      nmapTwice("-sS -f", OPEN),
    ],
    "FIN, Null and Xmas scans": [
      nmapTwice("-sF", MIXED),
      nmapTwice("-sN", MIXED),
      nmapTwice("-sX", MIXED),
      nmapTwice("-sF", OPEN),
      nmapTwice("-sX", HIGH),
    ],
    "hping3": [MIXED, OPEN, HIGH, FEW].map(hping3),
    "masscan": [masscan(MIXED, mac), masscan(OPEN, mac)],
  };
}

/** Leaves out the letters for PSH and ACK. */
function withoutHandshake(text: string): string {
  return text.replace(/, ([fF?][sS?][rR?])[pP?][aA?]([uU?]...)/, ", $1..$2");
}

function assertEqualLines(
  ours: string[],
  reference: string[],
  { handshakes = false }: Scan,
): void {
  const texts = (lines: string[]) =>
    lines.map((line) => splitLine(line).text)
      .map((text) => handshakes ? withoutHandshake(text) : text);
  assertEquals(texts(ours), texts(reference));
  for (const [i, line] of ours.entries()) {
    const apart = Math.abs(
      splitLine(line).seconds - splitLine(reference[i]).seconds,
    );
    assert(apart <= 1 || apart === 86_399, `${line}\n${reference[i]}`);
  }
}

/** Segments that the kernel could not hand to the reference's raw socket. */
async function referenceDrops(host: Namespace): Promise<number> {
  const sockets = (await host.run(["cat", "/proc/net/raw"])).split("\n").slice(
    1,
  );
  assertEquals(sockets.length, 1, "the reference does not run");
  return Number(sockets[0].trim().split(/\s+/).at(-1));
}

/** Runs scans against a host that both watch; returns how many lines there were. */
async function compare(plan: (mac: string) => Scan[]): Promise<number> {
  await using folder = await Folder.create();
  using referenceLog = new SyslogSocket(`${folder.path}/reference`);
  using ourLog = new SyslogSocket(`${folder.path}/ours`);
  await using two = await TwoHosts.create();
  await addAddress(two.scanner, "eth0", `${SECOND_SCANNER}/24`);
  await using _server = await listen(two.host, OPEN_PORTS);
  await startReference(two.host, `${folder.path}/reference`);
  await using ours = await startDaemon(two.host, ["--classic"], {
    log: `${folder.path}/ours`,
  });
  const mac = await two.host.run(["cat", "/sys/class/net/eth0/address"]);
  let compared = 0;
  for (const [i, scan] of plan(mac).entries()) {
    if (i > 0) await pause(FLOOD_LIMIT_MS);
    for (const command of scan.commands) await two.scanner.run(command);
    await pause(SETTLE_MS);
    const expected = referenceLog.lines().slice(compared);
    const found = ourLog.lines().slice(compared);
    assertEqualLines(found, expected, scan);
    assertEquals(expected.length, scan.commands.length, scan.commands.join(""));
    compared += expected.length;
  }
  assertEquals(await referenceDrops(two.host), 0);
  assertEquals(await ours.stop(), 0);
  assert(
    (await ours.told("packets seen")).includes(", 0 dropped by the kernel"),
  );
  return compared;
}

liveTest(
  "the reference and ours watch the same host and log the same lines",
  {
    root: true,
    tools: [
      ...["ip", "unshare", "python3", "scanlogd"],
      ...["nmap", "hping3", "masscan"],
    ],
  },
  async (t) => {
    const names = Object.keys(plans(""));
    // Side by side, because most of the time goes into waiting.
    const results = await Promise.allSettled(
      names.map((name) => compare((mac) => plans(mac)[name])),
    );
    for (const [i, name] of names.entries()) {
      await t.step(name, () => {
        const result = results[i];
        if (result.status === "rejected") throw result.reason;
        console.log(`${result.value} lines compared, no difference`);
      });
    }
  },
);
