/**
 * Tries a combination of the matrix on a watched host of its own.
 *
 * @module
 */

import { type Combination, isUnseen } from "./matrix.ts";
import { eventually, pause } from "./processes.ts";
import { TargetHost } from "./target_host.ts";

/** Nobody waits for longer than this for a line. */
const PATIENCE_MS = 20_000;
/** What stays unseen has sent most of its probes by then. */
const UNSEEN_MS = 8_000;
/** A second line would come within this time. */
const SETTLE_MS = 1_500;
/** bpf(2) is refused. */
const WITHOUT_MEMORY = ["setpriv", "--bounding-set", "-bpf,-sys_admin"];

/**
 * Writes down when the first packet left. An event's `first_seen` would be later
 * where the scanner has paused for longer than `--scan-delay`.
 */
const FIRST_PACKET = [
  ...["tcpdump", "-c", "1", "-n", "-tt", "-l", "--immediate-mode"],
  ...["-i", "eth0"],
];
/** Not those by which the scanner looks for the host's hardware address. */
const NO_NEIGHBOUR = "not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)";

/** What came of a combination. */
export interface MatrixResult {
  combination: Combination;
  /** The lines that were told. */
  lines: string[];
  /** From the first probe until the first line was out; NaN without one. */
  seconds: number;
  /** What scanner and program have written. */
  output: string;
}

/** The part of an event that matters here. */
interface Event {
  event_type: string;
  message: string;
}

/** The command that scans so. */
export function scanCommand(
  { scan, ports, family }: Combination,
  address: string,
): string[] {
  return [
    ...["nmap", "-n", "-Pn", ...(family === 6 ? ["-6"] : [])],
    ...scan.split(" "),
    ...(ports === "all" ? [] : ["-p", ports]),
    address,
  ];
}

/** Tries it. */
export async function tryCombination(
  combination: Combination,
): Promise<MatrixResult> {
  const { defence, family, range, memory } = combination;
  await using host = await TargetHost.create(defence, {
    listening: false,
    variables: range === "default"
      ? []
      : [`net.ipv4.ip_local_port_range=${range.replace("-", " ")}`],
    output: "json",
    daemon: memory ? {} : { as: WITHOUT_MEMORY },
  });
  const { daemon } = host;
  const { address } = host.target(family);
  const command = scanCommand(combination, address);
  await using dump = host.scan([
    ...FIRST_PACKET,
    `dst host ${address} and ${NO_NEIGHBOUR}`,
  ]);
  await dump.told("listening on");
  await using scan = host.scan(command);
  const patience = isUnseen(combination) ? UNSEEN_MS : PATIENCE_MS;
  const isTold = await eventually(
    () => daemon.stdout.length > 0,
    () => "a line",
    patience,
  ).catch(() => false);
  const now = Date.now();
  if (isTold) await pause(SETTLE_MS);
  await scan[Symbol.asyncDispose]();
  await daemon.stop();
  const events = daemon.stdout.map((line) => JSON.parse(line) as Event)
    .filter(({ event_type }) => event_type === "portscan");
  return {
    combination,
    lines: events.map(({ message }) => message),
    seconds: isTold ? now / 1_000 - parseFloat(dump.stdout[0]) : NaN,
    output: [
      `$ ${command.join(" ")}`,
      ...[...scan.stdout, ...scan.stderr],
      ...[...daemon.stdout, ...daemon.stderr],
    ].join("\n"),
  };
}
