/**
 * What is open in the confined program: each descriptor has a reason, and what
 * the program was started with, or the runtime keeps, is out of its reach.
 */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { Folder, program, startDaemon } from "./daemon.ts";
import { machine } from "./machine.ts";
import { Namespace } from "./namespaces.ts";
import { eventually, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";
import { SyslogSocket } from "./syslog_socket.ts";

const NEEDS = { root: true, tools: ["ip", "unshare"] };
const MANIFEST = new URL("../../deno.json", import.meta.url);

// asm-generic/fcntl.h
const O_ACCMODE = 3;
const O_APPEND = 0o2000;
const FORWARDING = /^\/proc\/sys\/net\/ipv(4\/ip_|6\/conf\/all\/)forward/;

/** A descriptor as /proc shows it. */
interface Descriptor {
  fd: number;
  target: string;
  /** With which it was opened. */
  flags: number;
  isWritable: boolean;
}

function descriptorsOf(pid: number): Descriptor[] {
  const folder = `/proc/${pid}`;
  return [...Deno.readDirSync(`${folder}/fd`)].map(({ name }) => {
    const info = Deno.readTextFileSync(`${folder}/fdinfo/${name}`);
    const [, octal] = /^flags:\s*([0-7]+)$/m.exec(info) ?? [];
    const flags = parseInt(octal, 8);
    return {
      fd: Number(name),
      target: Deno.readLinkSync(`${folder}/fd/${name}`),
      flags,
      isWritable: (flags & O_ACCMODE) !== 0,
    };
  });
}

/** Which kind each socket of a network namespace is, by inode. */
function socketsOf(pid: number): Map<string, string> {
  const kinds = new Map<string, string>();
  const inodes = { unix: 6, netlink: 9, packet: 8, raw: 9, tcp: 9, udp: 9 };
  for (const [kind, column] of Object.entries(inodes)) {
    const [, ...lines] = Deno.readTextFileSync(`/proc/${pid}/net/${kind}`)
      .trimEnd().split("\n");
    for (const line of lines) {
      const fields = line.trim().split(/\s+/);
      const name = kind === "unix" ? fields[7] : undefined;
      kinds.set(`socket:[${fields[column]}]`, name ? `${kind} ${name}` : kind);
    }
  }
  return kinds;
}

/** What may be open, and why. */
function reasonFor(
  { target, isWritable }: Descriptor,
  kinds: ReadonlyMap<string, string>,
  own: ReadonlyMap<string, string>,
  standard: readonly string[],
): string | undefined {
  if (target === "/dev/null") return "leads nowhere";
  if (own.has(target)) return own.get(target);
  if (standard.includes(target)) return `standard stream, or a copy of it`;
  if (/^anon_inode:\[(eventpoll|eventfd|timerfd)\]$/.test(target)) {
    return "the runtime or libpcap waits with it";
  }
  if (kinds.get(target) === "packet") return "packets come from it";
  if (kinds.get(target) === "netlink") return "tells of this host's addresses";
  if (kinds.get(target) === "unix /run/scanlogd/control") {
    return "root's --reload comes in there";
  }
  if (kinds.get(target) === "unix") return "joins parts of the process";
  if (target.startsWith("pipe:")) return "ends the waiting for packets";
  if (!isWritable && /^\/proc\/\d+\/task$/.test(target)) return "threads";
  if (!isWritable && /^\/proc\/\d+\/net\/udp6?$/.test(target)) {
    return "which sockets receive only";
  }
  if (!isWritable && FORWARDING.test(target)) {
    return "whether this host forwards";
  }
  if (target === "/var/empty") return "where to come back to from syslogd";
  if (target === Deno.execPath() && !isWritable) return "the runtime itself";
  return undefined;
}

/** Checks that each descriptor has a reason; prints them. */
function assertOnlyOurs(
  pid: number,
  own: Record<string, string> = {},
): void {
  const all = descriptorsOf(pid);
  const kinds = socketsOf(pid);
  const standard = all.filter(({ fd }) => fd <= 2).map(({ target }) => target);
  const pipes = new Set(
    all.map(({ target }) => target).filter((target) =>
      target.startsWith("pipe:") && !standard.includes(target)
    ),
  );
  assert(pipes.size <= 1, `pipes ${[...pipes]}`);
  const lines = all.map((each) => {
    const reason = reasonFor(
      each,
      kinds,
      new Map(Object.entries(own)),
      standard,
    );
    const what = `${each.fd} ${each.target} ${kinds.get(each.target) ?? ""}`;
    assert(reason !== undefined, `no reason for ${what}`);
    return `${what}: ${reason}`;
  });
  assertGreater(all.length, 8);
  console.log(lines.join("\n"));
  const maps = Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n");
  const shared = maps.filter((line) =>
    // What is mapped for reading may be for writing later.
    /^\S+ ...s /.test(line) &&
    // The kernel's filter reads our addresses and receivers there.
    !/socket:\[\d+\]|\/dev\/zero|anon_inode:bpf-map/.test(line)
  );
  assertEquals(shared, []);
  // What other programs of root's write there later is nobody's business.
  assertEquals(maps.filter((line) => /_cache_v\d/.test(line)), []);
}

/** A program that starts another with what looks like the runtime's own. */
const LOOKALIKES = [
  "import os, resource, select, sys",
  "os.dup2(os.eventfd(0), 50)",
  "epoll = select.epoll()",
  "os.dup2(epoll.fileno(), 51)",
  // Beyond the limit, no number can be pointed elsewhere.
  "os.dup2(os.open('/etc/passwd', os.O_RDONLY), 1001)",
  "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))",
  "os.execvp(sys.argv[1], sys.argv[1:])",
].join("\n");

for (const kind of ["raw", "pcap"]) {
  liveTest(
    `${kind}: what was inherited and looks like the runtime's is gone`,
    { ...NEEDS, tools: [...NEEDS.tools, "python3"] },
    async () => {
      await using host = await Namespace.create();
      await using daemon = await startDaemon(
        host,
        ["-c", kind, "-i", "lo", "-o", "stdout"],
        { as: ["python3", "-c", LOOKALIKES] },
      );
      const targets = new Map(
        descriptorsOf(daemon.pid).map(({ fd, target }) => [fd, target]),
      );
      assertEquals(targets.get(50), "/dev/null");
      assertEquals(targets.get(51), "/dev/null");
      assertEquals(targets.get(1001), undefined);
      assertEquals(await daemon.stop(), 0);
    },
  );
}

/** The program's command for a shell. */
function quoted(args: readonly string[]): string {
  return program(args).map((word) => `'${word}'`).join(" ");
}

/** Runs a shell's command on a terminal of its own until the program watches. */
async function startOnTerminal(
  host: Namespace,
  command: string,
): Promise<Process> {
  const terminal = new Process(
    host.inside([
      ...machine({
        setUp: "mkdir /dev/pts && mount -t devpts devpts /dev/pts" +
          " && ln -s pts/ptmx /dev/ptmx",
      }),
      ...["script", "--quiet", "--command", command, "/dev/null"],
    ]),
    { input: "never" },
  );
  try {
    await eventually(
      () => terminal.stdout.some((line) => line.includes("watching: ")),
      () => `its start\n${terminal.stdout.join("\n")}`,
    );
    return terminal;
  } catch (error) {
    await terminal[Symbol.asyncDispose]();
    throw error;
  }
}

liveTest("what is typed on its terminal cannot be read", {
  ...NEEDS,
  tools: [...NEEDS.tools, "script"],
}, async () => {
  await using host = await Namespace.create();
  await using folder = await Folder.create();
  const pid = `${folder.path}/pid`;
  const command = quoted(["--pid-file", pid, "-i", "lo", "-o", "stdout"]);
  await using terminal = await startOnTerminal(host, command);
  const number = Number(await Deno.readTextFile(pid));
  const terminals = descriptorsOf(number).filter(({ target }) =>
    target.startsWith("/dev/pts/")
  );
  assertGreater(terminals.length, 1);
  for (const { fd, flags } of terminals) {
    assertEquals(flags & O_ACCMODE, 1, `descriptor ${fd}: write only`);
  }
  Deno.kill(number, "SIGTERM");
  await terminal.end();
});

liveTest("a terminal that cannot be opened anew is said to be in reach", {
  ...NEEDS,
  tools: [...NEEDS.tools, "script", "setpriv"],
}, async () => {
  await using host = await Namespace.create();
  const start = quoted(["-i", "lo", "-o", "stdout"]);
  const command = 'chown 65534 "$(tty)" && exec setpriv' +
    ` --bounding-set=-dac_override --inh-caps=-all ${start}`;
  await using terminal = await startOnTerminal(host, command);
  assert(
    terminal.stdout.some((line) =>
      line.includes("the terminal is another user's")
    ),
    terminal.stdout.join("\n"),
  );
});

/** A shell that starts a program with descriptors that are not its business. */
function leaking(path: string, command: readonly string[]): string[] {
  const script = 'exec 7<"$0" 8<>"$0" 9>>"$0"; exec "$@"';
  return ["sh", "-c", script, path, ...command];
}

for (const kind of ["raw", "pcap", "nids"]) {
  liveTest(
    `${kind}: each descriptor has a reason, and what was inherited is gone`,
    NEEDS,
    async () => {
      await using folder = await Folder.create();
      const path = (name: string) => `${folder.path}/${name}`;
      using _syslog = new SyslogSocket(path("log"));
      await Deno.writeTextFile(path("leaked"), "untouched");
      await using host = await Namespace.create();
      await using daemon = await startDaemon(host, [
        ...["-c", kind, "-i", "lo", "-o", "syslog", "-o", "stdout"],
        ...["-o", `json:${path("scans")}`, "--pid-file", path("pid")],
      ], { log: path("log"), as: leaking(path("leaked"), []) });
      assertOnlyOurs(daemon.pid, {
        [path("scans")]: "scans are written there",
        [path("pid")]: "tells the process's number",
        // A file system of its own, in which the directory is the root.
        "/": "where syslogd's socket is",
      });
      const { ino } = await Deno.stat(folder.path);
      for (const { fd, target } of descriptorsOf(daemon.pid)) {
        if (target !== "/") continue;
        const info = await Deno.stat(`/proc/${daemon.pid}/fd/${fd}`);
        assertEquals(info.ino, ino);
      }
      assertEquals(await daemon.stop(), 0);
      assertEquals(await Deno.readTextFile(path("leaked")), "untouched");
    },
  );
}

liveTest("the same of the first command that one types", NEEDS, async () => {
  await using host = await Namespace.create();
  const { tasks } = JSON.parse(await Deno.readTextFile(MANIFEST));
  const command: string = tasks.scan.command;
  await using daemon = new Process(
    host.inside([
      ...machine(),
      ...["env", "--chdir", new URL(".", MANIFEST).pathname, "sh", "-c"],
      command.replace(/\bdeno run/, `exec ${Deno.execPath()} run`),
    ]),
  );
  await daemon.told("scanlogd: watching: ");
  assertOnlyOurs(daemon.pid);
  assertEquals(await daemon.stop(), 0);
});

for (const input of ["file", "standard input"]) {
  liveTest(`the same of --read as root, from ${input}`, NEEDS, async () => {
    await using folder = await Folder.create();
    const leaked = `${folder.path}/leaked`;
    await Deno.writeTextFile(leaked, "untouched");
    // A pipe that nothing comes from, so that the program goes on reading.
    const pipe = `${folder.path}/pipe`;
    await run(["mkfifo", pipe]);
    const isFile = input === "file";
    await using host = await Namespace.create();
    await using writer = isFile
      ? new Process(["sh", "-c", `exec sleep 1000 >${pipe}`])
      : undefined;
    await using reader = new Process(
      host.inside([
        ...machine(),
        ...leaking(leaked, program(["-v", "--read", isFile ? pipe : "-"])),
      ]),
      isFile ? {} : { input: "never" },
    );
    await reader.told("scanlogd: tables take ");
    assertOnlyOurs(reader.pid, { [pipe]: "packets are read from it" });
    assertEquals(await reader.stop(), 0);
    assertEquals(await Deno.readTextFile(leaked), "untouched");
    assert(writer === undefined || writer.code < 0);
  });
}

liveTest("the runtime's caches are not touched by a run", NEEDS, async () => {
  const info = JSON.parse(await run([Deno.execPath(), "info", "--json"]));
  await using folder = await Folder.create();
  // A copy: other programs of this machine write to the real ones.
  const cache = `${folder.path}/cache`;
  await run(["cp", "-a", info.denoDir, cache]);
  await using host = await Namespace.create();
  const start = async () => {
    const daemon = await startDaemon(host, ["-i", "lo", "-o", "stdout"], {
      env: { DENO_DIR: cache },
    });
    return daemon;
  };
  // What a start itself leaves there is the runtime's business.
  await using first = await start();
  const digests = () =>
    run(["sh", "-c", 'cd "$0" && sha256sum ./*_cache_v2*', cache]);
  const before = await digests();
  await using second = await start();
  assertEquals(await first.stop(), 0);
  assertEquals(await second.stop(), 0);
  assertEquals(await digests(), before);
});

liveTest(
  "a file that standard output goes to can only be appended to",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const log = `${folder.path}/log`;
    await Deno.writeTextFile(log, "before\n");
    await using host = await Namespace.create();
    // The second, for reading and writing, is the same file.
    const into = `exec "$@" 1<>${log} 3<>${log}`;
    await using daemon = await startDaemon(host, ["-o", "stdout", "-i", "lo"], {
      as: ["sh", "-c", into, "sh"],
    });
    const all = descriptorsOf(daemon.pid).filter(({ target }) =>
      target === log
    );
    assertGreater(all.length, 1);
    for (const { fd, flags } of all) {
      assert((flags & O_APPEND) !== 0, `${fd}: ${flags.toString(8)}`);
    }
    assertEquals(await daemon.stop(), 0);
  },
);
