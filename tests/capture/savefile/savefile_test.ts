import fc from "fast-check";
import {
  CaptureFileError,
  type Direction,
  findScans,
  formatJson,
  formatReport,
} from "../../../mod.ts";
import { SavefileReader } from "../../../library/savefile.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertMatch,
  assertThrows,
} from "../../assert.ts";
import {
  type Bytes,
  concat,
  FILE_HEADER,
  FILE_KINDS,
  type FileInit,
  type FileRecord,
  ipv4,
  pcap,
  PcapngWriter,
  RECORD_HEADER,
  SCAN_LINE,
  SCAN_PORTS,
  scanFile,
  START,
  tcp,
} from "../../packets.ts";
import { below, chunked, seeded, withRunSeed } from "../../random.ts";

/** A packet, kept. */
interface Seen {
  time: number;
  linkType: number;
  direction: Direction;
  bytes: number[];
}

/** What reading some chunks gives: packets, and the error that ended it. */
function read(chunks: Iterable<Uint8Array>) {
  const seen: Seen[] = [];
  const reader = new SavefileReader((packet) => {
    const { view, offset, length, time, wallTime, linkType, direction } =
      packet;
    assert(time >= wallTime && time - wallTime < 1000);
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
    seen.push({ time: wallTime, linkType, direction, bytes: [...bytes] });
  });
  let error: CaptureFileError | undefined;
  try {
    for (const chunk of chunks) reader.push(chunk);
    reader.end();
  } catch (cause) {
    assertInstanceOf(cause, CaptureFileError);
    error = cause;
  }
  return { seen, error, reader };
}

function nameOf({ littleEndian, nanoseconds }: FileInit): string {
  return `${littleEndian ? "little" : "big"}-endian, ${
    nanoseconds ? "nano" : "micro"
  }seconds`;
}

/** Records of many lengths, none and odd ones among them. */
const RECORDS: readonly FileRecord[] = [0, 1, 3, 40, 41, 97].map(
  (length, i) => ({
    seconds: START / 1000 + i,
    fraction: i * 12_345,
    bytes: Uint8Array.from({ length }, (_, at) => at * 7 + i),
  }),
);

for (const kind of FILE_KINDS) {
  const file = pcap(kind, RECORDS);
  const divisor = kind.nanoseconds ? 1e6 : 1e3;
  const expected = RECORDS.map(({ seconds, fraction, bytes }): Seen => ({
    time: seconds * 1000 + fraction / divisor,
    linkType: 101,
    direction: 0,
    bytes: [...bytes],
  }));

  Deno.test(`pcap, ${nameOf(kind)}: every packet, its time and bytes`, () => {
    const { seen, error, reader } = read([file]);
    assertEquals(error, undefined);
    assertEquals(seen, expected);
    assertEquals(reader.offset, file.length);
  });

  Deno.test(`pcap, ${nameOf(kind)}: whatever the chunks`, () => {
    for (let size = 1; size <= file.length; size++) {
      const chunks = [];
      for (let at = 0; at < file.length; at += size) {
        chunks.push(file.slice(at, at + size));
      }
      const { seen, error } = read(chunks);
      assertEquals([seen, error], [expected, undefined]);
    }
  });

  Deno.test(`pcap, ${nameOf(kind)}: a chunk may be reused once it is pushed`, () => {
    const buffer = new Uint8Array(7);
    function* overwritten() {
      for (let at = 0; at < file.length; at += buffer.length) {
        const part = file.subarray(at, at + buffer.length);
        buffer.fill(0xee);
        buffer.set(part);
        yield buffer.subarray(0, part.length);
      }
    }
    assertEquals(read(overwritten()).seen, expected);
  });

  Deno.test(`pcap, ${nameOf(kind)}: every truncation, in random chunks`, () =>
    withRunSeed((random) => {
      /** Where items begin, and how many bytes each needs. */
      const items: [start: number, needed: number][] = [[0, FILE_HEADER]];
      let at = FILE_HEADER;
      for (const { bytes } of RECORDS) {
        items.push([at, RECORD_HEADER + bytes.length]);
        at += RECORD_HEADER + bytes.length;
      }
      for (let length = 0; length <= file.length; length++) {
        const cut = file.slice(0, length);
        const largest = 1 + below(random, 64);
        const { seen, error } = read(chunked(random, cut, largest));
        const whole = items.filter(([start, needed]) =>
          start + needed <= length
        );
        assertEquals(seen, expected.slice(0, Math.max(0, whole.length - 1)));

        const [start, needed] = items.find(([start, needed]) =>
          start + needed > length
        ) ?? [length, 0];
        if (length > 0 && start === length) {
          assertEquals(error, undefined, `cut between records, at ${length}`);
          continue;
        }
        assert(error !== undefined, `no error when cut at ${length}`);
        const had = length - start;
        // How long an item is shows only in its header.
        const header = start === 0 ? 4 : RECORD_HEADER;
        assertEquals(
          { offset: error.offset, needed: error.needed, had: error.had },
          { offset: start, needed: had < header ? header : needed, had },
        );
        assertEquals(
          error.message,
          `the file is cut off in a ${
            start === 0 ? "file header" : "record"
          }: ` +
            `${error.needed} bytes needed, ${had} found`,
        );
      }
    }));
}

