import { IgnoreRules } from "../../../detect/probe/ignore_rules.ts";
import { AddressSet, Detector, Segment } from "../../../mod.ts";
import { parseAddress } from "../../../library/packet.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { below, pick, seeded } from "../../random.ts";

const TCP = 6;
const UDP = 17;
const SCTP = 132;
const GRE = 47;

function has(
  rules: IgnoreRules,
  source: string,
  protocol: number,
  port: number,
): boolean {
  return rules.has(...parseAddress(source).words, protocol, port);
}

const CASES: [
  sources: string[],
  ports: string[],
  ignored: [string, number, number][],
  counted: [string, number, number][],
][] = [
  [[], [], [], [["192.0.2.1", TCP, 22]]],
  [
    ["192.0.2.0/24"],
    [],
    [["192.0.2.1", TCP, 22], ["192.0.2.255", UDP, 0], ["192.0.2.1", GRE, GRE]],
    [["192.0.3.1", TCP, 22], ["2001:db8::1", TCP, 22]],
  ],
  [
    ["2001:db8::/32=53+udp/123+6000-6100"],
    [],
    [
      ["2001:db8::1", TCP, 53],
      ["2001:db8::1", UDP, 53],
      ["2001:db8::1", SCTP, 53],
      ["2001:db8::1", UDP, 123],
      ["2001:db8::1", TCP, 6000],
      ["2001:db8::1", TCP, 6100],
    ],
    [
      ["2001:db8::1", TCP, 123],
      ["2001:db8::1", TCP, 5999],
      ["2001:db8::1", TCP, 6101],
      ["2001:db9::1", TCP, 53],
      ["2001:db8::1", 53, 53],
    ],
  ],
  [
    ["10.0.0.0/8=tcp/22", "10.1.0.0/16=tcp/23"],
    ["ip/47", "sctp/0-65535"],
    [
      ["10.1.0.1", TCP, 22],
      ["10.1.0.1", TCP, 23],
      ["192.0.2.1", GRE, GRE],
      ["192.0.2.1", SCTP, 9],
    ],
    [["10.2.0.1", TCP, 23], ["192.0.2.1", TCP, 47], ["192.0.2.1", 50, 50]],
  ],
];

for (const [sources, ports, ignored, counted] of CASES) {
  Deno.test(`${sources.join(", ")} and ports ${ports.join(", ")}`, () => {
    const rules = IgnoreRules.from(sources, ports);
    for (const probe of ignored) assert(has(rules, ...probe), probe.join());
    for (const probe of counted) assert(!has(rules, ...probe), probe.join());
  });
}

for (
  const text of [
    ...[
      "",
      "=",
      "10.0.0.1=",
      "10.0.0.1=0x35",
      "10.0.0.1=65536",
      "10.0.0.1=9-8",
    ],
    ...["10.0.0.1=icmp/8", "10.0.0.1=53+", "10.0.0.1=constructor/1", "=53"],
    ...["10.0.0.1=53=54", "10.0.0.0/33=53", "10.0.0.1=-53", "10.0.0.1=tcp/"],
  ]
) {
  Deno.test(`"${text}" is no rule`, () => {
    assertThrows(() => IgnoreRules.from([text]), Error, "Cannot read ");
  });
}

Deno.test("rules agree with asking one after the other", () => {
  const random = seeded(15);
  const ports = ["22", "udp/53", "1000-2000+ip/89", "tcp/1-1023"];
  const texts = Array.from({ length: 500 }, () => {
    const network = `10.${below(random, 4)}.${below(random, 256)}.0/${
      pick(random, [16, 22, 24])
    }`;
    return below(random, 2) === 0
      ? network
      : `${network}=${pick(random, ports)}`;
  });
  const rules = IgnoreRules.from(texts);
  const each = texts.map((text) => IgnoreRules.from([text]));
  for (let i = 0; i < 20_000; i++) {
    const source = `10.${below(random, 5)}.${below(random, 256)}.1`;
    const protocol = pick(random, [TCP, UDP, SCTP, 89]);
    const port = pick(random, [22, 53, 89, 1500, 700, 9000]);
    assertEquals(
      has(rules, source, protocol, port),
      each.some((rule) => has(rule, source, protocol, port)),
      `${source} ${protocol} ${port}`,
    );
  }
});

/** The scans that a detector finds of a source, at ports from 1 on. */
function scansOf(ignore: AddressSet | IgnoreRules, ports: number): number {
  let found = 0;
  const detector = new Detector(() => found++, { ignore, classic: true });
  for (let port = 1; port <= ports; port++) {
    detector.segment(Segment.from({
      source: "192.0.2.1",
      destination: "198.51.100.2",
      sourcePort: 40_000,
      destinationPort: port,
      flags: 2,
      time: 1000 + port,
    }));
  }
  return found;
}

Deno.test("a detector takes rules, and a set of addresses", () => {
  assertEquals(scansOf(new IgnoreRules(), 50), 1);
  assertEquals(scansOf(IgnoreRules.from(["192.0.2.0/24"]), 50), 0);
  assertEquals(scansOf(AddressSet.from(["192.0.2.0/24"]), 50), 0);
  assertEquals(scansOf(IgnoreRules.from(["192.0.2.0/24=1-45"]), 50), 0);
  assertEquals(scansOf(IgnoreRules.from(["192.0.2.0/24=1-45"]), 60), 1);
  assertEquals(scansOf(IgnoreRules.from([], ["1-60"]), 60), 0);
});

Deno.test("rules are replaced in one step, while a detector runs", () => {
  const ignore = IgnoreRules.from(["192.0.2.1"]);
  assertEquals(scansOf(ignore, 50), 0);
  ignore.assign(IgnoreRules.from(["192.0.2.2"]));
  assertEquals(scansOf(ignore, 50), 1);
  ignore.assign(new IgnoreRules());
  assertEquals(scansOf(ignore, 50), 1);
});

Deno.test("what is no list of texts is refused by name", () => {
  const wrong: [unknown, unknown, string][] = [
    [null, [], "sources must be an array of texts, got null"],
    [undefined, [], "sources must be an array of texts, got undefined"],
    [5, [], "sources must be an array of texts, got 5"],
    ["192.0.2.1", [], 'sources must be an array of texts, got "192.0.2.1"'],
    [[null], [], "sources must be texts, got null among them"],
    [[7], [], "sources must be texts, got 7 among them"],
    [[], null, "ports must be an array of texts, got null"],
    [[], "22", 'ports must be an array of texts, got "22"'],
    [[], [22], "ports must be texts, got 22 among them"],
  ];
  for (const [sources, ports, message] of wrong) {
    assertThrows(
      () => IgnoreRules.from(sources as string[], ports as string[]),
      TypeError,
      `Cannot make rules: ${message}`,
    );
  }
});
