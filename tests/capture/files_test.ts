/**
 * Files that tcpdump, tshark, dumpcap, editcap, mergecap and scapy have
 * written: each gives its lines, and however damaged it is, no more than an
 * error that says so.
 */

import { gzipSync, zstdCompressSync } from "node:zlib";
import { FileCapture } from "../../capture/file.ts";
import { CaptureFileError, Detector, formatReport } from "../../mod.ts";
import { SavefileReader } from "../../library/savefile.ts";
import { SUPPORTED_LINK_TYPES } from "../../library/packet.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
} from "../assert.ts";
import { type CaptureFile, captureFiles, otherFormat } from "../captures.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";
import { amount } from "../long.ts";
import {
  type Bytes,
  concat,
  ipv4,
  pcap,
  PcapngWriter,
  SCAN_LINE,
  SCAN_PORTS,
  scanFile,
  START,
  tcp,
} from "../packets.ts";
import {
  below,
  pick,
  type Random,
  seeded,
  shuffled,
  withRunSeed,
} from "../random.ts";

const FILES = captureFiles();
const SOUND = FILES.filter(({ isReadable }) => isReadable);

Deno.test("there is a file for each link type, format and writer", () => {
  const names = FILES.map(({ name }) => name).join(" ");
  for (
    const part of [
      ...["tcpdump-", "tshark", "dumpcap", "editcap-", "mergecap-", "gzip-"],
      ...["ethernet", "vlan-802.1q", "vlan-802.1ad", "vlan-stacked"],
      ...["cooked-", "cooked2-", "raw-", "null-", "loop", "ppp", "ppp-hdlc"],
      ...["fragments", "extensions", "nanoseconds", "big-endian"],
      ...["pppoe", "mpls", "gre", "ds-lite", "nflog", "pflog", "pktap"],
    ]
  ) assert(names.includes(part), part);
  const linkTypes = new Set(
    SOUND.filter(({ isPacked }) => !isPacked)
      .flatMap(({ path }) => [...linkTypesOf(Deno.readFileSync(path))]),
  );
  assertEquals([...linkTypes].sort(), [...SUPPORTED_LINK_TYPES].sort());
});

function linkTypesOf(bytes: Bytes): Set<number> {
  const types = new Set<number>();
  const reader = new SavefileReader(({ linkType }) => types.add(linkType));
  reader.push(bytes);
  reader.end();
  return types;
}

/** The lines of a file, in process. */
async function linesOf(path: string): Promise<string[]> {
  const lines: string[] = [];
  const detector = new Detector(
    (report) => lines.push(formatReport(report, { utc: true })),
    { sources: 1024, logBurst: 0, fromFile: true },
  );
  const capture = new FileCapture(path);
  try {
    await capture.run((packet) => detector.packet(packet));
    detector.finish();
  } finally {
    capture.close();
  }
  return lines;
}

for (const { name, path, expected } of SOUND) {
  Deno.test(`its lines and no others: ${name}`, async () => {
    assertEquals(await linesOf(path), expected);
  });
}

/** What packers make of a file, and others of several: they unpack alike. */
const PACKED: Record<string, (file: Bytes) => Bytes> = {
  "zstd: one frame": zstd,
  "zstd: several frames": (file) =>
    concat(zstd(file.slice(0, 30)), zstd(file.slice(30))),
  "zstd: an empty frame": (file) => concat(zstd(new Uint8Array(0)), zstd(file)),
  "zstd: frames to be skipped": (file) => {
    const skipped = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    const empty = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
    const [start, rest] = [file.slice(0, 30), file.slice(30)];
    return concat(zstd(start), skipped, empty, zstd(rest), skipped);
  },
  "zstd: blocks that are not packed": (file) =>
    concat(
      ...[zstdRaw(file.slice(0, 30)), zstdRaw(file.slice(30), 100)],
    ),
  "gzip: one member": (file) => gzip(file),
  "gzip: several members": (file) =>
    concat(gzip(file.slice(0, 30)), gzip(file.slice(30))),
  "gzip: an empty member": (file) =>
    concat(gzip(new Uint8Array(0)), gzip(file)),
  "gzip: padded with zeros": (file) => concat(gzip(file), new Uint8Array(512)),
};

function gzip(bytes: Bytes): Bytes {
  return new Uint8Array(gzipSync(bytes));
}

function zstd(bytes: Bytes): Bytes {
  return new Uint8Array(zstdCompressSync(bytes));
}

