/** How the program ends where no privilege is needed. */

import manifest from "../../deno.json" with { type: "json" };
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { eventually, Process } from "../live/processes.ts";

/** A directory that holds directories alone. */
const EMPTY = new URL("../../packaging/fail2ban/", import.meta.url).pathname;
const DATA = new URL("../data/conformance/", import.meta.url).pathname;
const TRACE = `${DATA}mixed-1.pcap`;

/** Arguments, perhaps standard input, and what the only line must say. */
interface Failed {
  args: string[];
  input?: Uint8Array<ArrayBuffer>;
  says: string;
  /** Lines found before it failed [0]. */
  lines?: number;
}

const trace = Deno.readFileSync(TRACE);
const ourLines = Deno.readTextFileSync(`${DATA}mixed-1.expected`)
  .split("\n").slice(0, -1);

/** The trace with another link type. */
function withLinkType(linkType: number): Uint8Array<ArrayBuffer> {
  const bytes = trace.slice();
  new DataView(bytes.buffer).setUint32(20, linkType, true);
  return bytes;
}

const FAILED: Record<string, Failed> = {
  "an unknown option": {
    args: ["--reed", TRACE],
    says: "unknown option --reed; did you mean --read?",
  },
  "a value out of range": {
    args: ["--min-ports", "1", "--read", TRACE],
    says: '--min-ports must be an integer from 2 to 100, got "1"',
  },
  "a network that is none": {
    args: ["--ignore", "nonsense", "--read", TRACE],
    says:
      '--ignore must be an address or a network such as 192.0.2.0/24, got "nonsense"',
  },
  "a name that a terminal would obey": {
    args: ["--read", "/none\x1b[31m\x9b\n.pcap"],
    says:
      '--read: there is no file "/none\\x1b[31m\\x9b .pcap"; name another one',
  },
  "a value without an end": {
    args: ["--min-ports", "9".repeat(10_000)],
    says: `to 100, got "${"9".repeat(60)}..."`,
  },
  "no such file": {
    args: ["--read", `${DATA}none.pcap`],
    says: `--read: there is no file "${DATA}none.pcap"; name another one`,
  },
  "a directory without files": {
    args: ["--read", EMPTY],
    says:
      `--read: there is no file in the directory "${EMPTY}"; name another one`,
  },
  "a file of another kind": {
    args: ["--read", `${DATA}README.md`],
    says: `${DATA}README.md: not a capture file: `,
  },
  "a link type that is not supported": {
    args: ["--read", "-"],
    input: withLinkType(147),
    says: "standard input: link type 147 ",
  },
  "a page that is to be a device": {
    args: ["--read", TRACE, "--output", "html:/dev/null"],
    says: "--output html: /dev/null: it is a device; name a file",
  },
  "counters that are to be a device": {
    args: ["--read", TRACE, "--metrics", "/dev/full"],
    says: "--metrics /dev/full: it is a device; name a file",
  },
  "a reload of what does not run": {
    args: ["--reload", "--control", `${DATA}control`],
    says:
      `cannot reach the running scanlogd at ${DATA}control: there is no such socket; start it first, as root, or name its socket with --control`,
  },
  "no input at all": {
    args: ["--read", "-"],
    says: "standard input: the file is empty: nothing was captured, or not yet",
  },
  "a file that is cut off": {
    args: ["--classic", "--utc", "--read", "-"],
    input: trace.slice(0, -1),
    says: "standard input: the file is cut off in a record: ",
    lines: ourLines.length,
  },
};

for (const [name, { args, input, says, lines = 0 }] of Object.entries(FAILED)) {
  Deno.test(`${name} ends the program with status 1 and one line`, async () => {
    await using process = new Process(program(args), { input });
    assertEquals(await process.end(), 1);
    assertEquals(process.stderr.length, 1, process.stderr.join("\n"));
    assert(process.stderr[0].startsWith("scanlogd: "), process.stderr[0]);
    assertStringIncludes(process.stderr[0], says);
    assertEquals(process.stdout, ourLines.slice(0, lines));
  });
}

Deno.test("the end of a file ends the program with status 0", async () => {
  const args = ["--classic", "--utc", "--read"];
  await using fromFile = new Process(program([...args, TRACE]));
  await using fromInput = new Process(program([...args, "-"]), {
    input: trace,
  });
  for (const process of [fromFile, fromInput]) {
    assertEquals(await process.end(), 0, process.stderr.join("\n"));
    assertEquals(process.stdout, ourLines);
    assertEquals(process.stderr, []);
  }
});