Deno.test("pcap: chunks of any sizes give the same packets", () => {
  const file = pcap(FILE_KINDS[0], RECORDS);
  const { seen } = read([file]);
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 60 }), (sizes) => {
      const chunks = [];
      let at = 0;
      for (const size of sizes) {
        chunks.push(file.slice(at, at + size));
        at += size;
      }
      chunks.push(file.slice(at));
      assertEquals(read(chunks).seen, seen);
    }),
  );
});

Deno.test("a record as long as libpcap allows is read across chunks", () => {
  const bytes = new Uint8Array(262_144).map((_, i) => i);
  const record = { seconds: 1, fraction: 0, bytes };
  const file = pcap(FILE_KINDS[0], [record, record]);
  for (const size of [file.length, 65_536, 100_003]) {
    const chunks = [];
    for (let at = 0; at < file.length; at += size) {
      chunks.push(file.subarray(at, at + size));
    }
    const { seen, error } = read(chunks);
    assertEquals([seen.length, error], [2, undefined]);
    assert(seen.every((s) => s.bytes.every((byte, i) => byte === (i & 255))));
  }
});

/** A change of a file, and what is to be said about it. */
type Damage = [
  name: string,
  at: number,
  value: number,
  message: string,
  offset: number,
];

const SECOND_RECORD = FILE_HEADER + RECORD_HEADER + 40;
const DAMAGES: readonly Damage[] = [
  [
    "an unknown magic number",
    0,
    0x12345678,
    "not a capture file: it starts with 12345678, which is no magic number of pcap or pcapng",
    0,
  ],
  [
    "version 3",
    4,
    0x00030001,
    "version 3.1 of pcap is not supported, only 2.x",
    4,
  ],
  [
    "an unsupported link type",
    20,
    105,
    "link type 105 (IEEE802_11) is not supported",
    20,
  ],
  [
    "an unknown link type",
    20,
    9999,
    "link type 9999 (unknown) is not supported",
    20,
  ],
  [
    "a record one byte too long",
    SECOND_RECORD + 8,
    262_145,
    "a record claims 262145 bytes, at most 262144 are possible",
    SECOND_RECORD,
  ],
  [
    "a record of 4 GiB",
    SECOND_RECORD + 8,
    0xffffffff,
    "a record claims 4294967295 bytes, at most 262144 are possible",
    SECOND_RECORD,
  ],
];

for (const [name, at, value, message, offset] of DAMAGES) {
  Deno.test(`damage is told with its place: ${name}`, () =>
    withRunSeed((random) => {
      const packet = { seconds: 1, fraction: 0, bytes: ipv4(tcp()) };
      const init = { littleEndian: false, nanoseconds: false };
      const file = pcap(init, [packet, packet, packet]);
      new DataView(file.buffer).setUint32(at, value);
      const before = at > FILE_HEADER ? 1 : 0;
      const halves = Array.from(
        file,
        (_, split) => [file.slice(0, split), file.slice(split)],
      );
      for (const chunks of [...halves, [...chunked(random, file, 9)]]) {
        const { seen, error } = read(chunks);
        assertEquals(seen.length, before);
        assertEquals([error?.message, error?.offset], [message, offset]);
        assertEquals([error?.needed, error?.had], [undefined, undefined]);
        assertEquals(error?.name, "CaptureFileError");
      }
    }));
}

Deno.test("the bits about frame check sequences are no part of the link type", () => {
  const file = scanFile(SCAN_PORTS, {
    littleEndian: false,
    nanoseconds: false,
  });
  new DataView(file.buffer).setUint32(20, 0xf4000000 | 101);
  assertEquals(read([file]).seen[0].linkType, 101);
});

