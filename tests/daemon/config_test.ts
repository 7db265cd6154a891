/** The configuration file, and options that nobody would give. */

import fc from "fast-check";
import { parseCommandLine } from "../../daemon/command_line.ts";
import { Failure } from "../../daemon/failure.ts";
import { OPTIONS, type OptionSpec } from "../../daemon/options.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";
import { runSeed } from "../random.ts";

const SPECS = Object.entries(OPTIONS) as [string, OptionSpec][];
const file = Deno.makeTempFileSync({ suffix: ".toml" });
addEventListener("unload", () => Deno.removeSync(file));

/** Reads options from a file with this text. */
function configure(text: string, ...args: string[]) {
  Deno.writeTextFileSync(file, text);
  return parseCommandLine(["--config", file, ...args]);
}

/** What refuses the file. */
function refusal(text: string, ...args: string[]): string {
  try {
    configure(text, ...args);
  } catch (error) {
    assert(error instanceof Failure, `${error}`);
    return error.message;
  }
  throw new Error(`not refused: ${text}`);
}

Deno.test("every kind of option can stand in the file", () => {
  const options = configure(`
# What a host behind a NAT wants.
interface = ["eth0", "eth1"]
ignore = ["192.0.2.0/24", "2001:db8::1"]
output = ["syslog", "json:/var/log/scans.json"]
min-ports = 9
scan-delay = "1500ms"
log-delay = 30
utc = true
classic = false
user = "nobody"
"max-line" = 0
`);
  assertEquals(options.interface, ["eth0", "eth1"]);
  assertEquals(options.ignore, ["192.0.2.0/24", "2001:db8::1"]);
  assertEquals(options.output, ["syslog", "json:/var/log/scans.json"]);
  assertEquals(options["min-ports"], 9);
  assertEquals(options["scan-delay"], 1500);
  assertEquals(options["log-delay"], 30_000);
  assertEquals([options.utc, options.classic], [true, false]);
  assertEquals([options.user, options["max-line"]], ["nobody", 0]);
  assert(!options.given.has("classic"));
});

Deno.test("a list is an array, or one text with commas", () => {
  assertEquals(configure('ignore = "10.0.0.0/8,::1"').ignore, [
    "10.0.0.0/8",
    "::1",
  ]);
  assertEquals(configure("ignore = []").ignore, []);
});

Deno.test("an item of an array may have commas", () => {
  const { output } = configure('output = ["json:/tmp/a,b", "stdout"]');
  assertEquals(output, ["json:/tmp/a,b", "stdout"]);
});

Deno.test("an empty file changes nothing", () => {
  for (const text of ["", "\n\n", "# nothing\n", "\ufeff# mark\n"]) {
    const options = configure(text);
    assertEquals([...options.given], ["config"], JSON.stringify(text));
  }
});

Deno.test("the command line wins", () => {
  const text = 'min-ports = 9\nuser = "nobody"\ninterface = ["eth0"]\n';
  const options = configure(text, "--min-ports", "5", "-i", "eth9");
  assertEquals(options["min-ports"], 5);
  assertEquals(options.interface, ["eth9"]);
  assertEquals(options.user, "nobody");
  // Also over a value that would be refused.
  assertEquals(configure("min-ports = 1", "--min-ports", "5")["min-ports"], 5);
});

