/**
 * What passes the kernel's filter, ours and the one that libpcap makes of our
 * expressions: each packet as one that comes and as one that this host sends.
 */

import { kernelFilter } from "../../capture/filter.ts";
import {
  EXTENDED_SNAP_LENGTH,
  SNAP_LENGTH,
} from "../../capture/header_fields.ts";
import {
  answerFilter,
  datagramFilter,
  headerFilter,
  ipv4AnswerFilter,
  ipv4SctpFilter,
} from "../../capture/filter_expression.ts";
import type { PackedProgram } from "../../ffi/bpf.ts";
import { compileFilter, libpcap } from "../../ffi/libpcap.ts";
import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "../../ffi/linux.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import {
  ACK,
  ETH_P_ARP,
  filter,
  FIN,
  PACKET_HOST,
  PSH,
  RST,
  SOCK_FILTER,
  SYN,
} from "../bpf.ts";
import { liveTest } from "../live/require.ts";
import {
  authentication,
  type Bytes,
  concat,
  extension,
  fragmentHeader,
  icmpUnreachable,
  ipv4,
  ipv6,
  NEXT_AUTHENTICATION,
  NEXT_DESTINATION_OPTIONS,
  NEXT_FRAGMENT,
  NEXT_HOP_BY_HOP,
  NEXT_ICMPV6,
  NEXT_ROUTING,
  NEXT_SCTP,
  NEXT_TCP,
  NEXT_UDP,
  sctp,
  tcp,
  udp,
} from "../packets.ts";

const PACKET_MULTICAST = 2; // linux/if_packet.h

/** When a packet passes. */
interface Passage {
  /** As one that comes, with evidence. */
  in: boolean;
  /** As one that this host sends, with evidence. */
  out: boolean;
  /** As one that comes, by the classic rule alone. */
  classic: boolean;
}

interface Case extends Passage {
  name: string;
  bytes: Bytes;
  etherType: number;
}

const NEVER: Passage = { in: false, out: false, classic: false };
const IN: Passage = { in: true, out: false, classic: true };
const ALWAYS: Passage = { in: true, out: true, classic: true };
const IN_AS_EVIDENCE: Passage = { in: true, out: false, classic: false };
const OUT: Passage = { in: false, out: true, classic: false };

/** A packet over both versions of IP. */
function both(
  name: string,
  passage: Passage,
  payload: Bytes,
  protocol: number,
  nextHeader = protocol,
): Case[] {
  const options = new Uint8Array(40).fill(1);
  return [
    [`${name}, IPv4`, ipv4(payload, { protocol }), ETH_P_IP] as const,
    [
      `${name}, IPv4 with options`,
      ipv4(payload, { protocol, options }),
      ETH_P_IP,
    ] as const,
    [
      `${name}, IPv6`,
      ipv6(payload, { next: nextHeader }),
      ETH_P_IPV6,
    ] as const,
  ].map(([name, bytes, etherType]) => ({ name, bytes, etherType, ...passage }));
}

function segments(): Case[] {
  const flags: [string, number, Passage][] = [
    ["ACK", ACK, NEVER],
    ["PSH and ACK", PSH | ACK, NEVER],
    ["no flags", 0, IN],
    ["SYN", SYN, ALWAYS],
    ["FIN", FIN, ALWAYS],
    ["FIN, PSH and ACK", FIN | PSH | ACK, ALWAYS],
    ["FIN and ACK", FIN | ACK, ALWAYS],
    ["all but RST", 0xfb, ALWAYS],
    ["all but SYN", 0xfd, ALWAYS],
    ["SYN and ACK", SYN | ACK, ALWAYS],
    ["SYN, ACK and ECE", SYN | ACK | 0x40, ALWAYS],
    ["RST", RST, ALWAYS],
    ["RST and ACK", RST | ACK, IN],
  ];
  return flags.flatMap(([name, flags, passage]) =>
    both(`TCP, ${name}`, passage, tcp({ flags }), NEXT_TCP)
  );
}