Deno.test("an empty file is an error", () => {
  for (const chunks of [[], [new Uint8Array(0)]]) {
    const { error } = read(chunks);
    assertEquals(error?.message.startsWith("the file is cut off"), true);
    assertEquals([error?.offset, error?.had], [0, 0]);
  }
});

Deno.test("a handler's own exception is passed on as it is", () => {
  const reader = new SavefileReader(() => {
    throw new TypeError("mine");
  });
  assertThrows(() => reader.push(scanFile([22])), TypeError, "mine");
});

// pcapng

const SECONDS = BigInt(START / 1000);
const PACKET = ipv4(tcp());

for (const littleEndian of [true, false]) {
  const w = new PcapngWriter(littleEndian);
  const order = littleEndian ? "little-endian" : "big-endian";
  const unknown = w.block(0x0bad0bad, new Uint8Array(77));
  const packetAt = (i: number) =>
    w.packet(0, SECONDS * 1_000_000n + BigInt(i), PACKET.slice(0, 40 - i));
  const blocks: readonly [isPacket: boolean, Bytes][] = [
    [false, w.section()],
    [false, unknown],
    [false, w.interface(101)],
    [true, packetAt(0)],
    [false, unknown],
    [true, packetAt(1)],
    [true, w.simplePacket(PACKET.slice(0, 39))],
    [true, w.oldPacket(0, SECONDS * 1_000_000n, PACKET.slice(0, 37))],
    [false, w.section()],
    [false, w.interface(228)],
    [true, packetAt(3)],
  ];
  const file = concat(...blocks.map(([, bytes]) => bytes));

  Deno.test(`pcapng, ${order}: packets of all kinds of blocks, whatever the chunks`, () => {
    const ms = (i: number) => START + i / 1000;
    const expected = [
      [ms(0), 101, 40],
      [ms(1), 101, 39],
      [ms(1), 101, 39],
      [ms(0), 101, 37],
      [ms(3), 228, 37],
    ];
    for (let size = 1; size <= file.length; size++) {
      const chunks = [];
      for (let at = 0; at < file.length; at += size) {
        chunks.push(file.slice(at, at + size));
      }
      const { seen, error } = read(chunks);
      assertEquals(error, undefined);
      assertEquals(
        seen.map(({ time, linkType, bytes }) => [time, linkType, bytes.length]),
        expected,
      );
      for (const { bytes } of seen) {
        assertEquals(bytes, [...PACKET.slice(0, bytes.length)]);
      }
    }
  });

  Deno.test(`pcapng, ${order}: every truncation, in random chunks`, () =>
    withRunSeed((random) => {
      for (let length = 0; length <= file.length; length++) {
        let start = 0;
        let packets = 0;
        for (const [isPacket, { length: size }] of blocks) {
          // A block's content counts once it is there, up to its last word.
          if (isPacket && start + size - 4 <= length) packets++;
          if (start + size > length) break;
          start += size;
        }
        const cut = file.slice(0, length);
        const { seen, error } = read(
          chunked(random, cut, 1 + below(random, 64)),
        );
        assertEquals(seen.length, packets, `cut at ${length}`);
        if (length > 0 && start === length) {
          assertEquals(error, undefined, `cut between blocks, at ${length}`);
          continue;
        }
        assert(error !== undefined, `no error when cut at ${length}`);
        assert(error.offset >= start && error.offset <= length);
        assertEquals(error.offset + (error.had ?? NaN), length);
        assert(error.needed! > error.had!, `cut at ${length}`);
      }
    }));

  Deno.test(`pcapng, ${order}: resolution and offset of time stamps`, () => {
    const times: [options: Bytes[], stamp: bigint, time: number][] = [
      [[], SECONDS * 1_000_000n + 250_001n, START + 250.001],
      [[w.option(9, [6])], SECONDS * 1_000_000n + 1n, START + 0.001],
      [[w.option(9, [9])], SECONDS * 10n ** 9n + 500n, START + 0.0005],
      [[w.option(9, [3])], SECONDS * 1000n + 7n, START + 7],
      [[w.option(9, [0])], SECONDS, START],
      [[w.option(9, [0x80 | 10])], SECONDS * 1024n + 512n, START + 500],
      [
        [w.option(9, [0x80 | 20])],
        SECONDS * 2n ** 20n + 2n ** 18n,
        START + 250,
      ],
      [
        [w.option(14, offsetBytes(littleEndian, SECONDS))],
        1_500_000n,
        START + 1500,
      ],
      [
        [w.option(14, offsetBytes(littleEndian, -10n)), w.option(9, [3])],
        SECONDS * 1000n + 10_000n,
        START,
      ],
      // Options that nobody needs stand before it, one of odd length.
      [
        [w.option(2, [1, 2, 3]), w.option(9, [3]), w.option(0, [])],
        SECONDS * 1000n,
        START,
      ],
      // Behind the end of options nothing counts.
      [
        [w.option(0, []), w.option(9, [3])],
        SECONDS * 1_000_000n,
        START,
      ],
    ];
    for (const [options, stamp, time] of times) {
      const bytes = concat(
        w.section(),
        w.interface(101, ...options),
        w.packet(0, stamp, PACKET),
      );
      assertEquals(read([bytes]).seen.map((seen) => seen.time), [time]);
    }
  });

  Deno.test(`pcapng, ${order}: a scan beyond all dates can be written`, async () => {
    const centuries = [0, 127].map((resolution) => w.option(9, [resolution]));
    const past = w.option(14, offsetBytes(littleEndian, -(2n ** 63n)));
    for (const options of [[centuries[0]], [centuries[1], past]]) {
      const file = concat(
        w.section(),
        w.interface(101, ...options),
        ...SCAN_PORTS.map((destinationPort) =>
          w.packet(0, 2n ** 64n - 1n, ipv4(tcp({ destinationPort })))
        ),
      );
      const messages: unknown[] = [];
      for await (const report of findScans(file)) {
        messages.push(JSON.parse(formatJson(report, { utc: true })).message);
      }
      assertEquals(messages.length, 1);
      assertMatch(String(messages[0]), / @\d\d:\d\d:\d\d$/);
    }
  });

  Deno.test(`pcapng, ${order}: several interfaces, and what a packet says of its direction`, () => {
    const flags = (bits: number) => w.option(2, w.u32(bits));
    const bytes = concat(
      w.section(),
      w.interface(1),
      w.interface(101),
      w.packet(1, 0n, PACKET, flags(1)),
      w.packet(0, 0n, PACKET, flags(2)),
      w.packet(1, 0n, PACKET, flags(3)),
      w.packet(1, 0n, PACKET, w.option(1, [65]), flags(0xfffe)),
      w.packet(1, 0n, PACKET),
    );
    assertEquals(
      read([bytes]).seen.map((seen) => [seen.linkType, seen.direction]),
      [[101, 1], [1, 2], [101, 0], [101, 2], [101, 0]],
    );
  });

  Deno.test(`pcapng, ${order}: a block of 4 GiB is passed over, not held`, () => {
    const head = concat(w.section(), w.u32(0x0bad0bad), w.u32(0xfffffffc));
    const { seen, error } = read([head, new Uint8Array(1000)]);
    assertEquals(seen, []);
    assertEquals(error?.offset, head.length + 1000);

    const packet = concat(w.section(), w.u32(6), w.u32(0xfffffffc));
    assertEquals(
      read([packet]).error?.message.startsWith(
        "a block of a packet or an interface claims 4294967292 bytes",
      ),
      true,
    );
  });

  Deno.test(`pcapng, ${order}: damage is told with its place`, () => {
    const good = concat(w.section(), w.interface(101), packetAt(0));
    const damages: [string, Bytes, string, number][] = [
      [
        "no such interface",
        w.packet(1, 0n, PACKET),
        "a packet names interface 1",
        0,
      ],
      [
        "a block of 8 bytes",
        concat(w.u32(5), w.u32(8)),
        "a block claims 8 bytes",
        4,
      ],
      [
        "a block of 13 bytes",
        concat(w.u32(5), w.u32(13)),
        "a block claims 13 bytes",
        4,
      ],
      [
        "another length at the end",
        concat(unknown.slice(0, -4), w.u32(4)),
        "a block of 92 bytes claims 4 bytes at its end",
        88,
      ],
      [
        "too short for a packet",
        w.block(6, w.u32(0)),
        "a block is too short",
        0,
      ],
      [
        "a packet longer than its block",
        w.block(6, w.u32(0), new Uint8Array(8), w.u32(99), w.u32(99)),
        "a block is too short",
        28,
      ],
    ];
    for (const [name, bytes, message, offset] of damages) {
      const { seen, error } = read([concat(good, bytes)]);
      assertEquals(seen.length, 1, name);
      assertEquals(error?.message.slice(0, message.length), message);
      assertEquals(error?.offset, good.length + offset, name);
    }
    const wifi = read([concat(w.section(), w.interface(105), packetAt(0))]);
    assertEquals(
      wifi.error?.message,
      "link type 105 (IEEE802_11) is not supported, and no packet is of another one",
    );
  });

  Deno.test(`pcapng, ${order}: packets of interfaces that are not supported are passed over and counted`, () => {
    const bytes = concat(
      w.section(),
      w.interface(105),
      w.interface(101),
      ...[0, 1, 0, 1, 0].map((i) => w.packet(i, 0n, PACKET)),
      w.section(),
      w.interface(127),
      ...[0, 0, 0, 0].map((i) => w.packet(i, 0n, PACKET)),
    );
    const { seen, error, reader } = read([bytes]);
    assertEquals([seen.map(({ linkType }) => linkType), error], [
      [101, 101],
      undefined,
    ]);
    assertEquals(reader.skipped.total, 7);
    assertEquals(
      reader.skipped.commonest(),
      { name: "link type 127 (IEEE802_11_RADIOTAP)", packets: 4 },
    );
  });

  Deno.test(`pcapng, ${order}: what a packet had before it was cut`, () => {
    const lengths: number[][] = [];
    const reader = new SavefileReader(({ length, originalLength }) =>
      lengths.push([length, originalLength])
    );
    const cut = w.packet(0, 0n, PACKET.slice(0, 8));
    cut.set(w.u32(1500), 24);
    const whole = w.packet(0, 0n, PACKET);
    reader.push(concat(w.section(), w.interface(101), cut, whole));
    reader.end();
    assertEquals(lengths, [[8, 1500], [40, 40]]);
  });
}

