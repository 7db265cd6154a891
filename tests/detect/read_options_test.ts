/** What a caller hands over is refused at once, by its name. */

import {
  AddressSet,
  Detector,
  type DetectorOptions,
  IgnoreRules,
  Segment,
} from "../../mod.ts";
import { parseNetwork, TCP_SYN } from "../../library/packet.ts";
import { SavefileReader } from "../../library/savefile.ts";
import { KNOBS } from "../../detect/settings.ts";
import { OPTION_NAMES, readOptions } from "../../detect/read_options.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { START } from "../packets.ts";

const PROBE = {
  source: "192.0.2.1",
  destination: "192.0.2.2",
  sourcePort: 40_000,
  destinationPort: 22,
  flags: TCP_SYN,
  time: START,
};

/** What callers without types write, and what they are told. */
const REFUSED: readonly [unknown, new () => Error, string][] = [
  [null, TypeError, "they must be an object, got null"],
  ["minPorts", TypeError, 'they must be an object, got "minPorts"'],
  [{ minPort: 3 }, TypeError, "Cannot set minPort: there is no such option; "],
  [{ minPorts: "3" }, TypeError, 'an integer from 2 to 100, got "3"'],
  [{ minPorts: null }, TypeError, "an integer from 2 to 100, got null"],
  [{ minPorts: 1e99 }, RangeError, "an integer from 2 to 100, got 1e+99"],
  [{ classic: "yes" }, TypeError, "classic: it must be true or false"],
  [{ promiscuous: 1 }, TypeError, "promiscuous: it must be true or false"],
  [{ fromFile: null }, TypeError, "fromFile: it must be true or false"],
  [{ ends: 0 }, TypeError, "Cannot set ends: it must be true or false, got 0"],
  [{ local: 7 }, TypeError, "Cannot set local: it must be an AddressSet, or"],
  [{ home: {} }, TypeError, "Cannot set home: it must be an AddressSet, or"],
  [{ onLink: true }, TypeError, "Cannot set onLink: it must be an AddressSet"],
  [{ ignore: 1 }, TypeError, "Cannot set ignore: it must be IgnoreRules, an"],
  [{ ignore: [7] }, TypeError, "ignore: each must be a text, got 7"],
  [{ random: 4 }, TypeError, "Cannot set random: it must be a function, got 4"],
  [{ portMemory: {} }, TypeError, "portMemory: it must be a PortMemory"],
  [
    { home: "192.0.2.0/24, 10.0.0" },
    SyntaxError,
    'Cannot set home: cannot read address: "10.0.0" is neither IPv4 nor IPv6',
  ],
  [{ local: ["192.0.2.1/33"] }, RangeError, "Cannot set local: cannot read"],
  [{ ignore: "192.0.2.1=x" }, SyntaxError, "Cannot set ignore: cannot read"],
];

Deno.test("wrong options are refused by their name, at the call", () => {
  for (const [options, kind, message] of REFUSED) {
    const error = assertThrows(
      () => new Detector(() => {}, options as DetectorOptions),
      kind,
      message,
    );
    assertEquals(error.constructor, kind, message);
  }
});

Deno.test("an unknown option is answered with the known ones", () => {
  const error = assertThrows(
    () => new Detector(() => {}, { window: 3 } as DetectorOptions),
    TypeError,
  );
  for (const name of OPTION_NAMES) assert(error.message.includes(name), name);
  assert(OPTION_NAMES.length > Object.keys(KNOBS).length);
});