function chunks(): Case[] {
  const expected: [string, number, Passage][] = [
    ["DATA", 0, NEVER],
    ["INIT", 1, IN_AS_EVIDENCE],
    ["INIT ACK", 2, OUT],
    ["SACK", 3, NEVER],
    ["HEARTBEAT", 4, NEVER],
    ["ABORT", 6, OUT],
    ["SHUTDOWN", 7, NEVER],
    ["COOKIE ECHO", 10, IN_AS_EVIDENCE],
    ["COOKIE ACK", 11, NEVER],
  ];
  return expected.flatMap(([name, chunk, passage]) =>
    both(`SCTP, ${name}`, passage, sctp({ chunk }), NEXT_SCTP)
  );
}

function errors(): Case[] {
  const all = (
    version: 4 | 6,
    types: number[],
    refusals: Record<number, number[]>,
  ) =>
    types.flatMap((type) =>
      Array.from({ length: 20 }, (_, code): Case => {
        const error = { version, type, code };
        const isRefusal = refusals[type]?.includes(code);
        return {
          name: `ICMP, IPv${version}, type ${type}, code ${code}`,
          ...(isRefusal ? OUT : NEVER),
          ...(version === 4
            ? {
              bytes: ipv4(icmpUnreachable(ipv4(udp()), error), { protocol: 1 }),
              etherType: ETH_P_IP,
            }
            : {
              bytes: ipv6(icmpUnreachable(ipv6(udp()), error), {
                next: NEXT_ICMPV6,
              }),
              etherType: ETH_P_IPV6,
            }),
        };
      })
    );
  return [
    ...all(4, [3, 0, 1, 4, 5, 8, 11], { 3: [2, 3, 9, 10, 13] }),
    ...all(6, [1, 2, 3, 4, 128, 135], { 1: [1, 4, 5, 6], 4: [1] }),
    // One version's numbers in the other version mean nothing.
    ...both("ICMPv6's", NEVER, icmpUnreachable([], { type: 1, code: 4 }), 1),
    ...both("ICMP's", NEVER, icmpUnreachable([]), NEXT_ICMPV6),
  ];
}

function fragments(): Case[] {
  const ipv4Fragment = (
    name: string,
    protocol: number,
    position: number,
    isMore: boolean,
    passage: Passage,
  ): Case => ({
    name: `${name}, IPv4, from byte ${position} on`,
    bytes: ipv4(new Uint8Array(24), { protocol, position, isMore }),
    etherType: ETH_P_IP,
    ...passage,
  });
  const ipv6Fragment = (name: string, protocol: number): Case => ({
    name: `${name}, IPv6`,
    bytes: ipv6(fragmentHeader(protocol, new Uint8Array(24)), {
      next: NEXT_FRAGMENT,
    }),
    etherType: ETH_P_IPV6,
    ...IN,
  });
  return [0, 8, 16].flatMap((position) => [
    ipv4Fragment("a fragment of TCP", NEXT_TCP, position, true, IN),
    ipv4Fragment(
      "a fragment of SCTP",
      NEXT_SCTP,
      position,
      true,
      IN_AS_EVIDENCE,
    ),
    ipv4Fragment("a fragment of UDP", NEXT_UDP, position, true, NEVER),
    ipv4Fragment("a fragment of ICMP", 1, position, true, NEVER),
  ]).concat([NEXT_TCP, NEXT_SCTP].flatMap((protocol) => [
    ipv4Fragment(
      `the last fragment of ${protocol}`,
      protocol,
      16,
      false,
      protocol === NEXT_TCP ? IN : IN_AS_EVIDENCE,
    ),
    ipv4Fragment(`a later one of ${protocol}`, protocol, 24, true, NEVER),
    ipv4Fragment(`the end of ${protocol}`, protocol, 1480, false, NEVER),
    ipv6Fragment(`a fragment of ${protocol}`, protocol),
  ]));
}

