/**
 * What a centre says of probe records.
 *
 * @module
 */

import { ProbeFormat } from "../../capture/savefile/probe_records.ts";
import { formatProbe } from "../../format/probe.ts";
import { Detector, type DetectorOptions } from "../../mod.ts";
import { assert } from "../assert.ts";
import { START } from "../packets.ts";
import { seeded } from "../random.ts";
import { hostAddress } from "./crowd.ts";

/** A source that nobody shares a network with. */
export function other(i: number): string {
  return `100.${64 + (i >> 8)}.${i & 0xff}.1`;
}

/** A record of a host, or of one without a name. */
export interface Probe {
  time: number;
  source: string;
  host: string | undefined;
  destination?: string;
  port?: number;
  /** When it is sent [when nobody is late]. */
  sent?: number;
}

/**
 * Who is named, and how many hosts each has probed.
 *
 * @param times How often at most.
 */
export function named(
  probes: Iterable<Probe>,
  options: DetectorOptions = {},
  times = 1,
): Record<string, number> {
  const found: [string, number][] = [];
  const detector = new Detector((report) => {
    if (report.type === "scan") {
      found.push([report.source, report.hosts ?? NaN]);
    } else if (report.type === "shared") {
      found.push([report.network, report.scan.hosts ?? NaN]);
    }
  }, { fromFile: true, logBurst: 0, random: seeded(1), ...options });
  let now = Infinity;
  const format = new ProbeFormat((packet) => detector.packet(packet), {
    now: () => START + now,
  });
  for (const probe of probes) {
    const { time, source, host, port = 22, sent = Infinity } = probe;
    now = sent;
    const destination = probe.destination ?? addressOf(host ?? "web0");
    const line = formatProbe({
      ...{ time: START + time, source, sourcePort: 40_000, destination },
      ...{ destinationPort: port, protocol: "tcp", flags: 2 },
      outcome: "silent",
    }, host);
    const bytes = new TextEncoder().encode(`${line}\n`);
    format.take(new DataView(bytes.buffer), 0, bytes.length);
  }
  format.end();
  detector.finish();
  for (const [who] of found) {
    const { length } = found.filter(([other]) => other === who);
    assert(length <= times, `${who} is named ${length} times`);
  }
  return Object.fromEntries(found);
}

/** Where a host of this name is. */
export function addressOf(host: string): string {
  return hostAddress(Number(host.replace("web", "")));
}

/** All hosts are probed by others, and so known. */
export function* known(time = 0, hosts = 100): Generator<Probe> {
  for (let i = 0; i < hosts; i++) {
    yield { time: time + i, source: other(i), host: `web${i}` };
  }
}
