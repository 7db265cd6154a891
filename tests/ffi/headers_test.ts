/**
 * The numbers that we take for the C headers' are the C headers': a compiler
 * says so. Whatever constant of ours is named like one of C's must equal it.
 */

import {
  NIDS_CHKSUM_CTL_SIZE,
  NIDS_PARAMS,
  NIDS_PARAMS_SIZE,
} from "../../ffi/libnids.ts";
import { CALLS, type SystemCall } from "../../daemon/syscall_numbers.ts";
import { seccompProgram } from "../../daemon/seccomp.ts";
import { assert, assertEquals, assertGreater } from "../assert.ts";
import { Folder } from "../live/daemon.ts";
import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";

const ROOT = new URL("../../", import.meta.url);
const ROOMS = ["ffi", "capture", "daemon", "format"];

/** `FILE NAME` of each constant that is a plain number, and the number. */
const CONSTANTS = new Map<string, bigint>();
for (const room of ROOMS) {
  for (const { name } of Deno.readDirSync(new URL(room, ROOT))) {
    if (!name.endsWith(".ts")) continue;
    const path = `${room}/${name}`;
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    const pattern =
      /^(?:export )?const ([A-Z]\w*) = (-?)((?:0[xo])?[\da-f_]+n?(?: \+ \d+)?);/gm;
    for (const [, constant, sign, sum] of text.matchAll(pattern)) {
      const value = sum.replaceAll(/[_n]/g, "").split("+")
        .reduce((value, part) => value + BigInt(Number(part)), 0n);
      CONSTANTS.set(`${path} ${constant}`, sign === "-" ? -value : value);
    }
  }
}

/** A constant's value: `FILE NAME`, or only the name if there is but one. */
function constant(key: string): bigint {
  const values = [...CONSTANTS].filter(([name]) =>
    name === key || name.endsWith(` ${key}`)
  );
  assertEquals(values.length, 1, `constants ${key}`);
  return values[0][1];
}

/** A C file's headers. */
const KERNEL = [
  ...["errno.h", "fcntl.h", "poll.h", "pwd.h", "sched.h", "signal.h"],
  ...["spawn.h", "stdio.h", "stddef.h", "time.h", "dirent.h"],
  ...["sys/eventfd.h", "sys/file.h", "sys/ioctl.h", "sys/mman.h"],
  ...["sys/prctl.h", "sys/resource.h", "sys/socket.h", "sys/un.h", "net/if.h"],
  ...["linux/audit.h", "linux/bpf.h", "linux/filter.h", "linux/if_addr.h"],
  ...["linux/if_ether.h", "linux/if_link.h", "linux/if_packet.h"],
  ...["linux/netlink.h", "linux/rtnetlink.h", "linux/seccomp.h"],
  ...["linux/sockios.h", "sys/stat.h", "unistd.h"],
];
const PCAP = ["stdio.h", "stddef.h", "pcap/pcap.h"];
const NIDS = ["stdio.h", "stddef.h", "sys/types.h", "netinet/in_systm.h"]
  .concat("netinet/in.h", "netinet/ip.h", "netinet/tcp.h", "nids.h");

/** Where packages with headers put them. */
const PCAP_NEEDS = {
  tools: ["gcc"],
  files: ["/usr/include/pcap/pcap.h"],
};
const NIDS_NEEDS = {
  tools: ["gcc"],
  files: ["/usr/include/nids.h", "/usr/include/pcap.h"],
};
const KERNEL_NEEDS = {
  tools: ["gcc"],
  files: ["/usr/include/stdio.h", "/usr/include/linux/if_packet.h"],
};

/** Lines that make a C file of headers. */
function including(headers: readonly string[]): string {
  return ["#define _GNU_SOURCE", ...headers.map((h) => `#include <${h}>`), ""]
    .join("\n");
}

async function compiler(source: string, ...options: string[]): Promise<string> {
  const input = new TextEncoder().encode(source);
  return await run(["gcc", ...options, "-x", "c", "-"], { input });
}