function extensions(): Case[] {
  const segment = tcp({ flags: RST });
  const chains: [number, Bytes][] = [
    [NEXT_HOP_BY_HOP, extension(NEXT_TCP, segment)],
    [NEXT_ROUTING, extension(NEXT_TCP, segment)],
    [NEXT_DESTINATION_OPTIONS, extension(NEXT_TCP, segment)],
    [NEXT_AUTHENTICATION, authentication(NEXT_TCP, segment)],
    [NEXT_FRAGMENT, fragmentHeader(NEXT_TCP, segment)],
  ];
  return chains.map(([next, payload]) => ({
    name: `IPv6 with extension header ${next}`,
    bytes: ipv6(payload, { next }),
    etherType: ETH_P_IPV6,
    ...IN,
  }));
}

/** What is left of a frame when the kernel has taken its first tag off. */
function tags(): Case[] {
  const datagram = ipv4(tcp({ flags: ACK }));
  const stacks: [string, number, readonly number[], Passage][] = [
    ["priority 0", ETH_P_8021Q, [0x00, 0x00], IN],
    ["priority 7", ETH_P_8021Q, [0xe0, 0x00], IN],
    ["priority 0, 802.1ad", ETH_P_8021AD, [0x00, 0x00], IN],
    ["VLAN 1", ETH_P_8021Q, [0x00, 0x01], NEVER],
    ["VLAN 256", ETH_P_8021Q, [0xe1, 0x00], NEVER],
    ["of no standard", 0x9100, [0x00, 0x00], NEVER],
  ];
  return stacks.map(([name, etherType, tag, passage]) => ({
    name: `a second tag, ${name}`,
    bytes: concat(tag, [0x08, 0x00], datagram),
    etherType,
    ...passage,
  }));
}

/** What libpcap's expressions know as well. */
const IP_CASES: readonly Case[] = [
  ...segments(),
  ...chunks(),
  ...errors(),
  ...fragments(),
  ...extensions(),
  ...both("UDP", NEVER, udp({ payload: new Uint8Array(1200) }), NEXT_UDP),
  ...both("an empty UDP datagram", NEVER, udp(), NEXT_UDP),
  ...both("GRE", NEVER, tcp({ flags: RST }), 47),
  {
    name: "ARP",
    bytes: concat(new Uint8Array(28)),
    etherType: ETH_P_ARP,
    ...NEVER,
  },
];
const CASES: readonly Case[] = [...IP_CASES, ...tags()];

for (const promiscuous of [false, true]) {
  for (const evidence of [false, true]) {
    const options = { promiscuous, evidence };
    Deno.test(`our filter, ${JSON.stringify(options)}`, () => {
      const program = kernelFilter(options);
      for (const each of CASES) {
        const passes = (packetType: number) => {
          const length = filter(program, { ...each, packetType });
          assert([0, SNAP_LENGTH, EXTENDED_SNAP_LENGTH].includes(length));
          return length > 0;
        };
        const comes = evidence ? each.in : each.classic;
        assertEquals(passes(PACKET_HOST), comes, each.name);
        assertEquals(passes(PACKET_MULTICAST), comes, each.name);
        assertEquals(passes(PACKET_OTHERHOST), comes && promiscuous, each.name);
        assertEquals(passes(PACKET_OUTGOING), evidence && each.out, each.name);
      }
    });
  }
}

Deno.test("a packet that ends before the field that decides is dropped", () => {
  const program = kernelFilter({ promiscuous: false, evidence: true });
  for (const each of CASES) {
    for (const [packetType, passes] of [[0, each.in], [4, each.out]] as const) {
      if (!passes) continue;
      const lengths = Array.from(each.bytes, (_, length) =>
        filter(program, {
          ...each,
          packetType,
          bytes: each.bytes.slice(0, length),
        }));
      // From some length on it passes, and before it does not.
      const first = lengths.findIndex((length) => length > 0);
      assert(first !== 0, each.name);
      assert(lengths.slice(first).every((length) => length > 0), each.name);
    }
  }
});

Deno.test("an ICMP error is captured as far as it is decoded", () => {
  const options = new Uint8Array(40).fill(1);
  const quoted = new Uint8Array(8 + 12); // UDP, and as much of its payload
  const longest = [
    ipv4(icmpUnreachable(ipv4(quoted, { options })), { options }),
    ipv6(icmpUnreachable(ipv6(extension(NEXT_UDP, quoted, 9)))),
  ];
  for (const { length } of longest) assertLessOrEqual(length, SNAP_LENGTH);
});

