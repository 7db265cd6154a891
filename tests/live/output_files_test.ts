/**
 * Files that root writes to, where something else is in their place: the start
 * fails with one line, and nothing is changed.
 */

import { CALLS } from "../../daemon/syscall_numbers.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { Folder, launch, startDaemon } from "./daemon.ts";
import { Namespace, TwoHosts } from "./namespaces.ts";
import { outerFilter, READLINKAT, SETRESUID } from "./outer_filter.ts";
import { eventually, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const NEEDS = { root: true, tools: ["ip", "unshare"] };
const NOBODY = 65534;

/** What stands where the file should be, and what the line must say of it. */
const PLACES: Record<string, { make: string; says: RegExp }> = {
  "a symbolic link": {
    make: 'echo precious >"$1.target" && ln -s "$1.target" "$1"',
    says: /symbolic link/,
  },
  "a link to nothing": {
    make: 'ln -s "$1.target" "$1"',
    says: /symbolic link/,
  },
  "a directory": { make: 'mkdir "$1"', says: /is a directory/ },
  "another user's file": {
    make: `: >"$1" && chown ${NOBODY} "$1"`,
    says: /belongs to another user \(65534\)/,
  },
  "a file with a second name": {
    make: ': >"$1.target" && ln "$1.target" "$1"',
    says: /second name/,
  },
  "no directory": { make: "true", says: /directory/ },
};
/** Which options name files, and what some of them must not find there. */
const OPTIONS: Record<string, (path: string) => string[]> = {
  "--pid-file": (path) => ["--pid-file", path],
  "file:": (path) => ["-o", `file:${path}`],
  "json:": (path) => ["-o", `json:${path}`],
  "probes:": (path) => ["-o", `probes:${path}`],
  "--metrics": (path) => ["--metrics", path],
};
const PASSWD = "root:x:0:0::/root:/bin/sh\n";
/** The last is behind what is looked at first. */
const CHECKED_CONTENTS = [
  ["--pid-file", PASSWD],
  ["--metrics", PASSWD],
  ["--pid-file", `${" ".repeat(300)}precious\n`],
] as const;

/** All that is in a folder, down to each file's bytes, owner and time. */
async function snapshot(folder: string): Promise<string> {
  return await run([
    "sh",
    "-c",
    'cd "$0" && find . -printf "%p %y %u %m %s %T@ %l\\n" | sort && find . -type f -exec sha256sum {} + | sort',
    folder,
  ]);
}

for (const [option, args] of Object.entries(OPTIONS)) {
  for (const [what, { make, says }] of Object.entries(PLACES)) {
    liveTest(
      `${option} on ${what}: one line, nothing changed`,
      NEEDS,
      async () => {
        await using folder = await Folder.create();
        const inside = what === "no directory" ? "missing/file" : "file";
        const path = `${folder.path}/${inside}`;
        await run(["sh", "-c", make, "sh", path]);
        const before = await snapshot(folder.path);
        await using host = await Namespace.create();
        for (const further of [[], ["--check"]]) {
          await using daemon = launch(host, [
            ...["-o", "stdout", "-i", "lo"],
            ...args(path),
            ...further,
          ]);
          assertEquals(await daemon.end(), 1);
          assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
          assertMatch(daemon.stderr[0], says);
          assert(daemon.stderr[0].includes(path), daemon.stderr[0]);
          assertEquals(await snapshot(folder.path), before);
        }
      },
    );
  }
}

for (const [option, text] of CHECKED_CONTENTS) {
  const what = JSON.stringify(text.trim());
  liveTest(
    `${option} on a file that holds ${what}: one line, nothing changed`,
    NEEDS,
    async () => {
      await using folder = await Folder.create();
      const path = `${folder.path}/passwd`;
      await Deno.writeTextFile(path, text);
      const before = await snapshot(folder.path);
      await using host = await Namespace.create();
      await using daemon = launch(host, [
        ...["-o", "stdout", "-i", "lo"],
        ...OPTIONS[option](path),
      ]);
      assertEquals(await daemon.end(), 1);
      assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
      assertMatch(daemon.stderr[0], /holds something else/);
      assertEquals(await snapshot(folder.path), before);
    },
  );
}

for (const option of ["--pid-file", "--metrics"]) {
  liveTest(
    `${option} on a full disk: one line, nothing changed`,
    NEEDS,
    async () => {
      await using folder = await Folder.create();
      await using host = await Namespace.create();
      const disk = `${folder.path}/disk`;
      await Deno.mkdir(disk);
      await using daemon = launch(host, [
        ...["-o", "stdout", "-i", "lo", option, `${disk}/new`],
      ], {
        setUp: [
          `mount -t tmpfs -o size=4k,nr_inodes=8 tmpfs ${disk}`,
          `head -c 4096 /dev/zero >${disk}/full`,
        ].join("\n"),
        as: ["sh", "-c", `"$@"; code=$?; ls ${disk} >&2; exit $code`, "sh"],
      });
      assertEquals(await daemon.end(), 1);
      const [line, ...files] = daemon.stderr;
      assertMatch(
        line,
        new RegExp(`^scanlogd: ${option} .*[Nn]o space .*left`),
      );
      assertEquals(files, ["full"]);
    },
  );
}

/** Starts that fail once files are made, and what their one line says. */
const LATE: Record<string, { as: string[]; says: RegExp }> = {
  "an outer filter that refuses to change the user": {
    as: outerFilter(SETRESUID),
    says: /^scanlogd: setresuid: /,
  },
  "an outer filter that refuses filters": {
    as: outerFilter(CALLS.seccomp),
    says: /^scanlogd: cannot install the system call filter: /,
  },
  "an outer filter that hides what is open": {
    as: outerFilter(READLINKAT),
    says: /^scanlogd: descriptor \d+ cannot be looked at: refusing to go on; /,
  },
  "few open files": {
    as: ["sh", "-c", 'ulimit -n 36; exec "$@"', "sh"],
    says: /^scanlogd: only 36 files may be open at once; allow 64 at least/,
  },
};

/** What is there, but for what the test's machine is made with. */
function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name !== "mount");
}