/** if_tsoffset is a signed 64-bit number in the section's byte order. */
function offsetBytes(littleEndian: boolean, seconds: bigint): Bytes {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, seconds, littleEndian);
  return new Uint8Array(view.buffer);
}

Deno.test("pcapng: a section may have another byte order than the one before", () => {
  const [little, big] = [new PcapngWriter(true), new PcapngWriter(false)];
  const section = (w: PcapngWriter) =>
    concat(w.section(), w.interface(101), w.packet(0, 0n, PACKET));
  const file = concat(section(little), section(big), section(little));
  const { seen, error } = read([file]);
  assertEquals([seen.length, error], [3, undefined]);
});

// All formats

/** A scan, in every format. */
const SCAN_FILES: readonly [name: string, Bytes][] = [
  ...FILE_KINDS.map((kind): [string, Bytes] => [
    `pcap, ${nameOf(kind)}`,
    scanFile(SCAN_PORTS, kind),
  ]),
  ...[true, false].map((littleEndian): [string, Bytes] => {
    const w = new PcapngWriter(littleEndian);
    const packets = SCAN_PORTS.map((destinationPort, i) =>
      w.packet(
        0,
        SECONDS * 1_000_000n + BigInt(i) * 10_000n,
        ipv4(tcp({ destinationPort })),
      )
    );
    const order = littleEndian ? "little" : "big";
    return [
      `pcapng, ${order}-endian`,
      concat(w.section(), w.interface(101), ...packets),
    ];
  }),
];