/** A frame of raw blocks (RFC 8878, 3.1.1), with an empty one at its end. */
function zstdRaw(bytes: Bytes, blockSize = bytes.length): Bytes {
  // No checksum, no size of the content; a window of 1 MB.
  const parts: ArrayLike<number>[] = [[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50]];
  for (let at = 0; at < bytes.length; at += blockSize) {
    const block = bytes.slice(at, at + blockSize);
    const header = block.length << 3;
    parts.push([header & 0xff, (header >> 8) & 0xff, header >> 16], block);
  }
  return concat(...parts, [0x01, 0x00, 0x00]);
}

for (const [how, pack] of Object.entries(PACKED)) {
  Deno.test(how, async () => {
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeFile(path, pack(scanFile(SCAN_PORTS)));
      assertEquals(await linesOf(path), [SCAN_LINE]);
    } finally {
      await Deno.remove(path);
    }
  });
}

for (const [name, pack] of [["gzip", gzip], ["zstd", zstd]] as const) {
  Deno.test(`${name}: what comes before damage is read`, async () => {
    const file = await Deno.readFile(
      FILES.find(({ name }) => name === "ethernet.pcap")!.path,
    );
    const path = await Deno.makeTempFile();
    // Several, so that what is in the first ones is complete.
    const packed = concat(pack(file), pack(file.slice(24)));
    try {
      for (const length of [packed.length - 8, packed.length - 1]) {
        await Deno.writeFile(path, packed.subarray(0, length));
        const capture = new FileCapture(path);
        let packets = 0;
        await assertRejects(
          () => capture.run(() => packets++),
          Error,
          `${path}: the ${name} data is damaged or cut off: `,
        );
        capture.close();
        assertGreater(packets, 10);
      }
    } finally {
      await Deno.remove(path);
    }
  });
}