for (const [what, { as, says }] of Object.entries(LATE)) {
  liveTest(`${what}: what a start has made is gone again`, {
    ...NEEDS,
    tools: [...NEEDS.tools, "python3"],
  }, async () => {
    await using folder = await Folder.create();
    await using run = await Folder.create();
    const path = (name: string) => `${folder.path}/${name}`;
    await Deno.writeTextFile(path("lines"), "before\n");
    await using host = await Namespace.create();
    await using daemon = launch(host, [
      ...["-i", "lo"],
      ...["-o", `file:${path("lines")}`, "-o", `json:${path("new")}`],
      ...["--metrics", path("counters"), "--pid-file", path("pid")],
    ], { as, run: run.path, setUp: "rm -r /run/scanlogd" });
    assertEquals(await daemon.end(), 1);
    assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
    assertMatch(daemon.stderr[0], says);
    assertEquals(namesIn(folder.path), ["lines"]);
    assertEquals(await Deno.readTextFile(path("lines")), "before\n");
    assertEquals(namesIn(run.path), []);
  });
}

/** Far above what the runtime writes to its caches. */
const LONGEST = 100 << 20;

liveTest(
  "a file as long as the limit allows is said to be, and ends nothing",
  { ...NEEDS, tools: [...NEEDS.tools, "prlimit", "nmap"] },
  async () => {
    await using folder = await Folder.create();
    const path = `${folder.path}/lines`;
    await run(["truncate", "-s", `${LONGEST}`, path]);
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, ["-o", `file:${path}`], {
      as: ["prlimit", `--fsize=${LONGEST}`],
    });
    await two.scan();
    await eventually(
      () =>
        daemon.stderr.some((line) =>
          line.endsWith(`${path}: cannot be written to, lines are lost`)
        ),
      () => "a warning",
    );
    assertEquals(await daemon.stop(), 0);
    assertEquals((await Deno.stat(path)).size, LONGEST);
  },
);

/** Options that name one file, and who does so by two names. */
const ONE_FILE: Record<string, [args: string, users: string, into?: string]> = {
  "two outputs": ["-o file:a -o json:b", "--output json:b and --output file:a"],
  "two outputs that are not there": [
    "-o file:c/new -o json:d/new",
    "--output json:d/new and --output file:c/new",
  ],
  "a relative and an absolute path": [
    "-o file:new -o json:$PWD/new",
    "--output json:$PWD/new and --output file:new",
  ],
  "a path that goes up": [
    "-o file:new -o json:c/../new",
    "--output json:c/../new and --output file:new",
  ],
  "an output and counters": [
    "-o file:a --metrics b",
    "--output file:a and --metrics",
  ],
  "an output and the pid file": [
    "-o file:a --pid-file b",
    "--output file:a and --pid-file",
  ],
  "counters and the pid file": [
    "-o stdout --metrics a --pid-file b",
    "--pid-file and --metrics",
  ],
  "an output and the control socket": [
    "-o unix:c/new --control d/new",
    "--output unix:c/new and --control",
  ],
  "the pid file and the lock of the control socket": [
    "-o stdout --pid-file new.lock --control new",
    "the lock of --control and --pid-file",
  ],
  "counters and standard output": [
    "-o stdout --metrics a",
    "standard output and --metrics",
    ">>b",
  ],
  "the pid file and standard error": [
    "-o stdout --pid-file a",
    "standard error and --pid-file",
    "2>>b",
  ],
};