/** Files, and what refuses them; FILE stands for the file's path. */
const REFUSED: Record<string, string> = {
  "min-port = 7":
    'FILE, line 1: unknown key "min-port"; did you mean min-ports?',
  "\n\n  min-port = 7":
    'FILE, line 3: unknown key "min-port"; did you mean min-ports?',
  'config = "other"': "FILE, line 1: config does not go in a file; ",
  "help = true":
    "FILE, line 1: help does not go in a file; give --help on the command line",
  "hepl = true": 'FILE, line 1: unknown key "hepl"; keys are the long options',
  "version = true": "FILE, line 1: version does not go in a file; ",
  "check = true": "FILE, line 1: check does not go in a file; ",
  "constructor = 1": 'FILE, line 1: unknown key "constructor"',
  "__proto__ = 1": 'FILE, line 1: unknown key "__proto__"',
  "utc = true\n[__proto__]\nuser = 'a'":
    'FILE, line 2: unknown key "__proto__"',
  "[scanlogd]\nuser = 'a'":
    "FILE, line 1: [scanlogd] is a table; there are none here: ",
  "utc = true\nmin-ports = 1":
    'FILE, line 2: min-ports must be an integer from 2 to 100, got "1"',
  "min-ports = 7.5":
    'FILE, line 1: min-ports must be an integer from 2 to 100, got "7.5"',
  "min-ports = inf":
    'FILE, line 1: min-ports must be an integer from 2 to 100, got "Infinity"',
  "min-ports = []": "FILE, line 1: min-ports takes one value, got 0",
  "min-ports = [7, 8]":
    'FILE, line 1: min-ports takes one value, got 2: "7", "8"',
  "min-ports = true":
    "FILE, line 1: min-ports must be an integer from 2 to 100, not true or false",
  "utc = 1": "FILE, line 1: utc must be true or false",
  'utc = "yes"': "FILE, line 1: utc must be true or false",
  'scan-delay = "3d"':
    "FILE, line 1: scan-delay must be a time in ms, s, m, h or d such as 3s",
  'capture = "fast"': "FILE, line 1: capture must be one of raw, pcap",
  'output = ["syslog", "loud"]': "FILE, line 1: output must be one of syslog,",
  'output = ["file:"]': "FILE, line 1: output must be one of syslog,",
  "output = []":
    "FILE, line 1: output names no sink, so that no scan would be reported; name one of syslog, stdout,",
  'ident = "a\\nb"':
    "FILE, line 1: ident must be 1 to 32 letters, digits, or any of",
  // TOML 1.0 forbids it, and std's parser takes the last one.
  'user = "a"\n\n"user" = "b"':
    "FILE, line 3: user is set in line 1 already; leave one of them",
  'ignore = ["10.0.0.0/8,::1"]':
    'FILE, line 1: ignore must be an address or a network such as 192.0.2.0/24, got "10.0.0.0/8,::1"; put each into a string or on a line of its own',
  'user = ""': "FILE, line 1: user needs a value",
  'user = "a\\u0000b"': "FILE, line 1: user must not contain a zero byte",
  'ignore = ["10.0.0.0/8", "home"]':
    'FILE, line 1: ignore must be an address or a network such as 192.0.2.0/24, got "home"',
  "ignore = [[1]]": "FILE, line 1: ignore must be a string, a number,",
  "user = 2026-01-01": "FILE, line 1: user must be a string, a number,",
  "user = {name = 'a'}": "FILE, line 1: [user] is a table; there are none ",
  "privileged-weight = 2\nhigh-weight = 3":
    "FILE, line 2: high-weight must be at most --privileged-weight (2)",
  "user = ": "FILE: this is not TOML: ",
  "user": "FILE: this is not TOML: ",
  "\u0000": "FILE: this is not TOML: ",
};

for (const [text, message] of Object.entries(REFUSED)) {
  Deno.test(`${JSON.stringify(text)} is refused: ${message}`, () => {
    assertStringIncludes(refusal(text), message.replace("FILE", file));
  });
}

Deno.test("a file that cannot be read is named", () => {
  const says = (path: string) => {
    try {
      parseCommandLine(["-f", path]);
    } catch (error) {
      assert(error instanceof Failure);
      return error.message;
    }
    throw new Error(`not refused: ${path}`);
  };
  assertEquals(
    says("/none.toml"),
    '--config: there is no file "/none.toml"; name another one, or leave the option out',
  );
  assertEquals(says("/"), '--config: "/" is a directory; name a file in it');
});

// Anything at all

const parameters = { seed: runSeed(), numRuns: 1000 };

/** Options, or a failure in one line: nothing else may come of it. */
function assertTold(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert(error instanceof Failure, `${(error as Error).stack}`);
    assert(error.message.length > 0);
  }
}

const names = fc.constantFrom(
  ...SPECS.map(([name]) => name),
  ...["__proto__", "constructor", "toString", "no-utc", "a.b", "0", "é"],
);
const values = fc.oneof(
  fc.constantFrom("", "-", "--", "0", "7", "-1", "1e9", "3s", "raw", "syslog"),
  fc.constantFrom("10.0.0.0/8", "::/0", "json:x", "file:", "true", "false"),
  fc.string({ unit: "binary" }),
  fc.integer().map(String),
);
const args = fc.array(
  fc.oneof(
    names.map((name) => `--${name}`),
    fc.tuple(names, values).map(([name, value]) => `--${name}=${value}`),
    fc.constantFrom(...SPECS.flatMap(([, spec]) => spec.short ?? []))
      .map((short) => `-${short}`),
    fc.string({ minLength: 1, maxLength: 4 }).map((text) => `-${text}`),
    values,
  ),
  { maxLength: 8 },
).filter((args) =>
  // The file that is read is always one of the test's.
  !args.some((arg) => /^--config|^-[^-]*f/.test(arg))
);

Deno.test("any arguments give options or a failure", () => {
  fc.assert(
    fc.property(args, (args) => assertTold(() => parseCommandLine(args))),
    parameters,
  );
});

