/**
 * Floods of SYN segments, by trafgen(8).
 *
 * @module
 */

import {
  eventually,
  hardwareAddress,
  HOST,
  type Process,
  SCANNER,
  type TwoHosts,
} from "./lab.ts";

/** A flood. */
export interface Flood {
  /** Whose packets they seem to be [one]. */
  sources?: "one" | "random";
  /** How long it lasts; this or the number of packets is given. */
  seconds?: number;
  /** How many packets it has. */
  packets?: number;
  /** Packets a second; as many as possible if left out. */
  rate?: number;
}

/** The slowest that trafgen is, in packets a second, on a busy machine. */
const LOWEST_RATE = 20_000;

/** One processor is left to who watches. */
const SENDERS = Math.max(1, navigator.hardwareConcurrency - 1);

/** Starts a flood from the scanner to the host. */
export async function startFlood(
  two: TwoHosts,
  flood: Flood,
): Promise<Process> {
  const packet = await describePacket(two, flood.sources ?? "one");
  return two.scanner.start([
    ...flood.seconds === undefined
      ? []
      : ["timeout", "--signal=INT", `${flood.seconds}`],
    ...["trafgen", "--dev", "eth0", "--no-sock-mem", "--cpus", `${SENDERS}`],
    ...flood.packets === undefined ? [] : ["--num", `${flood.packets}`],
    ...flood.rate === undefined ? [] : ["--rate", `${flood.rate}pps`],
    packet,
  ]);
}

/** Waits for the end of a flood. */
export async function endOf(trafgen: Process, flood: Flood): Promise<void> {
  const seconds = flood.seconds ?? (flood.packets ?? 0) / LOWEST_RATE;
  await eventually(
    () => trafgen.code >= 0,
    () => "the end of trafgen",
    (seconds + 10) * 1000,
  );
  const isInTime = flood.seconds !== undefined && trafgen.code === TIMED_OUT;
  if (trafgen.code !== 0 && !isInTime) {
    throw new Error(
      `trafgen ended with ${trafgen.code}: ${trafgen.stderr.join(" ")}`,
    );
  }
}

/** The status of timeout(1) when it had to end the command. */
const TIMED_OUT = 124;

/** A packet in trafgen's language: ports and sequence numbers change. */
async function describePacket(
  { scanner, host }: TwoHosts,
  sources: "one" | "random",
): Promise<string> {
  const [target, sender] = await Promise.all(
    [host, scanner].map(async (namespace) =>
      hex(await hardwareAddress(namespace))
    ),
  );
  const source = sources === "random" ? "drnd()" : SCANNER;
  return `{
    eth(da=${target}, sa=${sender}),
    ipv4(saddr=${source}, daddr=${HOST}),
    tcp(sp=drnd(1024, 65535), dp=dinc(1, 65535), seq=drnd(), win=1024, syn)
  }`;
}

function hex(address: Uint8Array): string {
  return [...address].map((byte) => byte.toString(16).padStart(2, "0"))
    .join(":");
}