/** struct bpf_insn[] of a struct bpf_program, as libpcap compiles it for Ethernet. */
function compiled(expression: string): PackedProgram {
  const handle = libpcap().pcap_open_dead(1, 65_535);
  assert(handle !== null);
  const program = compileFilter(handle, expression);
  const fields = new DataView(program.buffer);
  const address = Deno.UnsafePointer.create(fields.getBigUint64(8, true));
  assert(address !== null);
  const code = new Uint8Array(fields.getUint32(0, true) * SOCK_FILTER);
  new Deno.UnsafePointerView(address).copyInto(code);
  libpcap().pcap_freecode(program);
  libpcap().pcap_close(handle);
  return code;
}

/** The packet in an Ethernet frame. */
function framed({ bytes, etherType }: Case): Pick<Case, "bytes" | "etherType"> {
  const header = [...new Uint8Array(12), etherType >> 8, etherType & 0xff];
  return { bytes: concat(header, bytes), etherType };
}

const isIpv4 = ({ etherType }: Case) => etherType === ETH_P_IP;
const isSctp = ({ name }: Case) =>
  name.includes("SCTP") || name.includes(`of ${NEXT_SCTP}`);
const isLaterFragment = ({ name }: Case) => /of 6, IPv4, from/.test(name);

/** Whether our own filter passes a packet for the sake of outgoing scans. */
function passesForOutgoing(each: Case, packetType: number): boolean {
  const options = { promiscuous: false, evidence: true, outgoing: true };
  return filter(kernelFilter(options), { ...each, packetType }) > 0;
}

/** Which of the packets each expression lets through. */
const EXPRESSIONS: readonly [
  name: string,
  expression: string,
  packetType: number,
  passes: (each: Case) => boolean,
][] = [
  [
    "classic",
    headerFilter({ evidence: false }),
    PACKET_HOST,
    (each) => each.classic,
  ],
  [
    "what comes",
    headerFilter({ evidence: true }),
    PACKET_HOST,
    (each) => each.in,
  ],
  ["what is sent", answerFilter(), PACKET_OUTGOING, (each) => each.out],
  [
    "what comes, and answers us",
    headerFilter({ evidence: true, outgoing: true }),
    PACKET_HOST,
    (each) => passesForOutgoing(each, PACKET_HOST),
  ],
  [
    "what is sent, and asks others",
    answerFilter(undefined, true),
    PACKET_OUTGOING,
    (each) => passesForOutgoing(each, PACKET_OUTGOING),
  ],
  [
    "what is sent over IPv4",
    ipv4AnswerFilter(),
    PACKET_OUTGOING,
    (each) => each.out && isIpv4(each),
  ],
  [
    "SCTP over IPv4",
    ipv4SctpFilter(),
    PACKET_HOST,
    (each) => each.in && isIpv4(each) && isSctp(each),
  ],
  [
    "for libnids, all fragments too",
    datagramFilter(),
    PACKET_HOST,
    (each) => isIpv4(each) && (each.classic || isLaterFragment(each)),
  ],
];

for (const [name, expression, packetType, passes] of EXPRESSIONS) {
  liveTest(`libpcap's filter: ${name}`, { tools: ["tcpdump"] }, () => {
    const program = compiled(expression);
    for (const each of IP_CASES) {
      const length = filter(program, { ...framed(each), packetType });
      assertEquals(length > 0, passes(each), each.name);
    }
  });
}

liveTest(
  "the user's expression narrows each of ours down",
  { tools: ["tcpdump"] },
  () => {
    const ours = [
      (further: string) => headerFilter({ evidence: true }, further),
      answerFilter,
      ipv4AnswerFilter,
      ipv4SctpFilter,
      datagramFilter,
    ];
    for (const expression of ours) {
      const program = compiled(
        expression("src host 203.0.113.9 or dst port 1"),
      );
      for (const each of IP_CASES) {
        for (const packetType of [PACKET_HOST, PACKET_OUTGOING]) {
          const length = filter(program, { ...framed(each), packetType });
          assertEquals(length, 0, each.name);
        }
      }
    }
  },
);
