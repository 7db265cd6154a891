/**
 * A day of a fleet, from end to end: the program reads what each host captured
 * and writes probe records; it reads these, and finds who scans the fleet.
 */

import { assert, assertEquals } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";
import { amount } from "../long.ts";
import { FILE_KINDS, type FileRecord, ipv4, pcap, tcp } from "../packets.ts";
import {
  crowd,
  type CrowdProbe,
  hostAddress,
  inOrder,
  PATIENT,
  scanners,
  SHARERS,
  SWEEPER,
} from "./crowd.ts";

const HOSTS = amount(20, 1000);
const SOURCES = amount(400, 5000);
const MIDNIGHT = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const SYN = 0x02;
const RST_ACK = 0x14;
const SYN_ACK = 0x12;
const ACK = 0x10;
/** Everybody's; its connections are no probes. */
const CLIENT = "203.0.113.200";

function record(time: number, bytes: Uint8Array): FileRecord {
  const micros = Math.round((MIDNIGHT + time) * 1000);
  return {
    seconds: Math.floor(micros / 1e6),
    fraction: micros % 1e6,
    bytes,
  };
}

/** What a host sees of a probe: half of the hosts refuse, the others drop. */
function exchange({ time, source, host, port }: CrowdProbe): FileRecord[] {
  const us = hostAddress(host);
  const probe = record(
    time,
    ipv4(tcp({ destinationPort: port, flags: SYN }), {
      source,
      destination: us,
    }),
  );
  if (host % 2 === 0) return [probe];
  const answer = tcp({
    ...{ sourcePort: port, destinationPort: 40_000 },
    flags: RST_ACK,
  });
  return [
    probe,
    record(time + 0.2, ipv4(answer, { source: us, destination: source })),
  ];
}

/** A connection that the host accepts. */
function connection(host: number, time: number): FileRecord[] {
  const us = hostAddress(host);
  const [there, back] = [
    { source: CLIENT, destination: us },
    { source: us, destination: CLIENT },
  ];
  const ports = { sourcePort: 40_001, destinationPort: 443 };
  return [
    record(time, ipv4(tcp({ ...ports, flags: SYN }), there)),
    record(
      time + 0.1,
      ipv4(
        tcp({ sourcePort: 443, destinationPort: 40_001, flags: SYN_ACK }),
        back,
      ),
    ),
    record(time + 0.2, ipv4(tcp({ ...ports, flags: ACK }), there)),
  ];
}

/** A host's capture of the day. */
function capture(host: number, probes: readonly CrowdProbe[]): Uint8Array {
  const records = probes.flatMap(exchange);
  for (let hour = 0; hour < 24; hour++) {
    records.push(...connection(host, hour * 60 * MINUTE));
  }
  const timeOf = ({ seconds, fraction }: FileRecord) =>
    seconds * 1e6 + fraction;
  records.sort((a, b) => timeOf(a) - timeOf(b));
  return pcap(FILE_KINDS[0], records);
}

interface Event {
  timestamp: string;
  event_type: string;
  src_ip?: string;
  src_network?: string;
  hosts: number;
}

async function read(args: readonly string[]): Promise<string[]> {
  const process = new Process(program([...args, "--no-drop", "--utc"]));
  assertEquals(await process.end(), 0, process.stderr.join("\n"));
  return process.stdout;
}

/** Lets each host judge its capture; returns what they wrote themselves. */
async function judge(
  folder: string,
  day: readonly CrowdProbe[],
): Promise<string[]> {
  const byHost = Map.groupBy(day, ({ host }) => host);
  const lines: string[] = [];
  let next = 0;
  const work = async () => {
    while (next < HOSTS) {
      const host = next++;
      const path = `${folder}/${host}.pcap`;
      await Deno.writeFile(path, capture(host, byHost.get(host) ?? []));
      const probes = `probes:${folder}/probes/${host}.json`;
      lines.push(
        ...await read([
          ...["--read", path, "--home", hostAddress(host)],
          ...["-o", "stdout", "-o", probes],
        ]),
      );
      await Deno.remove(path);
    }
  };
  await Promise.all([work(), work()]);
  return lines;
}

/** When a scan was complete by the numbers that docs/FLEET.md tells. */
function completeAt(who: string, day: readonly CrowdProbe[]): number {
  const hosts = new Map<number, number>();
  const net = who.replace(/\.0\/24$/, ".");
  for (const { source, host, time } of day) {
    const isIts = who.includes("/") ? source.startsWith(net) : source === who;
    if (!isIts || hosts.has(host)) continue;
    hosts.set(host, time);
    const lately = [...hosts.values()].filter((each) =>
      time - each <= 60 * MINUTE
    );
    if (lately.length >= HOSTS / 2 || hosts.size >= HOSTS * 0.85) return time;
  }
  return NaN;
}

Deno.test("no host alone names a scanner, all together name each once", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    await Deno.mkdir(`${folder}/probes`);
    const day = inOrder([
      ...crowd({ seed: 7, sources: SOURCES, hosts: HOSTS }),
      ...scanners(HOSTS, 7),
    ]);
    await t.step("no host names anybody", async () => {
      assertEquals(await judge(folder, day), []);
    });
    await t.step("nothing of answered connections is written", () => {
      for (const { name } of Deno.readDirSync(`${folder}/probes`)) {
        const text = Deno.readTextFileSync(`${folder}/probes/${name}`);
        assert(!text.includes(CLIENT), name);
      }
    });
    await t.step(
      "the centre names each scanner once, and in time",
      async () => {
        const lines = await read(["--read", `${folder}/probes`, "-o", "json"]);
        const events = lines.map((line) => JSON.parse(line) as Event)
          .filter(({ event_type }) => event_type === "portscan");
        const named = events.map((each) => each.src_ip ?? each.src_network);
        for (const who of [SWEEPER, PATIENT, SHARERS]) {
          assertEquals(named.filter((each) => each === who).length, 1, who);
          const event = events[named.indexOf(who)];
          assert(event.hosts >= 7, `${who}: ${event.hosts} hosts`);
          const late = Date.parse(event.timestamp) - MIDNIGHT -
            completeAt(who, day);
          // Sooner, as long as few hosts have been heard of.
          assert(late <= MINUTE, `${who}: ${late} ms`);
        }
        const others = named.length - 3;
        console.log(
          `${HOSTS} hosts, ${SOURCES} sources: ${others} of them named`,
        );
        assert(others <= Math.ceil(SOURCES / 1000), named.join(" "));
      },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