/** What C makes of some expressions. */
async function evaluate(
  headers: readonly string[],
  expressions: readonly string[],
): Promise<bigint[]> {
  await using folder = await Folder.create();
  const program = `${folder.path}/program`;
  const prints = expressions.map((expression) =>
    `printf("%lld\\n", (long long) (${expression}));`
  );
  await compiler(
    `${including(headers)}int main(void) {\n${prints.join("\n")}\n}\n`,
    ...["-w", "-o", program],
  );
  return (await run([program])).trimEnd().split("\n").map(BigInt);
}

/** Checks numbers: what they are for, C's expression, ours. */
async function check(
  headers: readonly string[],
  numbers: readonly [
    expression: string,
    ours: bigint | number,
    where: string,
  ][],
): Promise<void> {
  const theirs = await evaluate(headers, numbers.map(([c]) => c));
  for (const [i, [expression, ours, where]] of numbers.entries()) {
    assertEquals(BigInt(ours), theirs[i], `${where}: ${expression}`);
  }
}

/** Names that are C's, among ours. */
async function namesOf(headers: readonly string[]): Promise<Set<string>> {
  const text = including(headers);
  const macros = await compiler(text, "-E", "-dM");
  const declarations = await compiler(text, "-E", "-P");
  return new Set([
    ...macros.matchAll(/^#define (\w+)(?= \S)/gm).map(([, name]) => name),
    ...declarations.matchAll(/\b[A-Z]\w+\b/g).map(([name]) => name),
  ]);
}

/** Ours that stand for C's under another name; those of other machines. */
const RENAMED: Record<string, string> = {
  "ffi/linux.ts O_DIRECTORY_X86": "O_DIRECTORY",
  "ffi/linux.ts O_NOFOLLOW_X86": "O_NOFOLLOW",
};
const ELSEWHERE = new Set([
  "ffi/linux.ts O_DIRECTORY_ARM",
  "ffi/linux.ts O_NOFOLLOW_ARM",
]);

/**
 * Compares all constants of ours that have names of C's.
 *
 * @returns Which ones.
 */
async function compareNames(headers: readonly string[]): Promise<Set<string>> {
  const names = await namesOf(headers);
  const ours = [...CONSTANTS].map(([key, value]) => ({
    key,
    value,
    name: RENAMED[key] ?? key.split(" ")[1],
  })).filter(({ name }) => names.has(name));
  await check(
    headers,
    ours.map(({ key, value, name }) => [name, value, key]),
  );
  console.log(`${ours.length} constants`);
  return new Set(ours.map(({ key }) => key));
}

liveTest(
  "constants that are named like the kernel's or the C library's are theirs",
  KERNEL_NEEDS,
  async () => {
    const found = await compareNames(KERNEL);
    assertGreater(found.size, 90);
    const missed = [...CONSTANTS.keys()].filter((key) =>
      key.startsWith("ffi/linux.ts") && !found.has(key) && !ELSEWHERE.has(key)
    );
    assertEquals(missed, [], "no header has them");
  },
);

liveTest(
  "constants that are named like libpcap's are libpcap's",
  PCAP_NEEDS,
  async () => {
    const found = await compareNames(PCAP);
    const ours = [...CONSTANTS.keys()].filter((key) =>
      key.startsWith("ffi/libpcap.ts PCAP_")
    );
    assertEquals(ours.filter((key) => !found.has(key)), []);
  },
);

liveTest(
  "constants that are named like libnids's are libnids's",
  NIDS_NEEDS,
  async () => {
    const found = await compareNames(NIDS);
    assert(found.has("ffi/libnids.ts NIDS_DONT_CHKSUM"));
  },
);

/** An offset of a field, as C says it. */
function offset(type: string, field: string): string {
  return `offsetof(struct ${type}, ${field})`;
}

const RING = "capture/ring.ts";
const BPF = "ffi/bpf.ts";
const FILTER = "capture/filter.ts";
const SECCOMP_FILE = "daemon/seccomp.ts";

/** C's expression, and the constant of ours that says the same. */
const NAMED: readonly [expression: string, key: string][] = [
  [
    offset("tpacket_block_desc", "hdr.bh1.block_status"),
    `${RING} BLOCK_STATUS`,
  ],
  [offset("tpacket_block_desc", "hdr.bh1.num_pkts"), `${RING} BLOCK_PACKETS`],
  [
    offset("tpacket_block_desc", "hdr.bh1.offset_to_first_pkt"),
    `${RING} BLOCK_FIRST_PACKET`,
  ],
  [offset("tpacket3_hdr", "tp_next_offset"), `${RING} NEXT_OFFSET`],
  [offset("tpacket3_hdr", "tp_sec"), `${RING} SECONDS`],
  [offset("tpacket3_hdr", "tp_nsec"), `${RING} NANOSECONDS`],
  [offset("tpacket3_hdr", "tp_snaplen"), `${RING} SNAP_LENGTH`],
  [offset("tpacket3_hdr", "tp_mac"), `${RING} MAC_OFFSET`],
  [
    `TPACKET_ALIGN(sizeof(struct tpacket3_hdr)) + ${
      offset("sockaddr_ll", "sll_pkttype")
    }`,
    `${RING} PACKET_TYPE`,
  ],
  ["sizeof(struct sock_filter)", "ffi/bpf.ts SOCK_FILTER"],
  ["sizeof(struct sock_filter)", "ffi/socket_filter.ts SOCK_FILTER"],
  ["sizeof(struct sock_fprog)", "ffi/socket_filter.ts SOCK_FPROG"],
  ["sizeof(struct pollfd)", "capture/poll.ts POLLFD"],
  ["sizeof(struct nlmsghdr)", "capture/netlink.ts NLMSG_HEADER"],
  ["sizeof(struct ifinfomsg)", "capture/netlink.ts IFINFOMSG"],
  ["sizeof(struct ifaddrmsg)", "capture/netlink.ts IFADDRMSG"],
  ["sizeof(struct rtmsg)", "capture/netlink.ts RTMSG"],
  [offset("sockaddr_un", "sun_path"), "ffi/unix_socket.ts FAMILY_BYTES"],
  [
    "sizeof(((struct sockaddr_un *) 0)->sun_path) - 1",
    "ffi/unix_socket.ts MAX_SOCKET_NAME",
  ],
  ["BPF_LD | BPF_W | BPF_ABS", `${BPF} LD_WORD_ABS`],
  ["BPF_LD | BPF_H | BPF_ABS", `${BPF} LD_HALF_ABS`],
  ["BPF_LD | BPF_B | BPF_ABS", `${BPF} LD_BYTE_ABS`],
  ["BPF_LD | BPF_B | BPF_IND", `${BPF} LD_BYTE_IND`],
  ["BPF_LD | BPF_H | BPF_IND", `${BPF} LD_HALF_IND`],
  ["BPF_LDX | BPF_IMM", `${BPF} LDX_IMMEDIATE`],
  ["BPF_JMP | BPF_JGE | BPF_K", `${BPF} JUMP_AT_LEAST`],
  ["BPF_LDX | BPF_B | BPF_MSH", `${BPF} LDX_IPV4_HEADER_LENGTH`],
  ["BPF_ALU | BPF_AND | BPF_K", `${BPF} ALU_AND`],
  ["BPF_JMP | BPF_JA", `${BPF} JUMP_ALWAYS`],
  ["BPF_JMP | BPF_JEQ | BPF_K", `${BPF} JUMP_EQUAL`],
  ["BPF_JMP | BPF_JGT | BPF_K", `${BPF} JUMP_GREATER`],
  ["BPF_JMP | BPF_JSET | BPF_K", `${BPF} JUMP_ANY_BIT`],
  ["BPF_RET | BPF_K", `${BPF} RETURN`],
  ["(unsigned) (SKF_AD_OFF + SKF_AD_PROTOCOL)", `${FILTER} AD_PROTOCOL`],
  ["(unsigned) (SKF_AD_OFF + SKF_AD_PKTTYPE)", `${FILTER} AD_PACKET_TYPE`],
  ["SECCOMP_RET_ALLOW", `${SECCOMP_FILE} RETURN_ALLOW`],
  ["SECCOMP_RET_ERRNO", `${SECCOMP_FILE} RETURN_ERRNO`],
  ["SECCOMP_MODE_FILTER", "SECCOMP_FILTERED"],
  [offset("seccomp_data", "nr"), `${SECCOMP_FILE} NUMBER`],
  [offset("seccomp_data", "arch"), `${SECCOMP_FILE} ARCHITECTURE`],
  [offset("seccomp_data", "args"), `${SECCOMP_FILE} ARGUMENTS`],
];

const NOTHING = {
  capture: [],
  connected: [],
  rebound: [],
  joining: [],
  directories: [],
  rewritten: [],
  streams: false,
  pid: 1,
};

/** C's expression, and the number that stands in the code, and where. */
const WRITTEN_OUT: readonly [string, number, string][] = [
  ["sizeof(struct sockaddr_ll)", 20, "capture/raw.ts"],
  [offset("sockaddr_ll", "sll_family"), 0, "capture/raw.ts"],
  [offset("sockaddr_ll", "sll_protocol"), 2, "capture/raw.ts"],
  [offset("sockaddr_ll", "sll_ifindex"), 4, "capture/raw.ts"],
  ["sizeof(struct tpacket_req3)", 28, "capture/raw.ts"],
  [offset("tpacket_req3", "tp_block_size"), 0, "capture/raw.ts"],
  [offset("tpacket_req3", "tp_block_nr"), 4, "capture/raw.ts"],
  [offset("tpacket_req3", "tp_frame_size"), 8, "capture/raw.ts"],
  [offset("tpacket_req3", "tp_frame_nr"), 12, "capture/raw.ts"],
  [offset("tpacket_req3", "tp_retire_blk_tov"), 16, "capture/raw.ts"],
  [offset("tpacket_req3", "tp_sizeof_priv"), 20, "capture/raw.ts"],
  [offset("tpacket_req3", "tp_feature_req_word"), 24, "capture/raw.ts"],
  ["sizeof(struct tpacket_stats_v3)", 12, "capture/raw.ts"],
  [offset("tpacket_stats_v3", "tp_packets"), 0, "capture/raw.ts"],
  [offset("tpacket_stats_v3", "tp_drops"), 4, "capture/raw.ts"],
  ["sizeof(struct packet_mreq)", 16, "capture/raw.ts"],
  [offset("packet_mreq", "mr_ifindex"), 0, "capture/raw.ts"],
  [offset("packet_mreq", "mr_type"), 4, "capture/raw.ts"],
  [offset("sock_filter", "code"), 0, "ffi/bpf.ts"],
  [offset("sock_filter", "jt"), 2, "ffi/bpf.ts"],
  [offset("sock_filter", "jf"), 3, "ffi/bpf.ts"],
  [offset("sock_filter", "k"), 4, "ffi/bpf.ts"],
  [offset("sock_fprog", "len"), 0, "ffi/socket_filter.ts"],
  [offset("sock_fprog", "filter"), 8, "ffi/socket_filter.ts"],
  [offset("pollfd", "fd"), 0, "capture/poll.ts"],
  [offset("pollfd", "events"), 4, "capture/poll.ts"],
  [offset("pollfd", "revents"), 6, "capture/poll.ts"],
  ["sizeof(struct timespec)", 16, "capture/clock.ts"],
  [offset("timespec", "tv_nsec"), 8, "capture/clock.ts"],
  ["sizeof(struct sockaddr_nl)", 12, "capture/netlink.ts"],
  [offset("sockaddr_nl", "nl_family"), 0, "capture/netlink.ts"],
  [offset("sockaddr_nl", "nl_groups"), 8, "capture/netlink.ts"],
  [offset("nlmsghdr", "nlmsg_len"), 0, "capture/netlink.ts"],
  [offset("nlmsghdr", "nlmsg_type"), 4, "capture/netlink.ts"],
  [offset("nlmsghdr", "nlmsg_flags"), 6, "capture/netlink.ts"],
  [offset("rtmsg", "rtm_family"), 0, "capture/local_addresses.ts"],
  [offset("rtmsg", "rtm_dst_len"), 1, "capture/local_addresses.ts"],
  [offset("rtmsg", "rtm_table"), 4, "capture/netlink.ts"],
  [offset("rtmsg", "rtm_type"), 7, "capture/local_addresses.ts"],
  [offset("ifaddrmsg", "ifa_family"), 0, "capture/local_addresses.ts"],
  [offset("ifaddrmsg", "ifa_prefixlen"), 1, "capture/local_addresses.ts"],
  [offset("ifaddrmsg", "ifa_index"), 4, "capture/local_addresses.ts"],
  [offset("ifinfomsg", "ifi_index"), 4, "capture/local_addresses.ts"],
  [offset("ifinfomsg", "ifi_flags"), 8, "capture/local_addresses.ts"],
  ["sizeof(struct rtattr)", 4, "capture/netlink.ts"],
  [offset("rtattr", "rta_len"), 0, "capture/netlink.ts"],
  [offset("rtattr", "rta_type"), 2, "capture/netlink.ts"],
  ["sizeof(struct if_nameindex)", 16, "ffi/libc.ts"],
  [offset("if_nameindex", "if_index"), 0, "ffi/libc.ts"],
  [offset("if_nameindex", "if_name"), 8, "ffi/libc.ts"],
  [offset("passwd", "pw_uid"), 16, "daemon/privileges.ts"],
  [offset("passwd", "pw_gid"), 20, "daemon/privileges.ts"],
  [offset("dirent64", "d_reclen"), 16, "daemon/proc_directory.ts"],
  [offset("dirent64", "d_name"), 19, "daemon/proc_directory.ts"],
  ["sizeof(struct statx)", 256, "ffi/file_status.ts"],
  [offset("statx", "stx_nlink"), 16, "ffi/file_status.ts"],
  [offset("statx", "stx_uid"), 20, "ffi/file_status.ts"],
  [offset("statx", "stx_mode"), 28, "ffi/file_status.ts"],
  [offset("statx", "stx_ino"), 32, "ffi/file_status.ts"],
  [offset("statx", "stx_size"), 40, "ffi/file_status.ts"],
  [offset("statx", "stx_rdev_major"), 128, "ffi/file_status.ts"],
  [offset("statx", "stx_rdev_minor"), 132, "ffi/file_status.ts"],
  [offset("statx", "stx_dev_major"), 136, "ffi/file_status.ts"],
  [offset("statx", "stx_dev_minor"), 140, "ffi/file_status.ts"],
  ["sizeof(struct sockaddr_un)", 110, "daemon/descriptors.ts"],
  ["sizeof(struct rlimit)", 16, "daemon/sandbox.ts"],
  ["sizeof(struct seccomp_data)", 64, "daemon/seccomp.ts"],
  ["AUDIT_ARCH_X86_64", architecture("x86_64"), "daemon/seccomp.ts"],
  ["AUDIT_ARCH_AARCH64", architecture("aarch64"), "daemon/seccomp.ts"],
];

/** What the filter compares the architecture with. */
function architecture(name: keyof SystemCall): number {
  // The operand of the second instruction.
  return new DataView(seccompProgram(name, NOTHING).buffer).getUint32(12, true);
}

liveTest(
  "structures of the kernel and the C library are laid out as we think",
  KERNEL_NEEDS,
  () =>
    check(KERNEL, [
      ...NAMED.map(([expression, key]): [string, bigint, string] => [
        expression,
        constant(key),
        key,
      ]),
      ...WRITTEN_OUT,
    ]),
);

liveTest(
  "structures of libpcap are laid out as we think",
  PCAP_NEEDS,
  () =>
    check(PCAP, [
      [
        "sizeof(struct bpf_program)",
        constant("ffi/libpcap.ts BPF_PROGRAM"),
        "",
      ],
      ["sizeof(struct pcap_pkthdr)", 24, "capture/offline_filter.ts"],
      [offset("pcap_pkthdr", "caplen"), 16, "capture/offline_filter.ts"],
      [offset("pcap_pkthdr", "len"), 20, "capture/offline_filter.ts"],
      ["sizeof(struct pcap_stat)", 12, "capture/pcap.ts"],
      [offset("pcap_stat", "ps_drop"), 4, "capture/pcap.ts"],
      ["sizeof(struct pcap_file_header)", 24, "capture/pcap.ts"],
    ]),
);

liveTest(
  "structures of libnids are laid out as we think",
  NIDS_NEEDS,
  () =>
    check(NIDS, [
      ["sizeof(struct nids_prm)", NIDS_PARAMS_SIZE, "NIDS_PARAMS_SIZE"],
      ...Object.entries(NIDS_PARAMS).map((
        [field, at],
      ): [string, number, string] => [
        offset("nids_prm", field),
        at,
        "NIDS_PARAMS",
      ]),
      ["sizeof(struct nids_chksum_ctl)", NIDS_CHKSUM_CTL_SIZE, ""],
      [offset("nids_chksum_ctl", "netaddr"), 0, "capture/nids.ts"],
      [offset("nids_chksum_ctl", "mask"), 4, "capture/nids.ts"],
      [offset("nids_chksum_ctl", "action"), 8, "capture/nids.ts"],
    ]),
);

/** The names of an architecture's system calls. */
async function systemCalls(header: string): Promise<Map<number, string>> {
  const macros = new Map(
    (await compiler(
      [
        ...["RENAMEAT", "STAT64", "SET_GET_RLIMIT", "SYS_CLONE3"],
        ...["MEMFD_SECRET", "NEW_STAT"],
      ].map((wanted) => `#define __ARCH_WANT_${wanted}\n`).join("") +
        `#include <${header}>\n`,
      "-E",
      "-dM",
    )).matchAll(/^#define (__NR\w+) (\w+)$/gm).map(([, name, value]) => [
      name,
      value,
    ]),
  );
  const numberOf = (value: string | undefined): number =>
    value?.startsWith("__NR") ? numberOf(macros.get(value)) : Number(value);
  return new Map(
    [...macros].filter(([name]) => /^__NR_(?!syscalls$)/.test(name)).map((
      [name, value],
    ) => [numberOf(value), name.replace("__NR_", "")]),
  );
}

liveTest(
  "system calls have their names' numbers on all architectures, or are missing there",
  KERNEL_NEEDS,
  async () => {
    const x86 = await systemCalls("asm/unistd_64.h");
    const others = await systemCalls("asm-generic/unistd.h");
    const otherNames = new Set(others.values());
    const calls: [string, SystemCall][] = Object.entries(CALLS);
    assertGreater(calls.length, 90);
    for (const [name, { x86_64, aarch64 }] of calls) {
      assertEquals(x86.get(x86_64), name);
      if (aarch64 === undefined) assert(!otherNames.has(name), name);
      else assertEquals(others.get(aarch64), name);
    }
  },
);

liveTest("what is opaque has room enough", KERNEL_NEEDS, async () => {
  const sizes = await evaluate(KERNEL, [
    "sizeof(posix_spawn_file_actions_t)",
    "sizeof(posix_spawnattr_t)",
  ]);
  const room = constant("SPAWN_STRUCT");
  assert(sizes.every((size) => size <= room), `${sizes}`);
});
