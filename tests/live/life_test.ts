/** A daemon's life: background, one instance, readiness, signals. */

import { checked, libc } from "../../ffi/libc.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { Folder, launch, startDaemon } from "./daemon.ts";
import { Namespace, TwoHosts } from "./namespaces.ts";
import { eventually, pause } from "./processes.ts";
import { liveTest } from "./require.ts";
import { linesOf } from "./rsyslogd.ts";
import { sendScans, sources, sourcesIn } from "./scans.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "python3", "ss"] };
/** Runs the rest as a shell would that pipes its output on. */
const PIPED = ["sh", "-c", '{ "$@"; echo "status $?" >&2; } | cat', "sh"];

/** The process that a file names, once it does. */
async function processOf(pidFile: string): Promise<number> {
  return await eventually(
    () => Number(linesOf(pidFile)[0] ?? 0) || undefined,
    () => `a number in ${pidFile}`,
  );
}

function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

/** Numbers of the sockets that listen in the namespace. */
async function listeners(host: Namespace): Promise<string> {
  return await host.run(["ss", "-Hltnup"]);
}

liveTest(
  "--daemon returns to a pipeline once it watches, and lets go of it",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const [file, pidFile] = [`${folder.path}/lines`, `${folder.path}/pid`];
    await using two = await TwoHosts.create();
    await using shell = launch(two.host, [
      ...["-d", "--pid-file", pidFile, "-o", `file:${file}`],
      ...["--log-burst", "0"],
    ], { as: PIPED });
    // The end comes only when nobody holds the pipes any more.
    assertEquals(await shell.end(), 0);
    assertEquals(shell.stdout, []);
    assertEquals(shell.stderr, [
      "scanlogd: watching: raw, all interfaces",
      "status 0",
    ]);
    const pid = await processOf(pidFile);
    const status = Deno.readTextFileSync(`/proc/${pid}/stat`).split(" ");
    const [, , , , , session, terminal] = status;
    assertEquals([Number(session), terminal], [pid, "0"]);
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      const target = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      if (Number(name) < 3) assertEquals(target, "/dev/null", name);
    }
    await sendScans(two, 0, 2);
    await eventually(() => linesOf(file).length === 2, () => "two lines");
    assertEquals(sourcesIn(linesOf(file)), sources(0, 2));
    Deno.kill(pid, "SIGTERM");
    await eventually(() => !isAlive(pid), () => "its end");
    assertEquals(linesOf(pidFile), []);
  },
);

/** Starts that fail before and behind the moment when the child is there. */
const FAILED_STARTS: Record<string, string[]> = {
  "a wrong expression": ["-c", "pcap", "--filter", "nonsense", "-o", "json"],
  "no such user": ["--user", "nemo", "-o", "file:/run/lines"],
  "no syslogd": [],
  "no directory for the file": ["-o", "file:/none/lines"],
  "no directory for the pid file": ["--pid-file", "/none/pid"],
  "a wrong option": ["--min-ports", "1"],
};

liveTest(
  "--daemon: each failing start returns 1 with one line",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    for (const [name, args] of Object.entries(FAILED_STARTS)) {
      await using shell = launch(two.host, ["-d", ...args], { as: PIPED });
      assertEquals(await shell.end(), 0);
      assertEquals(shell.stdout, []);
      assertEquals(shell.stderr.length, 2, shell.stderr.join("\n"));
      assert(shell.stderr[0].startsWith("scanlogd: "), name);
      assertEquals(shell.stderr[1], "status 1", name);
    }
  },
);

liveTest(
  "--pid-file keeps a second instance out, and takes over from a dead one",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const pidFile = `${folder.path}/pid`;
    await Deno.writeTextFile(pidFile, "999999999\n");
    const args = ["-o", "stdout", "--pid-file", pidFile];
    await using two = await TwoHosts.create();
    await using first = await startDaemon(two.host, args);
    assertEquals(linesOf(pidFile), [`${first.pid}`]);
    for (const mode of [[], ["-d"]]) {
      await using second = launch(two.host, [...args, ...mode]);
      assertEquals(await second.end(), 1);
      assertEquals(second.stderr, [
        `scanlogd: --pid-file: another instance holds "${pidFile}" (process ${first.pid}); stop it first`,
      ]);
    }
    assertEquals(linesOf(pidFile), [`${first.pid}`]);
    await first.stop("SIGKILL");
    assertEquals(linesOf(pidFile), [`${first.pid}`]);
    await using third = await startDaemon(two.host, args);
    assertEquals(linesOf(pidFile), [`${third.pid}`]);
    assertEquals(await third.stop(), 0);
    assertEquals(linesOf(pidFile), []);
  },
);

/** A service manager's socket: what it was told so far. */
class ServiceSocket implements Disposable {
  readonly #fd: number;