for (const [name, file] of SCAN_FILES) {
  Deno.test(`${name}: a scan is found`, async () => {
    const lines: string[] = [];
    for await (const report of findScans(file)) {
      lines.push(formatReport(report, { utc: true }));
    }
    assertEquals(lines, [SCAN_LINE]);
  });

  Deno.test(`${name}: a damaged file gives the scans before the damage, then the error`, async () => {
    const damaged = concat(file, [1, 2, 3]);
    const scans = findScans(damaged);
    assertEquals((await scans.next()).done, false);
    const error = await scans.next().catch((error) => error);
    assertInstanceOf(error, CaptureFileError);
    assertEquals([error.offset, error.had], [file.length, 3]);
  });

  Deno.test(`${name}: 15,000 mutations are read as far as sound, or refused`, () =>
    withRunSeed((random) => {
      let refused = 0;
      for (let i = 0; i < 15_000; i++) {
        const mutant = file.slice();
        for (let n = 1 + below(random, 4); n > 0; n--) {
          // Headers decide more than what packets hold: hit them more often.
          const limit = below(random, 2) === 0 ? 128 : mutant.length;
          mutant[below(random, limit)] = random();
        }
        const { seen, error } = read([mutant]);
        assertLessOrEqual(seen.length, mutant.length / 12);
        if (error !== undefined) {
          refused++;
          assertLessOrEqual(error.offset, mutant.length);
        }
      }
      assert(refused > 0 && refused < 15_000, `${refused} of 15,000 refused`);
    }));
}

