/** Several files at once: their packets come in order of time. */

import { gzipSync } from "node:zlib";
import { openFiles } from "../../capture/open_files.ts";
import { Detector, formatReport } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";
import {
  type Bytes,
  FILE_KINDS,
  type FileRecord,
  ipv4,
  pcap,
  SCAN_LINE,
  SCAN_PORTS,
  START,
  tcp,
} from "../packets.ts";
import { below, seeded } from "../random.ts";

/** A directory that goes again, with files in it. */
class Directory implements Disposable {
  readonly path = Deno.makeTempDirSync();

  constructor(files: Readonly<Record<string, Bytes>> = {}) {
    for (const [name, bytes] of Object.entries(files)) this.add(name, bytes);
  }

  add(name: string, bytes: Bytes): void {
    Deno.writeFileSync(`${this.path}/${name}`, bytes);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

interface Read {
  lines: string[];
  times: number[];
}

async function read(paths: readonly string[]): Promise<Read> {
  const found: Read = { lines: [], times: [] };
  const detector = new Detector(
    (report) => found.lines.push(formatReport(report, { utc: true })),
    { sources: 1024, logBurst: 0 },
  );
  const capture = openFiles(paths);
  try {
    await capture.run((packet) => {
      found.times.push(packet.time);
      detector.packet(packet);
    });
    detector.finish();
  } finally {
    capture.close();
  }
  return found;
}

/** A packet at a time in milliseconds. */
function record(time: number, bytes: Bytes): FileRecord {
  const seconds = Math.floor(time / 1000);
  return { seconds, fraction: (time - seconds * 1000) * 1000, bytes };
}

function fileOf(records: readonly FileRecord[]): Bytes {
  return pcap(FILE_KINDS[0], records);
}

/** A scan of some ports, 10 ms apart. */
function scan(ports: readonly number[], start = START): Bytes {
  return fileOf(
    ports.map((destinationPort, i) =>
      record(start + 10 * i, ipv4(tcp({ destinationPort })))
    ),
  );
}

/** SYNs of many sources to many ports, at times that overlap. */
function randomRecords(count: number): FileRecord[] {
  const random = seeded(13);
  let time = START;
  return Array.from({ length: count }, () => {
    time += below(random, 40);
    const number = 1 + below(random, 20);
    const destinationPort = 1 + below(random, 500);
    // Equal ones would show that they come from one host.
    const segment = tcp({ destinationPort, sequence: 1_000_000 + number });
    return record(time, ipv4(segment, { source: `192.0.2.${number}` }));
  });
}

Deno.test("200 files that overlap in time give the lines of their merge", async () => {
  const random = seeded(200);
  const records = randomRecords(20_000);
  const parts = Array.from({ length: 200 }, () => [] as typeof records);
  for (const record of records) parts[below(random, 200)].push(record);
  using one = new Directory({ "all.pcap": fileOf(records) });
  using all = new Directory(
    Object.fromEntries(parts.map((part, i) => [
      `${i}.pcap`,
      i % 7 === 0 ? new Uint8Array(gzipSync(fileOf(part))) : fileOf(part),
    ])),
  );
  const expected = await read([`${one.path}/all.pcap`]);
  const actual = await read([all.path]);
  assert(expected.lines.length > 20, `${expected.lines.length} lines`);
  assertEquals(actual.times, expected.times);
  assertEquals(actual.lines.toSorted(), expected.lines.toSorted());
});

Deno.test("a scan in two files is one line, in whatever order they are given", async () => {
  using files = new Directory({
    "early": scan(SCAN_PORTS.slice(0, 4)),
    "late": scan(SCAN_PORTS.slice(4), START + 40),
  });
  for (const names of [["early", "late"], ["late", "early"]]) {
    const paths = names.map((name) => `${files.path}/${name}`);
    assertEquals((await read(paths)).lines, [SCAN_LINE]);
  }
});

Deno.test("standard input is one of the files", async () => {
  using files = new Directory({
    "late": scan(SCAN_PORTS.slice(4), START + 40),
  });
  await using process = new Process([
    ...program(["--utc", "-r", `${files.path}/late`, "-r", "-"]),
  ], { input: scan(SCAN_PORTS.slice(0, 4)) });
  assertEquals(await process.end(), 0, process.stderr.join("\n"));
  assertEquals(process.stdout, [SCAN_LINE]);
});

Deno.test("what files tell of did not happen on this host", async () => {
  await using process = new Process(program(["-o", "json", "-r", "-"]), {
    input: scan(SCAN_PORTS),
  });
  assertEquals(await process.end(), 0, process.stderr.join("\n"));
  assertEquals(JSON.parse(process.stdout[0]).host, undefined);
});

Deno.test("a damaged file keeps nobody from reading the others", async () => {
  using files = new Directory({
    "1": scan(SCAN_PORTS).slice(0, 100),
    "2": scan(SCAN_PORTS),
    "3": new TextEncoder().encode("not a capture file at all"),
  });
  const lines: string[] = [];
  const detector = new Detector(
    (report) => lines.push(formatReport(report, { utc: true })),
  );
  const capture = openFiles([files.path]);
  await assertRejects(
    () => capture.run((packet) => detector.packet(packet)),
    Error,
    "1 more of the 3 files is damaged",
  );
  capture.close();
  detector.finish();
  assertEquals(lines, [SCAN_LINE]);
});

Deno.test("what cannot be read together is refused", () => {
  using empty = new Directory({ ".hidden": new Uint8Array(1) });
  assertThrows(
    () => openFiles([empty.path]),
    Error,
    `--read: there is no file in the directory "${empty.path}"`,
  );
  assertThrows(() => openFiles(["-", "-"]), Error, "can be read only once");
  assertThrows(
    () => openFiles([`${empty.path}/none`]),
    Error,
    `--read: there is no file "${empty.path}/none"`,
  );
});

Deno.test("5,000 files are read together, or the limit is told in one line", async () => {
  using files = new Directory();
  for (let i = 0; i < 5000; i++) {
    const syn = record(START + i, ipv4(tcp({ destinationPort: i })));
    files.add(`${i}`, fileOf([syn]));
  }
  const shell = (limit: string) => [
    ...["sh", "-c", `${limit}; exec "$@"`, "sh"],
    ...program(["-v", "-r", files.path]),
  ];
  await using all = new Process(shell("ulimit -Sn 256"));
  assertEquals(await all.end(), 0, all.stderr.join("\n"));
  assert(all.stderr.join("\n").includes("5000 packets seen"));
  await using few = new Process(shell("ulimit -n 256"));
  assertEquals(await few.end(), 1);
  assertEquals(few.stderr.length, 1, few.stderr.join("\n"));
  assert(
    /^scanlogd: --read: of 5000 files only \d+ can be open at once; raise the limit with "ulimit -n 5100"/
      .test(few.stderr[0]),
    few.stderr[0],
  );
});
