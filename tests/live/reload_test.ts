/** `--reload`: what was remembered stays, a wrong file changes nothing. */

import { bindControl, receiveControl } from "../../ffi/control_socket.ts";
import { libc } from "../../ffi/libc.ts";
import { assertEquals, assertStringIncludes } from "../assert.ts";
import { Folder, launch, program, startDaemon } from "./daemon.ts";
import { USER } from "./machine.ts";
import { HOST, SCANNER, TwoHosts } from "./namespaces.ts";
import { eventually, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";
import { scanEnds, SHORT_DELAY } from "./scans.ts";

const NEEDS = {
  root: true,
  tools: ["ip", "unshare", "nmap", "python3"],
};

/** A daemon with a configuration and a list, and what replaces them. */
class Site implements AsyncDisposable {
  readonly control: string;
  readonly list: string;
  readonly config: string;
  readonly #folder: Folder;
  readonly two: TwoHosts;

  private constructor(folder: Folder, two: TwoHosts) {
    this.#folder = folder;
    this.two = two;
    this.control = `${folder.path}/control`;
    this.list = `${folder.path}/list`;
    this.config = `${folder.path}/config.toml`;
  }

  static async create(): Promise<Site> {
    const site = new Site(await Folder.create(), await TwoHosts.create());
    site.write(site.list, "# nobody\n");
    site.write(site.config, `ignore-file = "${site.list}"\n`);
    return site;
  }

  /** Replaces a file as editors and deployment tools do. */
  write(path: string, text: string): void {
    Deno.writeTextFileSync(`${path}.new`, text);
    Deno.renameSync(`${path}.new`, path);
  }

  start(...args: string[]): Promise<Process> {
    return startDaemon(this.two.host, [
      ...["-o", "stdout", "--log-burst", "0", "-f", this.config],
      ...["--control", this.control, ...args],
    ]);
  }

  /** Runs `--reload`; returns the exit status and what it says. */
  async reload(): Promise<[number, string]> {
    await using process = new Process(
      program(["--reload", "--control", this.control]),
    );
    return [await process.end(), process.stderr.join("\n")];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.two[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

liveTest("lists that are replaced are read again", NEEDS, async () => {
  await using site = await Site.create();
  await using daemon = await site.start(...SHORT_DELAY);
  const lines = async (count: number) => {
    await eventually(
      () => daemon.stdout.length >= count,
      () => `${count} lines, there are\n${daemon.stdout.join("\n")}`,
    );
    assertEquals(daemon.stdout.length, count, daemon.stdout.join("\n"));
  };
  await site.two.scan();
  await lines(1);
  await scanEnds();
  site.write(site.list, `${SCANNER}/32 # ours\n`);
  assertEquals(await site.reload(), [0, ""]);
  await daemon.told("configuration read again; 1 entry in the ignore lists");
  await site.two.scan(HOST, { ports: "2000-2100" });
  await scanEnds();
  await lines(1);
  site.write(site.list, "");
  site.write(site.config, `ignore-file = "${site.list}"\nutc = true\n`);
  assertEquals(await site.reload(), [0, ""]);
  await site.two.scan();
  await lines(2);
  assertEquals(await daemon.stop(), 0);
});

liveTest("what is remembered survives reloads", NEEDS, async () => {
  await using site = await Site.create();
  await using daemon = await site.start("--scan-delay", "60s");
  const ports = [21, 22, 23, 25, 80, 110, 143];
  for (const [i, port] of ports.entries()) {
    await site.two.scan(HOST, { ports: `${port}` });
    if (i >= 3) continue;
    site.write(site.list, `198.51.100.${i}\n`);
    assertEquals(await site.reload(), [0, ""]);
  }
  await eventually(() => daemon.stdout.length === 1, () => "the line");
  assertStringIncludes(daemon.stdout[0], "ports 21, 22, 23, 25, 80, 110");
  assertEquals(await daemon.stop(), 0);
});

liveTest("a reload needs the directory of the start", NEEDS, async () => {
  await using site = await Site.create();
  const directory = `${site.control}.start`;
  Deno.mkdirSync(directory);
  const as = ["sh", "-c", 'cd "$0" && exec "$@"', directory];
  await using daemon = await startDaemon(site.two.host, [
    ...["-o", "stdout", "--control", site.control],
  ], { as });
  assertEquals(await site.reload(), [0, ""]);
  Deno.removeSync(directory);
  assertEquals(await site.reload(), [
    1,
    `scanlogd: --reload: cannot go to "${directory}", where scanlogd was started; make it again, or restart scanlogd elsewhere`,
  ]);
  assertEquals(await daemon.stop(), 0);
});

liveTest("what is wrong changes nothing, and says why", NEEDS, async () => {
  await using site = await Site.create();
  await using daemon = await site.start();
  const said = daemon.stderr.length;
  site.write(site.list, "10.0.0.0/8\nnonsense\n");
  let [code, text] = await site.reload();
  assertEquals(code, 1);
  assertStringIncludes(text, `--ignore-file: ${site.list}, line 2: this must`);

  site.write(site.list, `${SCANNER}\n`);
  site.write(
    site.config,
    `ignore-file = "${site.list}"\nmin-ports = 9\nuser = "nobody"\n`,
  );
  [code, text] = await site.reload();
  assertEquals([code, text], [
    1,
    "scanlogd: --reload: nothing was changed: --min-ports, --user cannot change while scanlogd runs; restart it",
  ]);
  assertEquals(daemon.stderr.length, said, daemon.stderr.join("\n"));
  await site.two.scan();
  await eventually(() => daemon.stdout.length === 1, () => "the line");
  assertEquals(await daemon.stop(), 0);
  [code, text] = await site.reload();
  assertEquals(code, 1);
  assertStringIncludes(text, "cannot reach the running scanlogd at ");
});

liveTest("nobody but root can reload", NEEDS, async () => {
  await using site = await Site.create();
  await using daemon = await site.start();
  const { mode } = Deno.statSync(site.control);
  assertEquals((mode ?? 0) & 0o777, 0o600);
  for (const id of [`${USER.id}`, "65534"]) {
    await using refused = sendAs(id, site.control);
    assertEquals(await refused.end(), 1);
    assertStringIncludes(refused.stderr.join("\n"), "PermissionError");
  }
  // Even with the file's permission, whom the kernel names counts.
  Deno.chmodSync(site.control, 0o666);
  await using stranger = sendAs("65534", site.control);
  assertEquals(await stranger.end(), 0, stranger.stderr.join("\n"));
  await daemon.told("--control: a message of user 65534 is passed over");
  assertEquals(await daemon.stop(), 0);
});

function sendAs(user: string, path: string): Process {
  return new Process([
    ...["python3", "-c", SEND_DESCRIPTORS, path, user],
  ]);
}

/** What the client sends, by hand. */
const SEND_DESCRIPTORS = `
import array, os, socket, sys
os.setgroups([])
os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
text = os.memfd_create("x")
os.write(text, b'{"type":"reload","values":{},"ignored":["0.0.0.0/0"]}')
os.lseek(text, 0, 0)
fds = array.array("i", [text, os.pipe()[1]])
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
`;

liveTest(
  "a second daemon does not take the first one's socket",
  NEEDS,
  async () => {
    await using site = await Site.create();
    await using first = await site.start();
    await using second = launch(site.two.host, [
      ...["-o", "stdout", "--control", site.control],
    ]);
    assertEquals(await second.end(), 1);
    assertStringIncludes(second.stderr[0], "another scanlogd listens there");
    assertEquals(await site.reload(), [0, ""]);
    await first.stop("SIGKILL");
    // What it has left behind is no obstacle.
    await using third = await site.start();
    assertEquals(await site.reload(), [0, ""]);
    assertEquals(await third.stop(), 0);
  },
);

/** What somebody may answer who has taken over the running program. */
const ANSWERS: Record<string, string> = {
  "no JSON": "x",
  "no object": "null",
  "arguments that are no texts": '{"arguments":[1]}',
  "a directory that is no text": '{"directory":{}}',
  "an answer that never ends": '{"arguments":[',
};

for (const [what, answer] of Object.entries(ANSWERS)) {
  liveTest(`--reload that gets ${what} ends with one line`, NEEDS, async () => {
    await using site = await Site.create();
    const socket = bindControl(site.control);
    const reloading = site.reload();
    const { descriptors } = await eventually(
      () => receiveControl(socket),
      () => "the question",
    );
    const [text, reply] = descriptors;
    const bytes = new TextEncoder().encode(answer);
    libc().write(reply, bytes, BigInt(bytes.length));
    libc().close(text);
    if (!what.includes("never")) libc().close(reply);
    const [code, line] = await reloading;
    libc().close(socket);
    if (what.includes("never")) libc().close(reply);
    assertEquals(code, 1);
    assertStringIncludes(line, "does not answer; look into its log");
    assertEquals(line.split("\n").length, 1, line);
  });
}

liveTest("the flood limit changes while the daemon runs", NEEDS, async () => {
  await using site = await Site.create();
  const limit = (burst: number) =>
    site.write(
      site.config,
      `ignore-file = "${site.list}"\nlog-burst = ${burst}\nlog-delay = "1h"\n`,
    );
  limit(1);
  await using daemon = await startDaemon(site.two.host, [
    ...["-o", "stdout", "-f", site.config, "--control", site.control],
    ...SHORT_DELAY,
  ]);
  // Each is a scan of its own only after a pause.
  const scan = async (ports?: string) => {
    await site.two.scan(HOST, { ports });
    await scanEnds();
  };
  await scan();
  await scan("1000-1100");
  const stdout = () => daemon.stdout.join("\n");
  await eventually(() => daemon.stdout.length === 2, stdout);
  assertEquals(daemon.stdout[1], "More possible port scans follow");
  limit(-1);
  const [code, text] = await site.reload();
  assertEquals(code, 1);
  assertStringIncludes(text, "log-burst");
  await scan("3000-3100");
  limit(0);
  assertEquals(await site.reload(), [0, ""]);
  await scan("4000-4100");
  await eventually(() => daemon.stdout.length >= 3, stdout);
  assertStringIncludes(daemon.stdout[2], " ports 4");
  assertEquals(await daemon.stop(), 0);
});

/** The 7 probes of a scan that three reloads part. */
const SLOW_PORTS = [21, 22, 23, 25, 80, 110, 143];

liveTest("three reloads of long lists under a flood lose nothing", {
  root: true,
  tools: [...NEEDS.tools, "hping3"],
}, async () => {
  await using site = await Site.create();
  await using daemon = await site.start("--scan-delay", "60s");
  await using flood = site.two.scanner.start([
    ...["hping3", "-q", "-i", "u50", "-S", "-p", "++1", "--rand-source", HOST],
  ]);
  for (const [i, port] of SLOW_PORTS.entries()) {
    await site.two.scan(HOST, { ports: `${port}` });
    if (i % 2 === 0) continue;
    const networks = Array.from(
      { length: 20_000 },
      (_, n) => `${20 + i}.${n >> 8}.${n & 255}.0/24`,
    );
    const wrong = i === 3 ? "nonsense\n" : "";
    site.write(site.list, wrong + networks.join("\n"));
    const [code, text] = await site.reload();
    assertEquals(
      [code, text.includes("line 1: ")],
      wrong ? [1, true] : [0, false],
    );
    if (!wrong) continue;
    site.write(site.list, networks.join("\n"));
    assertEquals(await site.reload(), [0, ""]);
  }
  const ours = () => daemon.stdout.filter((line) => line.startsWith(SCANNER));
  await eventually(() => ours().length > 0, () => "the slow scan's line");
  assertEquals(ours().length, 1);
  assertStringIncludes(ours()[0], "ports 21, 22, 23, 25, 80, 110");
  await flood.stop("SIGINT");
  assertEquals(await daemon.stop(), 0);
  const reads = daemon.stderr.filter((line) => line.includes("read again"));
  assertEquals(reads.length, 3, daemon.stderr.join("\n"));
  const counts = daemon.stderr.find((line) => line.includes("packets seen"));
  assertStringIncludes(counts ?? "", ", 0 dropped by the kernel");
  console.log(counts);
});

liveTest(
  "what is no socket of root is neither removed nor asked",
  NEEDS,
  async () => {
    await using site = await Site.create();
    site.write(site.control, "precious");
    await using daemon = launch(site.two.host, [
      ...["-o", "stdout", "--control", site.control],
    ]);
    assertEquals(await daemon.end(), 1);
    assertStringIncludes(daemon.stderr.join("\n"), "something else is there");
    assertEquals(Deno.readTextFileSync(site.control), "precious");
    Deno.removeSync(site.control);
    const listener = bindControl(site.control);
    Deno.chownSync(site.control, 65_534, 65_534);
    const [code, text] = await site.reload();
    libc().close(listener);
    assertEquals(code, 1);
    assertStringIncludes(text, "the socket belongs to user 65534");
    // Nobody listens there any more, but it is not ours to remove.
    await using second = launch(site.two.host, [
      ...["-o", "stdout", "--control", site.control],
    ]);
    assertEquals(await second.end(), 1);
    const said = second.stderr.join("\n");
    assertStringIncludes(said, "a socket of user 65534 is there");
    assertEquals(Deno.lstatSync(site.control).uid, 65_534);
  },
);

liveTest(
  "of those that start over a socket left over, one has it",
  NEEDS,
  async () => {
    await using site = await Site.create();
    for (let round = 0; round < 3; round++) {
      await Deno.remove(site.control).catch(() => {});
      libc().close(bindControl(site.control));
      const all = Array.from({ length: 3 }, () =>
        launch(site.two.host, [
          ...["-o", "stdout", "-f", site.config, "--control", site.control],
        ]));
      const isWatching = ({ stderr }: Process) =>
        stderr.some((line) => line.includes("watching: "));
      await eventually(
        () => all.every((each) => each.code >= 0 || isWatching(each)),
        () => "all starts",
      );
      const [winner, ...others] = all.filter(isWatching);
      assertEquals(others, []);
      assertEquals(all.filter(({ code }) => code === 1).length, 2);
      assertEquals(await site.reload(), [0, ""]);
      assertEquals(await winner.stop(), 0);
      for (const each of all) await each[Symbol.asyncDispose]();
    }
    assertEquals(
      [...Deno.readDirSync(new URL(".", `file://${site.control}`))].map((
        { name },
      ) => name).sort(),
      ["config.toml", "control", "list"],
    );
  },
);

/** What stands where the lock of a start would be, and whether the start succeeds. */
const LOCKS: Record<string, { make: string; starts?: boolean }> = {
  "an empty file, left by a crash": { make: ': >"$1"', starts: true },
  "a file of root's": { make: 'echo precious >"$1"', starts: true },
  "a file of somebody else's": { make: 'echo >"$1" && chown 65534 "$1"' },
  "a symbolic link": { make: 'ln -s /etc/passwd "$1"' },
  "a link to nothing": { make: 'ln -s "$1.target" "$1"' },
  "a file with a second name": { make: 'echo >"$1.2" && ln "$1.2" "$1"' },
  "a pipe": { make: 'mkfifo "$1"' },
  "a device": { make: 'mknod "$1" c 1 3' },
  "a directory": { make: 'mkdir "$1"' },
};

for (const [what, { make, starts = false }] of Object.entries(LOCKS)) {
  liveTest(`${what} where the lock would be stays`, NEEDS, async () => {
    await using site = await Site.create();
    const lock = `${site.control}.lock`;
    await run(["sh", "-c", make, "sh", lock]);
    const look = () => run(["stat", "-c", "%F %u %h %s %Y %Z", lock]);
    const before = await look();
    await using daemon = launch(site.two.host, [
      ...["-o", "stdout", "--control", site.control],
    ]);
    if (starts) await daemon.told("watching: ");
    else assertEquals(await daemon.end(), 1);
    assertEquals(await look(), before);
    if (!starts) {
      assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
      assertStringIncludes(daemon.stderr[0], lock);
    }
  });
}