Deno.test("bytes that are no capture file are refused, whatever they are", () => {
  const random = seeded(7);
  for (let i = 0; i < 300; i++) {
    const bytes = Uint8Array.from({ length: 4 + below(random, 100) }, random);
    bytes[0] = 0x42; // no format begins so
    const { seen, error } = read([bytes]);
    assertEquals([seen.length, error?.offset], [0, 0]);
  }
});

/** Text with bytes beyond ASCII, as bytes. */
function latin(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The first record of an ERF file: Ethernet, 64 bytes, in 2026. */
const ERF = concat(
  [0, 0, 0, 0x80, 0x00, 0xb9, 0x55, 0x69],
  [2, 4, 0, 80, 0, 0, 0, 64],
  new Uint8Array(64),
);

Deno.test("other formats are named, whatever the chunks", () => {
  const formats: [Bytes, string][] = [
    [latin("snoop\0\0\0\0\0\0\x02\0\0\0\x04"), "a snoop file"],
    [latin("\xa1\xb2\xcd\x34\0\x02\0\x04\0\0\0\0"), "a modified pcap file"],
    [latin("PK\x03\x04 and what follows"), "a zip archive"],
    [latin("\xfd7zXZ\0 and what follows"), "packed with xz"],
    [latin("\x28\xb5\x2f\xfd and what follows"), "packed with zstd"],
    [latin("BZh91AY&SY and what follows"), "packed with bzip2"],
    [latin("GMBU and what follows"), "Microsoft Network Monitor"],
    [ERF, "an ERF file"],
  ];
  for (const [bytes, name] of formats) {
    for (const size of [1, 3, 5, bytes.length]) {
      const chunks = [];
      for (let at = 0; at < bytes.length; at += size) {
        chunks.push(bytes.slice(at, at + size));
      }
      const { seen, error } = read(chunks);
      assertEquals([seen.length, error?.offset], [0, 0]);
      assert(error?.message.includes(name), `${error?.message}`);
    }
  }
  // Too little to name, enough to refuse.
  assertEquals(
    read([latin("MZ\x90\0")]).error?.message.slice(0, 43),
    "not a capture file: it starts with 4d5a9000",
  );
});

Deno.test("Nokia's records are told from those of pcap with impossible times", () => {
  for (const kind of FILE_KINDS) {
    const { littleEndian } = kind;
    const record = { seconds: START / 1000, fraction: 500, bytes: PACKET };
    const plain = pcap(kind, [record, record, record]);
    const size = RECORD_HEADER + PACKET.length;
    const nokia = [0, 1, 2].flatMap((i) => {
      const at = FILE_HEADER + i * size;
      const header = plain.subarray(at, at + RECORD_HEADER);
      return [header, new Uint8Array(4), PACKET];
    });
    const file = concat(plain.subarray(0, FILE_HEADER), ...nokia);
    const { error } = read([file]);
    assert(error?.message.includes("of Nokia"), `${error?.message}`);
    // A fraction of a second and more alone is no reason.
    const odd = plain.slice();
    new DataView(odd.buffer).setUint32(
      FILE_HEADER + size + 4,
      3_000_000_000,
      littleEndian,
    );
    assertEquals(read([odd]).error, undefined);
  }
});

Deno.test("small steps back are taken for the time before, large ones are steps", () => {
  for (const smallStep of [undefined, 10]) {
    const limit = smallStep ?? 1000;
    const times = [0, -1, 5, 5 - limit + 1, 6, 6 - limit, 7 - limit, 2000];
    const records = times.map((ms) => ({
      seconds: START / 1000 + Math.floor(ms / 1000),
      fraction: (ms - Math.floor(ms / 1000) * 1000) * 1000,
      bytes: PACKET,
    }));
    const seen: [number, number][] = [];
    const reader = new SavefileReader(
      ({ time, wallTime }) => seen.push([time - START, wallTime - START]),
      { smallStep },
    );
    reader.push(pcap(FILE_KINDS[0], records));
    reader.end();
    const expected = [0, 0, 5, 5, 6, 6 - limit, 7 - limit, 2000];
    assertEquals(seen, times.map((time, i) => [expected[i], time]));
  }
});