Deno.test("lines that are lost end it with status 1", async () => {
  const lost = {
    "json:/dev/full": "scanlogd: /dev/full: ",
    [`unix:${EMPTY}socket`]: `scanlogd: unix (${EMPTY}socket): `,
  };
  for (const [output, what] of Object.entries(lost)) {
    const args = ["--classic", "--read", TRACE, "--output", output];
    await using process = new Process(program(args));
    assertEquals(await process.end(), 1);
    const last = `${process.stderr.at(-1)}`;
    assert(last.startsWith(what), last);
    assert(last.endsWith(" lines could not be written"), last);
  }
});

/** Ways of reading a capture and writing to it, in a shell. */
const INTO_ITSELF: Record<string, string> = {
  "--read capture -o json:capture": "--output json:capture and --read",
  "--read link -o json:capture": "--output json:capture and --read",
  "--read - -o file:./capture <capture": "--output file:./capture and --read",
  "--read files -o json:files/b": "--output json:files/b and --read",
  "--read capture >>capture": "standard output and --read",
  "--read - <capture >>capture": "standard output and --read",
  "--read capture --ignore-file list -o file:list":
    "--output file:list and --ignore-file",
};

for (const [args, users] of Object.entries(INTO_ITSELF)) {
  Deno.test(`lines are not written to what is read: ${args}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/files`);
      const names = ["capture", "files/a", "files/b"];
      for (const name of names) await Deno.copyFile(TRACE, `${folder}/${name}`);
      await Deno.symlink("capture", `${folder}/link`);
      await Deno.writeTextFile(`${folder}/list`, "");
      await using process = new Process([
        ...["sh", "-c", `cd "$0" && exec "$@" ${args}`, folder],
        ...program([]),
      ]);
      assertEquals(await process.end(), 1);
      assertEquals(process.stderr, [
        `scanlogd: ${users} name the same file; give each a file of its own`,
      ]);
      const trace = await Deno.readFile(TRACE);
      for (const name of names) {
        assertEquals(await Deno.readFile(`${folder}/${name}`), trace);
      }
      assertEquals(await Deno.readTextFile(`${folder}/list`), "");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("--help and --version end it with status 0", async () => {
  await using help = new Process(program(["--help"]));
  assertEquals(await help.end(), 0);
  assertStringIncludes(help.stdout[0], "Usage: scanlogd ");
  await using version = new Process(program(["--version"]));
  assertEquals(await version.end(), 0);
  assertEquals(version.stdout, [`scanlogd ${manifest.version}`]);
});

const UNPRINTED: readonly [string, number, string[]][] = [
  ['"$@" | true', 0, []],
  ['"$@" >/dev/full', 1, [
    "scanlogd: standard output: No space left on device (os error 28)",
  ]],
];

Deno.test("what cannot be printed ends it with status 1, unless nobody reads it", async () => {
  for (const [shell, code, errors] of UNPRINTED) {
    await using process = new Process([
      ...["bash", "-o", "pipefail", "-c", shell, "bash"],
      ...program(["--help"]),
    ]);
    assertEquals(await process.end(), code);
    assertEquals(process.stderr, errors);
  }
});

const SIGUSR1 = 10;

/** Whether a process ignores a signal; ours sets that up last of all signals. */
function ignores(pid: number, signal: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, ignored] = /^SigIgn:\s*(\w+)$/m.exec(status) ?? [];
  return (BigInt(`0x${ignored}`) >> BigInt(signal - 1) & 1n) === 1n;
}

Deno.test("a signal ends it while it waits for the writer of a pipe", async () => {
  const directory = await Deno.makeTempDir();
  const pipe = `${directory}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  try {
    await using process = new Process(program(["--read", pipe]));
    await eventually(
      () => ignores(process.pid, SIGUSR1),
      () => "its handlers of signals",
    );
    assertEquals(await process.stop(), 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("no two programs write one page or one file of counters", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/file`;
  const options = {
    "--output html:": ["--output", `html:${path}`],
    "--metrics": ["--metrics", path],
  };
  try {
    for (const [option, args] of Object.entries(options)) {
      const begun = ["--classic", ...args, "--output", "stdout", "--read", "-"];
      await using first = new Process(program(begun), { input: "never" });
      await eventually(() => isLocked(path), () => `a lock of ${path}`);
      await using second = new Process(program(["--read", TRACE, ...args]));
      assertEquals(await second.end(), 1);
      assertEquals(second.stderr, [
        `scanlogd: ${option} ${path}: another scanlogd writes to it; name another file, or stop that one`,
      ]);
      assertEquals(await first.stop(), 0);
      await Deno.remove(path);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Whether a process holds a lock of a file. */
function isLocked(path: string): boolean {
  try {
    const { ino } = Deno.statSync(path);
    return Deno.readTextFileSync("/proc/locks").includes(`:${ino} `);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