Deno.test("zstd: a file may begin with a frame to be skipped, as pzstd's do", async () => {
  const path = await Deno.makeTempFile();
  try {
    for (const size of [0, 4]) {
      const skipped = [0x5f, 0x2a, 0x4d, 0x18, size, 0, 0, 0];
      const file = zstd(scanFile(SCAN_PORTS));
      await Deno.writeFile(path, concat(skipped, new Uint8Array(size), file));
      assertEquals(await linesOf(path), [SCAN_LINE]);
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("zstd: garbage behind a frame is told", async () => {
  const path = await Deno.makeTempFile();
  try {
    const file = concat(zstd(scanFile(SCAN_PORTS)), [1, 2, 3, 4, 5]);
    await Deno.writeFile(path, file);
    const capture = new FileCapture(path);
    await assertRejects(
      () => capture.run(() => {}),
      Error,
      `${path}: the zstd data is damaged or cut off: what follows a frame is none`,
    );
    capture.close();
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("whether a file is packed is known before it is read", () => {
  for (const { name, path, isPacked } of SOUND) {
    const capture = new FileCapture(path);
    assertEquals(capture.mayBePacked, isPacked, name);
    capture.close();
  }
});

Deno.test("a link type that is not supported is named", async () => {
  const { path } = FILES.find(({ isReadable }) => !isReadable)!;
  await assertRejects(
    () => linesOf(path),
    Error,
    `${path}: link type 105 (IEEE802_11) is not supported, at byte 20`,
  );
});

/** Reads damaged files, with one detector for all. */
class Victim {
  packets = 0;
  refused = 0;
  read = 0;
  readonly #detector = new Detector(() => {}, {
    random: seeded(1),
    sources: 1024,
    logBurst: 0,
  });

  /**
   * Reads a file that may be damaged; whatever is thrown but for damage fails.
   * Looking for scans takes most of the time: every sixteenth file will do.
   */
  take(bytes: Uint8Array): CaptureFileError | undefined {
    const isWatched = ++this.read % 16 === 0;
    this.packets = 0;
    const reader = new SavefileReader((packet) => {
      this.packets++;
      if (isWatched) this.#detector.packet(packet);
    });
    try {
      reader.push(bytes);
      reader.end();
      return undefined;
    } catch (error) {
      if (!(error instanceof CaptureFileError)) throw error;
      this.refused++;
      const { offset, message } = error;
      if (!(offset <= bytes.length) || message.includes("\n")) throw error;
      return error;
    }
  }
}

/** Runs without the cost of stack traces, which nobody looks at. */
function withoutTraces(body: () => void): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    body();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

const UNPACKED = SOUND.filter(({ isPacked }) => !isPacked)
  .map(({ name, path }) => ({ name, bytes: Deno.readFileSync(path) }));

/** Files are cut behind each of so many bytes, and behind every seventh later. */
const HEAD = amount(1_024, Infinity);

Deno.test("every truncation is read as far as it goes", () => {
  withoutTraces(() => {
    const victim = new Victim();
    for (const { name, bytes } of UNPACKED) {
      let before = 0;
      let inHead = 0;
      let whole = 0;
      const step = (length: number) => length < HEAD ? 1 : 7;
      for (let length = 0; length <= bytes.length; length += step(length)) {
        const error = victim.take(bytes.subarray(0, length));
        // A few bytes more never mean more than a packet more, nor fewer.
        const more = victim.packets - before;
        assert(more === 0 || more === 1, `${name}, cut at ${length}`);
        before = victim.packets;
        if (length >= HEAD) continue;
        inHead = victim.packets;
        if (error === undefined) whole++;
      }
      // It may end behind any record or block, but not elsewhere.
      assert(whole > inHead / 2 && whole <= bytes.length / 16, name);
    }
    console.log(`${victim.read} truncations, ${victim.refused} refused`);
  });
});

/** Changes a file in place; returns how to undo it. */
function mutate(random: Random, bytes: Bytes): [at: number, old: number][] {
  const undo: [number, number][] = [];
  for (let n = 1 + below(random, 4); n > 0; n--) {
    // Headers decide more than what packets hold: hit them more often.
    const limit = below(random, 2) === 0 ? 128 : bytes.length;
    const at = below(random, Math.min(limit, bytes.length));
    undo.push([at, bytes[at]]);
    const extremes = [0, 1, 4, 0x7f, 0x80, 0xff, random(), random()];
    bytes[at] = pick(random, extremes);
  }
  return undo.reverse();
}

/** Of each file. */
const MUTATIONS = amount(1_000, 100_000);

Deno.test(`${MUTATIONS} mutations of each file are read as far as sound, or refused`, () =>
  withRunSeed((random) =>
    withoutTraces(() => {
      const victim = new Victim();
      for (const { bytes } of UNPACKED) {
        for (let i = 0; i < MUTATIONS; i++) {
          const undo = mutate(random, bytes);
          const isCut = below(random, 8) === 0;
          const length = isCut ? below(random, bytes.length) : bytes.length;
          victim.take(bytes.subarray(0, length));
          for (const [at, old] of undo) bytes[at] = old;
        }
      }
      console.log(`${victim.read} mutations, ${victim.refused} refused`);
      assertGreater(victim.refused, victim.read / 10);
      assertLess(victim.refused, victim.read * 0.9);
    })
  ));

/** What a hostile length field says: about 4 GiB, 2 GiB, and negative numbers. */
const HUGE = [0xffffffff, 0xfffffffc, 0x7fffffff, 0x7ffffffc, 0x80000000];

/** How many of them each place meets; neighbours meet others. */
const CLAIMS = amount(1, 2 * HUGE.length);

/** Puts them where a length may stand, in one order of bytes and the other. */
function claimLengths(
  victim: Victim,
  view: DataView<ArrayBuffer>,
  at: number,
): void {
  const old = view.getUint32(at);
  for (let i = 0; i < CLAIMS; i++) {
    const turn = at / 4 + i;
    view.setUint32(at, HUGE[turn % HUGE.length], turn % 2 === 0);
    victim.take(new Uint8Array(view.buffer));
  }
  view.setUint32(at, old);
}

Deno.test("no length field makes the reader take memory", () =>
  withoutTraces(() => {
    const victim = new Victim();
    // What is taken for the first time is no sign of anything.
    for (const { bytes } of UNPACKED) victim.take(bytes);
    for (const { name, bytes } of UNPACKED) {
      const view = new DataView(bytes.buffer);
      let before = Deno.memoryUsage().external;
      for (let at = 0; at + 4 <= bytes.length; at += 4) {
        claimLengths(victim, view, at);
        // To ask takes longer than to read some files.
        if (at % 64 !== 0) continue;
        const now = Deno.memoryUsage().external;
        assertLess(now - before, 1 << 20, `${name}: before byte ${at + 4}`);
        before = now;
      }
    }
    console.log(`${victim.read} files, ${victim.refused} refused`);
  }));

// Times

const SCAN_DELAY_MS = 3000;
/** Where the files' times count from. */
const SECONDS = Math.floor(START / 1000) + 987_654;

/** Files whose two packets are some microseconds apart. */
const WRITERS: Record<string, (stamps: readonly number[]) => Bytes> = {
  "pcap": (stamps) => file(stamps, false),
  "pcap, nanoseconds": (stamps) => file(stamps, true),
  ...Object.fromEntries([3, 6, 7, 9, 11].map((exponent) => [
    `pcapng, 10^-${exponent} s`,
    (stamps: readonly number[]) =>
      pcapng(stamps, [exponent], 10n ** BigInt(exponent)),
  ])),
  ...Object.fromEntries([20, 30, 36].map((exponent) => [
    `pcapng, 2^-${exponent} s`,
    (stamps: readonly number[]) =>
      pcapng(stamps, [0x80 | exponent], 2n ** BigInt(exponent)),
  ])),
};

/** Seven ports: the first at the first stamp, the others at the second. */
const segments = SCAN_PORTS.map((destinationPort) =>
  ipv4(tcp({ destinationPort }))
);

function file(stamps: readonly number[], nanoseconds: boolean): Bytes {
  const records = segments.map((bytes, i) => {
    const stamp = stamps[Math.min(i, 1)];
    return {
      seconds: SECONDS + Math.floor(stamp / 1e6),
      fraction: stamp % 1e6 * (nanoseconds ? 1000 : 1),
      bytes,
    };
  });
  return pcap({ littleEndian: true, nanoseconds }, records);
}

function pcapng(
  stamps: readonly number[],
  resolution: number[],
  units: bigint,
): Bytes {
  const w = new PcapngWriter(true);
  const packets = segments.map((bytes, i) => {
    const micros = BigInt(SECONDS) * 1_000_000n +
      BigInt(stamps[Math.min(i, 1)]);
    return w.packet(0, (micros * units + 500_000n) / 1_000_000n, bytes);
  });
  const description = w.interface(101, w.option(9, resolution));
  return concat(w.section(), description, ...packets);
}

for (const [name, write] of Object.entries(WRITERS)) {
  const isCoarse = name.endsWith("-3 s");
  const step = isCoarse ? 1000 : 1;
  Deno.test(`a pause of exactly 3 s is no end of a scan, one more unit is: ${name}`, () =>
    withRunSeed((random) => {
      for (let i = 0; i < 300; i++) {
        const start = below(random, 1e6 / step) * step;
        for (const more of [-step, 0, step]) {
          const stamps = [start, start + SCAN_DELAY_MS * 1000 + more];
          const bytes = write(stamps);
          const times: number[] = [];
          let scans = 0;
          // The slow rule would forgive the pause.
          const detector = new Detector(() => scans++, {
            classic: true,
            sources: 16,
            random,
          });
          const reader = new SavefileReader((packet) => {
            times.push(packet.time);
            if (i < 2) detector.packet(packet);
          });
          reader.push(bytes);
          reader.end();
          const gap = times[1] - times[0];
          assertEquals(Math.sign(gap - SCAN_DELAY_MS), Math.sign(more));
          assertLess(Math.abs(gap - SCAN_DELAY_MS - more / 1000), 0.001);
          if (i < 2) assertEquals(scans, more > 0 ? 0 : 1);
        }
      }
    }));
}

// Blocks

/** The registered types of blocks without packets (draft-ietf-opsawg-pcapng). */
const BLOCK_TYPES: Record<string, number> = {
  "name resolution": 4,
  "interface statistics": 5,
  "IRIG time stamp": 7,
  "ARINC 429": 8,
  "systemd journal": 9,
  "decryption secrets": 10,
  "process information": 0x80000001,
  "custom": 0x00000bad,
  "custom, not to be copied": 0x40000bad,
  "Sysdig machine": 0x201,
  "Sysdig event": 0x204,
  "reserved": 0,
};

for (const littleEndian of [true, false]) {
  const w = new PcapngWriter(littleEndian);
  const order = littleEndian ? "little" : "big";
  for (const [name, type] of Object.entries(BLOCK_TYPES)) {
    Deno.test(`passed over, ${order}-endian: a block of type ${type}, ${name}`, () => {
      const packet = w.packet(0, 0n, segments[0]);
      const bytes = concat(
        w.section(),
        w.block(type, new Uint8Array(24)),
        w.interface(101),
        packet,
        w.block(type),
        packet,
        w.block(type, new Uint8Array(70_001)),
        packet,
      );
      const victim = new Victim();
      assertEquals(victim.take(bytes), undefined);
      assertEquals(victim.packets, 3);
    });
  }
}

// Pipes

/** Writes a file's first bytes, nothing for a second, and the others. */
const PAUSED = `
file=$1 bytes=$2; shift 2
{ head -c $bytes "$file"; sleep 1; tail -c +$((bytes + 1)) "$file"; } | "$@"
`;

Deno.test("a pipe whose writer holds back the answers gives no other lines", async () => {
  const [SYN, ACK] = [0x02, 0x10];
  const host = "10.0.0.1";
  const client = "192.0.2.5";
  const ports = Array.from({ length: 22 }, (_, i) => 10_000 + i);
  const record = (bytes: Bytes, micros: number) => ({
    seconds: START / 1000,
    fraction: micros,
    bytes,
  });
  const probes = ports.map((port, i) =>
    record(
      ipv4(
        tcp({ sourcePort: 4_000 + i, destinationPort: port, flags: SYN }),
        { source: client, destination: host },
      ),
      10 * i,
    )
  );
  const answers = ports.map((port, i) =>
    record(
      ipv4(
        tcp({ sourcePort: port, destinationPort: 4_000 + i, flags: SYN | ACK }),
        { source: host, destination: client },
      ),
      1_000 + 10 * i,
    )
  );
  const kind = { littleEndian: true, nanoseconds: false };
  const bytes = pcap(kind, [...probes, ...answers]);
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    const command = program([
      ...["--home", `${host}/32`, "--no-drop", "--utc", "--read"],
    ]);
    const paused = String(pcap(kind, probes).length);
    const commands = [
      [...command, path],
      ["sh", "-c", PAUSED, "sh", path, paused, ...command, "-"],
    ];
    for (const each of commands) {
      await using process = new Process(each);
      assertEquals(await process.end(), 0, process.stderr.join("\n"));
      assertEquals(process.stdout, []);
    }
    // Without the answers it is a scan: they are what keeps it from being told.
    await Deno.writeFile(path, pcap(kind, probes));
    await using process = new Process([...command, path]);
    assertEquals(await process.end(), 0);
    assertEquals(process.stdout.length, 1);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("bytes that are no packet yet do not stop a pipe's clock", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/pipe`;
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const writer = Deno.openSync(path, { read: true, write: true });
  const capture = new FileCapture(path);
  let told = Promise.withResolvers<number>();
  const running = capture.run(() => {}, (time) => {
    told.resolve(time);
    return Infinity;
  });
  try {
    writer.writeSync(scanFile(SCAN_PORTS));
    const first = await told.promise;
    let last = first;
    for (let i = 0; i < 5; i++) {
      told = Promise.withResolvers();
      await new Promise((resolve) => setTimeout(resolve, 40));
      writer.writeSync(Uint8Array.of(0));
      last = await told.promise;
    }
    assertGreater(last - first, 180);
  } finally {
    writer.close();
    await assertRejects(() => running, Error, "cut off");
    capture.close();
    await Deno.remove(directory, { recursive: true });
  }
});

// The whole program

/** Reads a file through the program; returns what came of it. */
async function readByProgram(
  path: string,
  input?: Uint8Array<ArrayBuffer>,
  further: readonly string[] = ["--quiet"],
) {
  const options = ["--utc", "--output", "stdout", "--no-drop", ...further];
  await using process = new Process(
    program(["--read", path, ...options]),
    { input },
  );
  const code = await process.end();
  return { code, stdout: process.stdout, stderr: process.stderr };
}

/** Does something with each of the items, two at a time. */
async function forEach<T>(
  items: readonly T[],
  body: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await body(item);
  };
  await Promise.all([worker(), worker()]);
}

/** Files that the whole program reads, others in each run; in process, all are. */
const WHOLE_RUNS = amount(12, FILES.length);

Deno.test("the program prints a file's lines and ends with 0", () =>
  withRunSeed(async (random) => {
    await forEach(
      shuffled(random, SOUND).slice(0, WHOLE_RUNS),
      async ({ path, expected }) => {
        assertEquals(
          await readByProgram(path),
          { code: 0, stdout: expected, stderr: [] },
          path,
        );
      },
    );
  }));

Deno.test("the program names a link type that is not supported and ends with 1", async () => {
  const { path } = FILES.find(({ isReadable }) => !isReadable)!;
  assertEquals(await readByProgram(path), {
    code: 1,
    stdout: [],
    stderr: [
      `scanlogd: ${path}: link type 105 (IEEE802_11) is not supported, at byte 20`,
    ],
  });
});

Deno.test("the program names the formats that it does not read and ends with 1", async () => {
  for (
    const [name, message] of [
      [
        "snoop",
        "a snoop file (RFC 1761): editcap -F pcapng converts it, at byte 0",
      ],
      [
        "nokia",
        "a pcap file of Nokia: editcap -F pcapng converts it, at byte 94",
      ],
    ]
  ) {
    const path = otherFormat(name);
    assertEquals(await readByProgram(path), {
      code: 1,
      stdout: [],
      stderr: [`scanlogd: ${path}: not pcap or pcapng, but ${message}`],
    });
  }
});

Deno.test("the program tells what was in a file that it does not look at", async () => {
  const path = otherFormat("radiotap-and-ethernet.pcapng");
  const { stdout, stderr } = await readByProgram(path, undefined, []);
  assertEquals(stdout.length, 1);
  assertEquals(stderr.slice(1), [
    `scanlogd: ${path}: 20 of 40 packets are of kinds that are not looked at, most of them link type 127 (IEEE802_11_RADIOTAP)`,
  ]);
});

Deno.test("records that several queues swapped make one scan, under --classic too", async () => {
  const path = otherFormat("swapped-records.pcap");
  for (const options of [["--classic", "--quiet"], ["--quiet"]]) {
    const { code, stdout } = await readByProgram(path, undefined, options);
    assertEquals([code, stdout.length], [0, 1], `${options}`);
  }
});

/** One damaged version of each file: cut off, or with bytes changed. */
function damaged(random: Random, files: readonly CaptureFile[]): Bytes[] {
  return files.map(({ path }, i) => {
    const bytes = Deno.readFileSync(path);
    if (i % 2 === 0) return bytes.slice(0, below(random, bytes.length));
    mutate(random, bytes);
    return bytes;
  });
}

Deno.test("the program says in one line what is wrong with a damaged file", () =>
  withRunSeed(async (random) => {
    let refused = 0;
    const files = damaged(random, shuffled(random, FILES).slice(0, WHOLE_RUNS));
    await forEach(files, async (bytes) => {
      const { code, stdout, stderr } = await readByProgram("-", bytes);
      if (stdout.length > 0) {
        assertMatch(stdout[0], / ports .* @\d\d:\d\d:\d\d$/);
      }
      if (code === 0) return assertEquals(stderr, []);
      assertEquals(code, 1);
      assertEquals(stderr.length, 1, stderr.join("\n"));
      assertMatch(stderr[0], /^scanlogd: standard input: .*/);
      refused++;
    });
    console.log(`${files.length} damaged files, ${refused} refused`);
    // Those that are cut off nearly all are, of the others many.
    assertGreater(refused, files.length / 6);
  }));

Deno.test("the program prints the scans before the damage", async () => {
  const { path, expected } = SOUND.find(({ name }) =>
    name === "ethernet.pcap"
  )!;
  const bytes = Deno.readFileSync(path);
  const { code, stdout, stderr } = await readByProgram(
    "-",
    bytes.slice(0, bytes.length - 1),
  );
  assertEquals([code, stdout], [1, expected.slice(0, 1)]);
  assertMatch(
    stderr.join("\n"),
    /^scanlogd: standard input: the file is cut off in a record: \d+ bytes needed, \d+ found, at byte \d+$/,
  );
});

/** How much of the 4 GiB is really sent, and how far memory may grow. */
const SENT = 512 << 20;
const MOST_MEMORY = 300 << 20;

Deno.test({
  name: "the program does not grow while it passes over a block of 4 GiB",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const w = new PcapngWriter(true);
    const [deno, ...args] = program(["--read", "-", "--no-drop", "--quiet"]);
    await using child = new Deno.Command(deno, {
      args,
      stdin: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(
      concat(w.section(), w.u32(0x0bad0bad), w.u32(0xfffffffc)),
    );
    const zeros = new Uint8Array(1 << 20);
    for (let sent = 0; sent < SENT; sent += zeros.length) {
      await writer.write(zeros);
    }
    const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
    await writer.close();
    const { code } = await child.status;
    const said = await new Response(child.stderr).text();
    assertEquals(code, 1);
    assertMatch(
      said,
      /^scanlogd: standard input: the file is cut off in a block/,
    );
    const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
    assertLess(Number(peak) * 1024, MOST_MEMORY);
  },
});