for (const [what, [args, users, into = ""]] of Object.entries(ONE_FILE)) {
  for (const check of ["", "--check"]) {
    liveTest(`${what} are one file: one line ${check}`, NEEDS, async () => {
      await using folder = await Folder.create();
      const script = [
        `cd ${folder.path} && mkdir c d && touch a b`,
        "mount --bind a b && mount --bind c d",
        `exec "$@" -i lo ${args} ${check} ${into}`,
      ].join("\n");
      await using host = await Namespace.create();
      await using daemon = launch(host, [], { as: ["sh", "-c", script, "sh"] });
      assertEquals(await daemon.end(), 1);
      const said = into.startsWith("2")
        ? (await Deno.readTextFile(`${folder.path}/a`)).trimEnd().split("\n")
        : daemon.stderr;
      assertEquals(said, [
        `scanlogd: ${users} name the same file; give each a file of its own`
          .replace("$PWD", folder.path),
      ]);
      const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
      assertEquals(names.sort(), ["a", "b", "c", "d"]);
    });
  }
}

for (const option of ["file:", "json:"]) {
  liveTest(`-o ${option} takes no file of the kernel's`, NEEDS, async () => {
    await using host = await Namespace.create();
    for (const path of ["/proc/self/mem", "/proc/self/oom_score_adj"]) {
      await using daemon = launch(host, ["-i", "lo", "-o", option + path]);
      assertEquals(await daemon.end(), 1);
      assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
      assertMatch(
        daemon.stderr[0],
        /: what is written there goes to the kernel/,
      );
    }
  });
}

liveTest("a pipe that nobody reads from is named as one", NEEDS, async () => {
  await using folder = await Folder.create();
  const pipe = `${folder.path}/pipe`;
  await run(["mkfifo", pipe]);
  await using host = await Namespace.create();
  await using daemon = launch(host, ["-i", "lo", "-o", `file:${pipe}`]);
  assertEquals(await daemon.end(), 1);
  assertEquals(
    daemon.stderr,
    [
      `scanlogd: --output file: ${pipe}: it is a pipe that nobody reads from; start its reader first, or name a file`,
    ],
  );
});

liveTest("another user's pipe is refused, as a file is", NEEDS, async () => {
  await using folder = await Folder.create();
  const pipe = `${folder.path}/pipe`;
  await run(["sh", "-c", `mkfifo ${pipe} && chown ${NOBODY} ${pipe}`]);
  await using host = await Namespace.create();
  await using daemon = launch(host, ["-i", "lo", "-o", `file:${pipe}`], {
    as: ["sh", "-c", `exec 3<>${pipe}; exec "$@"`, "sh"],
  });
  assertEquals(await daemon.end(), 1);
  assertEquals(
    daemon.stderr,
    [
      `scanlogd: --output file: ${pipe}: it belongs to another user (${NOBODY}); remove it, or: chown 0 it`,
    ],
  );
});

liveTest("a start that fails makes and changes no file", NEEDS, async () => {
  await using folder = await Folder.create();
  const path = (name: string) => `${folder.path}/${name}`;
  await Deno.writeTextFile(path("pid"), "4711\n");
  await Deno.writeTextFile(path("counters"), "# HELP scanlogd_scans Scans\n");
  const before = await snapshot(folder.path);
  await using host = await Namespace.create();
  const failing: string[][] = [
    ["-c", "pcap", "--filter", "nonsense"],
    ["--user", "nemo"],
    ["--chroot", "/none"],
    ["-o", "file:/none/lines"],
    ["--min-ports", "1"],
    ["--metrics", "/none/metrics"],
  ];
  for (const wrong of failing) {
    await using daemon = launch(host, [
      ...["-o", "stdout", "-o", `file:${path("lines")}`],
      ...["--pid-file", path("pid")],
      ...(wrong[0] === "--metrics" ? [] : ["--metrics", path("counters")]),
      ...wrong,
    ]);
    assertEquals(await daemon.end(), 1, wrong.join(" "));
    assertEquals(daemon.stderr.length, 1, daemon.stderr.join("\n"));
    assertEquals(await snapshot(folder.path), before, wrong.join(" "));
  }
});

liveTest(
  "a file that is right is taken, and a stale number replaced",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const path = `${folder.path}/pid`;
    await Deno.writeTextFile(path, "4194304000\n");
    await using host = await Namespace.create();
    const args = ["-o", "stdout", "-i", "lo", "--pid-file", path];
    await using daemon = await startDaemon(host, args);
    assertEquals(await Deno.readTextFile(path), `${daemon.pid}\n`);
    await using second = launch(host, args);
    assertEquals(await second.end(), 1);
    assertMatch(second.stderr[0], /another instance holds/);
    assertEquals(await Deno.readTextFile(path), `${daemon.pid}\n`);
    assertEquals(await daemon.stop(), 0);
    assertEquals(await Deno.readTextFile(path), "");
  },
);