Deno.test("networks are sets, texts, and texts with commas", () => {
  const forms = [
    "192.0.2.0/24, 2001:db8::1",
    ["192.0.2.0/24", "2001:db8::1"],
    new Set([" 192.0.2.0/24", "2001:db8::1 "]),
    AddressSet.from(["192.0.2.0/24", "2001:db8::1"]),
  ];
  for (const form of forms) {
    const { home, local, onLink, ignore } = readOptions({
      home: form,
      local: form,
      onLink: form,
      ignore: form,
    });
    for (const set of [home, local, onLink]) assertEquals(set?.size, 2);
    assertEquals(ignore?.has(0, 0, 0xffff, 0xc0000207 | 0, 6, 22), true);
    assertEquals(ignore?.has(0, 0, 0xffff, 0xc0000307 | 0, 6, 22), false);
  }
  const { ignore } = readOptions({ ignore: "192.0.2.0/24=53+udp/123" });
  assertEquals(ignore?.has(0, 0, 0xffff, 0xc0000207 | 0, 6, 53), true);
  assertEquals(ignore?.has(0, 0, 0xffff, 0xc0000207 | 0, 6, 22), false);
  const rules = IgnoreRules.from(["192.0.2.1"]);
  assertEquals(readOptions({ ignore: rules }).ignore, rules);
});

/** Longer than any answer is waited for, in milliseconds. */
const PAUSE_MS = 4000;

/** Scans that complete one after another, each of another source. */
function scan(detector: Detector, source: number, time: number): void {
  for (const destinationPort of [21, 22, 23, 25, 53, 80, 110]) {
    detector.segment(Segment.from({
      source: `192.0.2.${source}`,
      destination: "198.51.100.2",
      // Else they look like decoys, which are reported as one.
      sourcePort: 40_000 + source,
      sequence: source,
      destinationPort,
      flags: TCP_SYN,
      time,
    }));
  }
}

for (const classic of [true, false]) {
  Deno.test(`the flood limit changes while a detector runs (classic: ${classic})`, () => {
    const told: string[] = [];
    const detector = new Detector(
      (report) => told.push(report.type),
      { logBurst: 1, logDelay: 3_600_000, classic },
    );
    let time = START;
    const next = (source: number) => {
      scan(detector, source, time);
      time += PAUSE_MS;
      detector.advance(time);
    };
    for (let i = 1; i <= 3; i++) next(i);
    assertEquals(told, ["scan", "flood"]);
    assertThrows(
      () => detector.reconfigure({ logBurst: 9, logDelay: 0 }),
      RangeError,
      "Cannot set logDelay",
    );
    next(4);
    assertEquals(told.length, 2);
    detector.reconfigure({ logBurst: 0 });
    for (let i = 5; i <= 9; i++) next(i);
    assertEquals(told.slice(2), new Array(5).fill("scan"));
  });
}

/** Calls of callers without types, and what they are told. */
const REFUSED_CALLS: readonly [() => unknown, new () => Error, string][] = [
  [
    () => new Detector("x" as unknown as () => void),
    TypeError,
    'what takes its reports must be a function, got "x"',
  ],
  [
    () => new SavefileReader(undefined as unknown as () => void),
    TypeError,
    "what takes its packets must be a function, got undefined",
  ],
  [
    () => new Detector(() => {}).reconfigure({ logburst: 5 } as object),
    TypeError,
    "Cannot set logburst: there is no such option; there are logBurst, logDelay",
  ],
  [
    () => Segment.from({ ...PROBE, source: undefined as unknown as string }),
    TypeError,
    "Cannot read address: it must be a text, got undefined",
  ],
  [
    () => parseNetwork(7 as unknown as string),
    TypeError,
    "Cannot read network: it must be a text, got 7",
  ],
  [
    () => Segment.from({ ...PROBE, time: NaN }),
    RangeError,
    "Cannot make a segment: time must be a number of milliseconds, got NaN",
  ],
  [
    () => Segment.from({ ...PROBE, direction: 3 as 2 }),
    RangeError,
    "Cannot make a segment: direction must be an integer from 0 to 2, got 3",
  ],
];

Deno.test("calls that could not work are refused at once", () => {
  for (const [call, kind, message] of REFUSED_CALLS) {
    const error = assertThrows(call, kind, message);
    assertEquals(error.constructor, kind, message);
  }
});
