/**
 * What the running program may still do, as the kernel tells it, and what an
 * attacker inside it achieves.
 */

import { assert, assertEquals, assertGreater, assertMatch } from "../assert.ts";
import { Folder, program, startDaemon } from "./daemon.ts";
import { machine, USER } from "./machine.ts";
import { makeInterfaces, Namespace, TwoHosts } from "./namespaces.ts";
import { assertUndumpable, eventually, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";
import type { Outcome } from "./sandbox_probe.ts";
import { SyslogSocket } from "./syslog_socket.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "nmap", "setpriv"] };
const KINDS = ["raw", "pcap", "nids"] as const;
const PROBE = new URL("sandbox_probe.ts", import.meta.url).pathname;
const TRACE =
  new URL("../data/conformance/mixed-1.pcap", import.meta.url).pathname;
const EPERM = 1;
const ENOENT = 2;
const ENOSYS = 38;
const NOTHING = "0".repeat(16);

/** The fields of /proc/PID/task/TID/status, for each thread. */
function threads(pid: number): Record<string, string>[] {
  const folder = `/proc/${pid}/task`;
  return [...Deno.readDirSync(folder)].map(({ name }) =>
    Object.fromEntries(
      Deno.readTextFileSync(`${folder}/${name}/status`).split("\n").map(
        (line) => line.split(":").map((part) => part.trim()),
      ),
    )
  );
}

/** What each thread must have. */
function assertConfined(pid: number): void {
  const id = Array(4).fill(USER.id).join("\t");
  const all = threads(pid);
  assertGreater(all.length, 2);
  for (const thread of all) {
    const { Uid, Gid, Groups, NoNewPrivs, Seccomp } = thread;
    const { CapInh, CapPrm, CapEff, CapAmb, CapBnd } = thread;
    assertEquals(
      { Uid, Gid, Groups, NoNewPrivs, Seccomp },
      { Uid: id, Gid: id, Groups: "", NoNewPrivs: "1", Seccomp: "2" },
      thread.Name,
    );
    assertEquals([CapInh, CapPrm, CapEff, CapAmb], Array(4).fill(NOTHING));
    assertEquals(CapBnd, NOTHING);
  }
  assertEquals([...Deno.readDirSync(`/proc/${pid}/root/`)], []);
  assertEquals([...Deno.readDirSync(`/proc/${pid}/cwd/`)], []);
  assertUndumpable(pid);
}

for (const kind of KINDS) {
  liveTest(
    `${kind}: every thread is confined, also after a scan`,
    NEEDS,
    async () => {
      await using two = await TwoHosts.create();
      await using daemon = await startDaemon(two.host, [
        ...["-o", "stdout", "-c", kind],
      ], { as: ["setpriv", "--groups", "4,27"] });
      assertConfined(daemon.pid);
      await two.scan();
      await eventually(() => daemon.stdout.length > 0, () => "a line");
      assertConfined(daemon.pid);
      assertEquals(await daemon.stop(), 0);
    },
  );
}

liveTest("--read -: every thread is confined", NEEDS, async () => {
  await using host = await Namespace.create();
  await using reader = new Process(
    host.inside([...machine(), ...program(["--read", "-"])]),
    { input: "never" },
  );
  await eventually(
    () => threads(reader.pid).every(({ Seccomp }) => Seccomp === "2"),
    () => "the system call filter",
  );
  assertConfined(reader.pid);
  assertEquals(await reader.stop(), 0);
});

/** Starts a program whose standard streams are two ends of connections. */
const CONNECTED = [
  "import os, socket, sys",
  "listener = socket.create_server(('127.0.0.1', 0))",
  "client = socket.create_connection(listener.getsockname())",
  "server, _ = listener.accept()",
  "if os.fork() == 0:",
  "    client.close()",
  "    server.sendall(open(sys.argv[1], 'rb').read())",
  "    server.shutdown(socket.SHUT_WR)",
  "    while data := server.recv(4096): os.write(1, data)",
  "    os._exit(0)",
  "os.dup2(client.fileno(), 0)",
  "os.dup2(client.fileno(), 1)",
  "os.execvp(sys.argv[2], sys.argv[2:])",
].join("\n");

// That it cannot be connected anew is tried by each start.
liveTest("sockets of the internet as standard streams", {
  ...NEEDS,
  tools: [...NEEDS.tools, "python3"],
}, async () => {
  const args = ["--read", "-"];
  await using host = await Namespace.create();
  await using reader = new Process(host.inside([
    ...machine(),
    ...["python3", "-c", CONNECTED, TRACE, ...program(args)],
  ]));
  assertEquals(await reader.end(), 0, reader.stderr.join("\n"));
  const expected = await run(program(["--read", TRACE]));
  assertEquals(reader.stdout, expected.trimEnd().split("\n"));
});

/** Starts the probe on a machine with a log of the test's. */
function startProbe(
  host: Namespace,
  log: string,
  args: readonly string[],
  as: readonly string[] = [],
): Process {
  const probe = ["run", "--no-prompt", "--no-code-cache"];
  return new Process(host.inside([
    ...machine({ log }),
    ...as,
    ...[Deno.execPath(), ...probe, "--allow-ffi", "--allow-read", PROBE],
    ...[...args, "--metrics", `${log}.metrics`],
  ]));
}

/** What came of the attempts. */
async function outcomes(
  mode: "attempts" | "control",
  kind: string,
  { interfaces = 0, options = ["-i", "lo"], as = [] as string[] } = {},
): Promise<Outcome[]> {
  await using folder = await Folder.create();
  const log = `${folder.path}/log`;
  using _syslog = new SyslogSocket(log);
  await using host = await Namespace.create();
  const names = await makeInterfaces(host, interfaces);
  await using probe = startProbe(host, log, [
    ...[mode, "-c", kind, "-o", "syslog", ...options],
    ...names.flatMap((name) => ["-i", name]),
  ], as);
  assertEquals(await probe.end(), 0, probe.stderr.join("\n"));
  // Asking the kernel is allowed, and what it refuses comes as an answer.
  assertMatch(
    await run(host.inside(["ip", "link", "show", "lo"])),
    /[<,]UP[,>]/,
  );
  return probe.stdout.map((line) => JSON.parse(line));
}

/** These are steps to other attempts, and allowed. */
const STEPS = ["fchdir back", "fchdir to the kept directory", "fchdir home"];
const ASKING = ["interface down"];
/** Where the directory is a file system of its own, there is nothing above it. */
const CLIMBING = "connect above the kept directory";
/** What an interface that is made anew needs, where one is named. */
const REBINDING = ["bind of the capture"];
/** What interfaces that come later need, with `-p`. */
const JOINING = ["PACKET_ADD_MEMBERSHIP"];

function assertAllRefused(
  all: readonly Outcome[],
  but: readonly string[] = [],
  climbing = ENOENT,
): void {
  assertGreater(all.length, 90);
  for (const { name, result, errno } of all) {
    if (but.includes(name)) assert(errno !== EPERM, name);
    else if (STEPS.includes(name)) assertEquals(result, 0, name);
    else if (name === CLIMBING) assertEquals(errno, climbing, name);
    else if (ASKING.includes(name)) assertGreater(result, 0, name);
    else {
      const refusal = name === "clone3" ? ENOSYS : EPERM;
      assertEquals({ result, errno }, { result: -1, errno: refusal }, name);
    }
  }
  console.log(`${all.length - STEPS.length} attempts, all refused`);
}

for (const kind of KINDS) {
  liveTest(
    `${kind}: whatever an attacker tries inside is refused`,
    NEEDS,
    async () =>
      assertAllRefused(
        await outcomes("attempts", kind),
        kind === "raw" ? REBINDING : [],
      ),
  );
}

liveTest(
  "the same of root that cannot become another user",
  NEEDS,
  async () => {
    const sets = "-all,+net_raw,+net_admin,+sys_chroot";
    const as = ["setpriv", `--bounding-set=${sets}`, "--inh-caps=-all"];
    const all = await outcomes("attempts", "raw", { as });
    // Without CAP_SYS_ADMIN the directory stays part of what it is in.
    assertAllRefused(all, REBINDING, 0);
  },
);

liveTest(
  "raw, all interfaces: a capture stays where it is",
  NEEDS,
  async () => {
    const options: string[] = [];
    assertAllRefused(await outcomes("attempts", "raw", { options }));
  },
);

liveTest("raw, all interfaces with -p: others can join", NEEDS, async () => {
  const options = ["-p"];
  assertAllRefused(await outcomes("attempts", "raw", { options }), JOINING);
});

// Each takes two descriptors, which the filter's program names many times.
for (
  const [kind, options, allowed] of [
    ["raw", [], REBINDING],
    ["raw", ["-p"], [...REBINDING, ...JOINING]],
    ["pcap", [], []],
    ["pcap", ["-p"], []],
  ] as const
) {
  liveTest(
    `${[kind, ...options].join(" ")}: the same with 70 interfaces`,
    NEEDS,
    async () =>
      assertAllRefused(
        await outcomes("attempts", kind, {
          interfaces: 70,
          options: [...options, "-i", "lo"],
        }),
        allowed,
      ),
  );
}

/** Attempts that only the filter stops: privileges alone do not. */
const STOPPED_BY_FILTER = [
  ...["open /", "openat /", "open .. of the kept directory", "stat /"],
  ...["list /proc", "open where syslogd is", "fchdir to another directory"],
  ...["memfd_create", "map a file for execution"],
  ...["socket(AF_INET, SOCK_STREAM)", "bind a TCP socket", "listen"],
  ...["sendto through the capture", "dup of the capture", "socketpair"],
  ...["dup3 over a file that is cut", "close of a file that is cut"],
  ...["dup3 over the kept directory", "close of the kept directory"],
  ...["the capture for another process", "process_vm_readv", "kill"],
  ...["keyctl", "unshare"],
];

liveTest(
  "the same attempts without the filter: what it is there for",
  NEEDS,
  async () => {
    const all = new Map(
      (await outcomes("control", "raw")).map((each) => [each.name, each]),
    );
    const architecture = Deno.build.arch === "x86_64";
    for (const name of STOPPED_BY_FILTER) {
      if (!architecture && !all.has(name)) continue;
      const outcome = all.get(name);
      assert(
        outcome !== undefined && outcome.errno !== EPERM,
        `${name}: ${JSON.stringify(outcome)}`,
      );
    }
  },
);

liveTest("what the program needs goes on working inside", NEEDS, async () => {
  await using folder = await Folder.create();
  const log = `${folder.path}/log`;
  const first = new SyslogSocket(log);
  await using host = await Namespace.create();
  await using probe = startProbe(host, log, [
    ...["allowed", "-i", "lo", "-o", "syslog"],
  ]);
  await eventually(
    () => first.messages.some((message) => message.endsWith(": before")),
    () => `a message\n${probe.stderr.join("\n")}`,
  );
  first[Symbol.dispose]();
  await Deno.remove(log);
  using second = new SyslogSocket(log);
  probe.signal("SIGHUP");
  assertEquals(await probe.end(), 0, probe.stderr.join("\n"));
  assertEquals(probe.stdout.map((line) => JSON.parse(line)), [
    ...["compile", "WebAssembly", "timers", "garbage collection"],
    ...["random numbers", "a thread", "new threads", "signals", "log"],
    "capture",
  ]);
  await eventually(
    () => second.messages.some((message) => message.endsWith(": after")),
    () => "a message at the new socket",
  );
});
