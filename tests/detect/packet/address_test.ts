import fc from "fast-check";
import {
  AddressSet,
  type AddressWords,
  formatAddress,
  parseAddress,
  parseNetwork,
  prefixMask,
} from "../../../detect/packet/address.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { below, seeded } from "../../random.ts";

const word = () => fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Words with many zero groups, so that `::` is exercised. */
const sparseWord = () =>
  fc.oneof(fc.constantFrom(0, 1, 0xffff, -1, 0x10000, 0x0fff0000), word());
const words = () =>
  fc.tuple(sparseWord(), sparseWord(), sparseWord(), sparseWord());

function canonical(text: string): string {
  return formatAddress(...parseAddress(text).words);
}

Deno.test("parseAddress() reads what formatAddress() wrote", () => {
  fc.assert(
    fc.property(words(), (address) => {
      assertEquals([...parseAddress(formatAddress(...address)).words], address);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseAddress() reads every IPv4 address as itself", () => {
  fc.assert(fc.property(word(), (w3) => {
    const text = formatAddress(0, 0, 0xffff, w3);
    assertEquals(text.split(".").length, 4);
    const { words: read, bits } = parseAddress(text);
    assertEquals([[...read], bits], [[0, 0, 0xffff, w3], 32]);
  }));
});

Deno.test("formatAddress() agrees with the runtime's own parser of URLs", () => {
  fc.assert(
    fc.property(words(), ([w0, w1, w2, w3]) => {
      fc.pre(w0 !== 0 || w1 !== 0 || w2 !== 0xffff); // the URL parser keeps hex
      const groups = [w0, w1, w2, w3].flatMap((w) => [w >>> 16, w & 0xffff]);
      const long = groups.map((group) => group.toString(16).padStart(4, "0"));
      const { hostname } = new URL(`http://[${long.join(":")}]/`);
      assertEquals(`[${formatAddress(w0, w1, w2, w3)}]`, hostname);
    }),
    { numRuns: 2000 },
  );
});

const RFC5952: readonly [text: string, canonical: string, section: string][] = [
  ["2001:0db8::0001", "2001:db8::1", "4.1 leading zeros"],
  ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1", "4.2.1 as short as possible"],
  ["2001:db8:0:0:0:0:0:0", "2001:db8::", "4.2.1 at the end"],
  ["0:0:0:0:0:0:0:1", "::1", "4.2.1 at the beginning"],
  ["0:0:0:0:0:0:0:0", "::", "4.2.1 everything"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "4.2.2 not one group alone"],
  ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "4.2.2 not one group alone"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1", "4.2.3 the longest run"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "4.2.3 the first of two"],
  ["2001:DB8::AbCd", "2001:db8::abcd", "4.3 lower case"],
  ["::ffff:192.0.2.1", "192.0.2.1", "IPv4-mapped as IPv4"],
  ["::FFFF:c000:201", "192.0.2.1", "IPv4-mapped as IPv4"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221", "other embedded IPv4 as hex"],
];

for (const [text, expected, section] of RFC5952) {
  Deno.test(`RFC 5952, ${section}: ${text} is ${expected}`, () => {
    assertEquals(canonical(text), expected);
  });
}

Deno.test("parseAddress() reads the edges of every field", () => {
  assertEquals(canonical("0.0.0.0"), "0.0.0.0");
  assertEquals(canonical("255.255.255.255"), "255.255.255.255");
  assertEquals(canonical("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
  assertEquals(canonical("::2:3:4:5:6:7:8"), "0:2:3:4:5:6:7:8");
  assertEquals(
    canonical("1:2:3:4:5:6:255.255.0.1"),
    "1:2:3:4:5:6:ffff:1",
  );
  const all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  assertEquals([...parseAddress(all).words], [-1, -1, -1, -1]);
  assertEquals(parseAddress(all).bits, 128);
});

const NO_ADDRESSES = [
  ...["", " ", "localhost", "....", "1", "1.2.3", "1.2.3.4.5", "1..2.3"],
  ...["1.2.3.", ".1.2.3", "1.2.3.256", "1.2.3.1000", "1.2.3.-4", "1.2.3.+4"],
  ...["01.2.3.4", "1.2.3.04", "00.0.0.0", "1.2.3.000"],
  ...["0x1.2.3.4", "1e1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n"],
  ...["1.2.3.4/24", "1.2.3.٤", "١.٢.٣.٤", "\u00001.2.3.4"],
  ...[":", ":::", "::::", "1:::2", "1::2::3", ":1:2:3:4:5:6:7:8", "1:", ":1"],
  ...[
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4::5:6:7:8",
  ],
  ...["::1:2:3:4:5:6:7:8", "12345::", "::g", "::-1", "::0x1", ":: 1", "::1 "],
  ...["::1.2.3", "::1.2.3.256", "::01.2.3.4", "1.2.3.4::", "::1.2.3.4:5"],
  ...["1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0", "[::1]", "::1/64", "::1\n"],
];

for (const text of NO_ADDRESSES) {
  Deno.test(`parseAddress() refuses ${JSON.stringify(text)}`, () => {
    const error = assertThrows(() => parseAddress(text), SyntaxError);
    assertEquals(
      error.message,
      `Cannot read address: "${text}" is neither IPv4 nor IPv6`,
    );
  });
}

Deno.test("parseAddress() throws nothing but SyntaxError, whatever the text", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(..."0129afAF:.x%/ ") }),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        // What is read is what it says: written and read again it is the same.
        const { words: read } = parseAddress(given);
        assertEquals(parseAddress(formatAddress(...read)).words, read);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("parseNetwork() clears the bits behind the prefix", () => {
  const cases: [text: string, first: string, prefix: number][] = [
    ["192.0.2.77/24", "192.0.2.0", 120],
    ["192.0.2.77", "192.0.2.77", 128],
    ["192.0.2.77/32", "192.0.2.77", 128],
    ["255.255.255.255/1", "128.0.0.0", 97],
    ["255.255.255.255/0", "0.0.0.0", 96],
    ["2001:db8:ffff::1/33", "2001:db8:8000::", 33],
    ["2001:db8::1", "2001:db8::1", 128],
    ["ffff::/0", "::", 0],
    ["2001:db8:1:2:ffff::/64", "2001:db8:1:2::", 64],
  ];
  for (const [text, first, prefix] of cases) {
    const network = parseNetwork(text);
    assertEquals(
      [formatAddress(...network.words), network.prefix],
      [first, prefix],
    );
  }
});

Deno.test("parseNetwork() refuses a prefix that is longer than its address", () => {
  const error = assertThrows(() => parseNetwork("192.0.2.0/33"), RangeError);
  assertEquals(
    error.message,
    'Cannot read network: the prefix length of "192.0.2.0/33" must be from 0 to 32',
  );
  assertThrows(() => parseNetwork("::/129"), RangeError, "from 0 to 128");
});

for (
  const text of [
    "/24",
    "1.2.3.4/",
    "1.2.3.4/ 8",
    "1.2.3.4/8/8",
    "::/-1",
    "::/1e1",
    "1.2.3.4/0x8",
    "",
    "/",
  ]
) {
  Deno.test(`parseNetwork() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(() => parseNetwork(text), SyntaxError, "Cannot read");
  });
}

Deno.test("prefixMask() sets exactly the leading bits", () => {
  for (let prefix = 0; prefix <= 128; prefix++) {
    const bits = prefixMask(prefix)
      .map((w) => (w >>> 0).toString(2).padStart(32, "0")).join("");
    assertEquals(bits, "1".repeat(prefix) + "0".repeat(128 - prefix));
  }
});

Deno.test("AddressSet holds what was added, and nothing else", () => {
  fc.assert(
    fc.property(
      fc.array(words(), { maxLength: 200 }),
      fc.array(words(), { maxLength: 50 }),
      (members, others) => {
        const set = new AddressSet();
        const texts = new Set<string>();
        for (const member of members) {
          set.add({ words: member, prefix: 128 });
          texts.add(member.join());
          assertEquals(set.size, texts.size);
        }
        for (const member of members) assert(set.has(...member));
        for (const other of others) {
          assertEquals(set.has(...other), texts.has(other.join()));
        }
      },
    ),
  );
});

Deno.test("AddressSet takes no single text for a list of networks", () => {
  for (const texts of ["10.0.0.0/8", null, 7, [7]]) {
    assertThrows(
      () => AddressSet.from(texts as Iterable<string>),
      TypeError,
      "Cannot make a set: networks must be",
    );
  }
});

Deno.test("AddressSet holds a network from its first to its last address", () => {
  const cases: [network: string, inside: string[], outside: string[]][] = [
    [
      "192.0.2.0/24",
      ["192.0.2.0", "192.0.2.255"],
      ["192.0.1.255", "192.0.3.0", "::c000:201"],
    ],
    ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1:0:0"]],
    [
      "128.0.0.0/1",
      ["128.0.0.0", "255.255.255.255"],
      ["127.255.255.255"],
    ],
    [
      "2001:db8::/33",
      ["2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"],
      ["2001:db8:8000::", "2001:db7:ffff::"],
    ],
    ["fe80::/10", ["fe80::", "febf:ffff::1"], ["fec0::", "fe7f::1"]],
    [
      "2001:db8::fffe/127",
      ["2001:db8::fffe", "2001:db8::ffff"],
      ["2001:db8::fffd", "2001:db8::1:0"],
    ],
  ];
  for (const [network, inside, outside] of cases) {
    const set = AddressSet.from([network, "203.0.113.9"]);
    for (const text of inside) {
      assert(set.has(...parseAddress(text).words), `${text} in ${network}`);
    }
    for (const text of outside) {
      assert(!set.has(...parseAddress(text).words), `${text} in ${network}`);
    }
    assert(set.has(...parseAddress("203.0.113.9").words));
  }
});

Deno.test("AddressSet keeps thousands of addresses while it grows", () => {
  const random = seeded(2);
  const set = new AddressSet();
  const members: AddressWords[] = Array.from(
    { length: 10_000 },
    // Neighbours, as a subnet's hosts are: the worst for a simple hash.
    (_, i) => [0x20010db8, below(random, 4), 0, i],
  );
  for (const member of members) set.add({ words: member, prefix: 128 });
  assertEquals(set.size, 10_000);
  assert(members.every((member) => set.has(...member)));
  assert(!set.has(0x20010db8, 0, 0, 10_000));
});

Deno.test("AddressSet.assign() takes over hosts and networks", () => {
  const set = AddressSet.from(["192.0.2.1", "10.0.0.0/8"]);
  set.assign(AddressSet.from(["192.0.2.2", "172.16.0.0/12"]));
  const has = (text: string) => set.has(...parseAddress(text).words);
  assertEquals(
    ["192.0.2.1", "10.1.1.1", "192.0.2.2", "172.31.0.1"].map(has),
    [false, false, true, true],
  );
  assertEquals(set.size, 2);
});

Deno.test("an empty AddressSet holds nothing, not even address zero", () => {
  assert(!new AddressSet().has(0, 0, 0, 0));
  assertEquals(new AddressSet().size, 0);
});