const atoms = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
  fc.integer().map(String),
  fc.double().map(String),
  fc.constantFrom("true", "false", "inf", "-nan", "0x1f", "1_000", "1e400"),
  fc.constantFrom("07:32:00", "1979-05-27", "1979-05-27T07:32:00Z", "'raw'"),
  fc.constantFrom(
    "'3s'",
    "'''\n'''",
    '"""',
    '"',
    "[",
    "{",
    "]",
    "9".repeat(99),
  ),
);
const tomlValues = fc.oneof(
  atoms,
  fc.array(atoms, { maxLength: 4 }).map((items) => `[${items.join(", ")}]`),
  fc.tuple(names, atoms).map(([name, value]) => `{${name} = ${value}}`),
);
const tomlLines = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(names, tomlValues).map(([n, v]) => `${n} = ${v}`),
  },
  names.map((name) => `[${name}]`),
  names.map((name) => `[[${name}]]`),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string().map((text) => `# ${text}`),
);
const files = fc.array(tomlLines, { maxLength: 5 })
  .chain((lines) => fc.constantFrom(lines.join("\n"), lines.join("\r\n")));

Deno.test("any file gives options or a failure that names it", () => {
  let read = 0;
  fc.assert(
    fc.property(files, (text) => {
      assertTold(() => {
        try {
          configure(text);
          read++;
        } catch (error) {
          assert(error instanceof Failure, `${(error as Error).stack}`);
          assert(
            error.message.includes(file) || error.message.startsWith("--"),
            error.message,
          );
          throw error;
        }
      });
    }),
    parameters,
  );
  assert(read > 0);
});

Deno.test("any bytes, and deep nesting, give options or a failure", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      Deno.writeFileSync(file, bytes);
      assertTold(() => parseCommandLine(["-f", file]));
    }),
    { ...parameters, numRuns: 1000 },
  );
  for (const text of ["[", "{a=", "[[", 'a="""\\', "a.".repeat(9)]) {
    for (const end of ["", "=1", "\n"]) {
      assertTold(() => configure(`user = ${text.repeat(5000)}${end}`));
      assertTold(() => configure(`${text.repeat(5000)}${end}`));
    }
  }
});

/** Runs the program: it must end with 1 and one line of its own. */
async function assertFails(args: readonly string[]): Promise<void> {
  await using process = new Process(program(args));
  const code = await process.end();
  const told = `${JSON.stringify(args)}: ${code}\n${process.stderr.join("\n")}`;
  assertEquals(code, 1, told);
  assertEquals(process.stdout, [], told);
  assertEquals(process.stderr.length, 1, told);
  assert(process.stderr[0].startsWith("scanlogd: "), told);
  assert(!/\bat (file|async|Object)\b|TypeError|panicked/.test(told), told);
}

Deno.test("the whole program ends with 1 and one line, never a trace", async () => {
  const refusedFiles: string[] = [];
  const refusedArgs: string[][] = [];
  const isRefused = (read: () => unknown) => {
    try {
      read();
      return false;
    } catch {
      return true;
    }
  };
  for (const text of fc.sample(files, { ...parameters, numRuns: 400 })) {
    if (isRefused(() => configure(text))) refusedFiles.push(text);
  }
  for (const list of fc.sample(args, { ...parameters, numRuns: 400 })) {
    const canBeGiven = list.every((arg) => !arg.includes("\0"));
    const ends = list.some((arg) => /^-[^-]*[hV]|^--(help|version)/.test(arg));
    if (canBeGiven && !ends && isRefused(() => parseCommandLine(list))) {
      refusedArgs.push(list);
    }
  }
  const folder = await Deno.makeTempDir();
  try {
    const paths = refusedFiles.slice(0, 8).map((text, i) => {
      const path = `${folder}/${i}.toml`;
      Deno.writeTextFileSync(path, text);
      return path;
    });
    const all = [
      ...paths.map((path) => ["-f", path]),
      ...refusedArgs.slice(0, 8),
      ...[["-f", folder], ["-f", "/none"], ["--", "x"], ["-"], [""]],
    ];
    const running = all.values();
    const work = async () => {
      for (const args of running) await assertFails(args);
    };
    await Promise.all([work(), work(), work()]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--check validates and exits", async () => {
  await Deno.writeTextFile(file, "min-ports = 9\n");
  const args = ["--check", "-f", file, "--trial"];
  await using valid = new Process(program(args));
  assertEquals(await valid.end(), 0, valid.stderr.join("\n"));
  assertEquals(valid.stdout.length, 1);
  assertStringIncludes(valid.stdout[0], " valid");
  await Deno.writeTextFile(file, "min-ports = 1\n");
  await assertFails(["--check", "-f", file]);
  await assertFails(["--check", "--ignore", "x"]);
});