  /** @param path Where it listens; "@" stands for an abstract name. */
  constructor(path: string) {
    const name = new TextEncoder().encode(path.replace(/^@/, "\0"));
    const address = Uint8Array.from([1, 0, ...name]);
    this.#fd = checked(libc().socket(1, 0x80002, 0), "socket");
    checked(libc().bind(this.#fd, address, address.length), "bind");
  }

  /** The next message, or undefined. */
  read(): string | undefined {
    const bytes = new Uint8Array(256);
    const length = libc().recv(this.#fd, bytes, 256n, 0x40);
    if (length < 0n) return undefined;
    return new TextDecoder().decode(bytes.subarray(0, Number(length)));
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}

for (const kind of ["path", "abstract name"]) {
  liveTest(
    `a service manager (${kind}) is told readiness, life and the end`,
    NEEDS,
    async () => {
      await using folder = await Folder.create();
      await using two = await TwoHosts.create();
      // Abstract names belong to the network namespace: this process's own.
      const path = kind === "path" ? `${folder.path}/notify` : "@notify";
      using manager = kind === "path"
        ? new ServiceSocket(path)
        : await inside(two.host, () => new ServiceSocket(path));
      await using daemon = await startDaemon(two.host, ["-o", "stdout"], {
        env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "200000" },
      });
      const next = () =>
        eventually(() => manager.read(), () => "a notification");
      assertEquals(await next(), "READY=1");
      const start = performance.now();
      for (let i = 0; i < 5; i++) assertEquals(await next(), "WATCHDOG=1");
      const time = performance.now() - start;
      assert(time > 300 && time < 1000, `5 signs of life in ${time} ms`);
      assertEquals(await daemon.stop(), 0);
      let last = await next();
      while (last === "WATCHDOG=1") last = await next();
      assertEquals(last, "STOPPING=1");
      assertEquals(manager.read(), undefined);
    },
  );
}

/** Calls a function while this thread is in a host's network namespace. */
async function inside<T>(host: Namespace, call: () => T): Promise<T> {
  const CLONE_NEWNET = 0x40000000;
  const { symbols, close } = Deno.dlopen("libc.so.6", {
    setns: { parameters: ["i32", "i32"], result: "i32" },
    open: { parameters: ["buffer", "i32"], result: "i32" },
  });
  const open = (path: string) =>
    symbols.open(new TextEncoder().encode(path + "\0"), 0);
  const [own, other] = [
    open("/proc/thread-self/ns/net"),
    open(`/run/netns/${host.name}`),
  ];
  checked(symbols.setns(other, CLONE_NEWNET), "setns");
  try {
    return await call();
  } finally {
    checked(symbols.setns(own, CLONE_NEWNET), "setns");
    for (const fd of [own, other]) libc().close(fd);
    void close;
  }
}

liveTest(
  "a service manager that is gone or never was does not matter",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    for (
      const path of ["/run/none", "@none", "relative", "", "x".repeat(300)]
    ) {
      await using daemon = await startDaemon(two.host, ["-o", "stdout"], {
        env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "10000" },
      });
      assertEquals(await daemon.stop(), 0, daemon.stderr.join("\n"));
    }
  },
);

liveTest(
  "SIGUSR1 a hundred times, early and late: nothing listens, it goes on",
  NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...["-o", "stdout", "--log-burst", "0"],
    ]);
    for (let i = 0; i < 100; i++) {
      daemon.signal("SIGUSR1");
      await pause(10);
    }
    await pause(500);
    assertEquals(await listeners(two.host), "");
    await sendScans(two, 0, 2);
    await eventually(() => daemon.stdout.length === 2, () => "two lines");
    assertEquals(await daemon.stop(), 0);
    // Until our last word on that signal the runtime tries, and is refused.
    const own = daemon.stderr.filter((line) =>
      !line.startsWith("Failed to start inspector server")
    );
    assertEquals(own.length, 2, own.join("\n"));
  },
);

liveTest("all signals at once and again: it goes on", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, [
    ...["-o", "stdout", "--log-burst", "0"],
  ]);
  for (let i = 0; i < 50; i++) {
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const) {
      daemon.signal(signal);
    }
    if (i % 10 === 0) await sendScans(two, i, 1);
    await pause(5);
  }
  await eventually(() => daemon.stdout.length === 5, () => "five lines");
  assertEquals(await daemon.stop("SIGINT"), 0);
  assertEquals(daemon.stdout.length, 5);
  assertStringIncludes(
    daemon.stderr.at(-1) ?? "",
    "0 dropped by the kernel, 5 sources, 5 scans, 0 suppressed",
  );
});

/** How much of the executable's code a process holds, in KiB. */
function residentCode(pid: number): number {
  const executable = Deno.readLinkSync(`/proc/${pid}/exe`);
  const parts = Deno.readTextFileSync(`/proc/${pid}/smaps`)
    .split(/^(?=[\da-f]+-[\da-f]+ )/m)
    .filter((part) => / r-xp /.test(part) && part.includes(executable));
  assert(parts.length > 0);
  return parts.map((part) => Number(/^Rss: +(\d+) kB$/m.exec(part)?.[1]))
    .reduce((sum, size) => sum + size, 0);
}

liveTest("what only starting needs is given back", NEEDS, async () => {
  await using host = await Namespace.create();
  await using daemon = await startDaemon(host, ["-i", "lo", "-o", "stdout"]);
  const before = residentCode(daemon.pid);
  await eventually(
    () => residentCode(daemon.pid) < before - 4096,
    () => `less than ${before} KiB of code`,
  );
  assertEquals(await daemon.stop(), 0);
});
