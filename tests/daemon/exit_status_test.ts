/** How the program ends where no privilege is needed. */

import manifest from "../../deno.json" with { type: "json" };
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";

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
  "no such file": {
    args: ["--read", `${DATA}none.pcap`],
    says: `--read: there is no file "${DATA}none.pcap"`,
  },
  "a directory": {
    args: ["--read", DATA],
    says: `--read: "${DATA}" is a directory, a file is needed`,
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
  "no input at all": {
    args: ["--read", "-"],
    says:
      "standard input: the file is cut off in a file header: 4 bytes needed, 0 had, at byte 0",
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

Deno.test("--help and --version end it with status 0", async () => {
  await using help = new Process(program(["--help"]));
  assertEquals(await help.end(), 0);
  assertStringIncludes(help.stdout[0], "Usage: scanlogd ");
  await using version = new Process(program(["--version"]));
  assertEquals(await version.end(), 0);
  assertEquals(version.stdout, [`scanlogd ${manifest.version}`]);
});
