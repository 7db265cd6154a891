/** `--outgoing` over files, to every output, and what it does not go with. */

import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";
import { SCAN_LINE, SCAN_PORTS, scanFile } from "../packets.ts";

interface Ran {
  stdout: string[];
  stderr: string[];
  status: number;
  /** What was written to a file by that name. */
  read(name: string): string;
}

async function run(
  args: readonly string[],
  look: (ran: Ran) => void,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const all = args.map((arg) => arg.replace("FOLDER", folder));
    const write = `--allow-write=${folder}`;
    const [deno, verb, ...rest] = program(["--read", "-", "--utc", ...all]);
    await using process = new Process([deno, verb, write, ...rest], {
      input: scanFile(SCAN_PORTS),
    });
    const status = await process.end();
    const { stdout, stderr } = process;
    const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
    look({ stdout, stderr, status, read });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const HOME = ["--home", "192.0.2.0/24", "--outgoing"];

Deno.test("every output says that a scan is outgoing", () =>
  run(
    [
      ...[...HOME, "-o", "stdout", "-o", "json:FOLDER/json"],
      ...["-o", "ecs:FOLDER/ecs", "-o", "html:FOLDER/page", "-o", "summary"],
    ],
    ({ stdout, stderr, status, read }) => {
      assertEquals(status, 0, stderr.join("\n"));
      assertEquals(stdout[0], `outgoing: ${SCAN_LINE}`);
      assert(stdout.at(-1)?.startsWith("192.0.2.1 (outgoing)"), stdout.at(-1));
      const [json] = read("json").split("\n");
      assertEquals(JSON.parse(json).direction, "outgoing");
      const [ecs] = read("ecs").split("\n");
      assertEquals(JSON.parse(ecs).network.direction, "egress");
      assertStringIncludes(read("page"), "outgoing");
    },
  ));

Deno.test("without the option, nothing is said of our own hosts", () =>
  run(["--home", "192.0.2.0/24"], ({ stdout, status }) => {
    assertEquals([stdout, status], [[], 0]);
  }));

const REFUSED: Record<string, string> = {
  "--outgoing": "--outgoing needs --home with --read: ",
  "--outgoing --classic": "--outgoing does not go with --classic",
};

for (const [args, says] of Object.entries(REFUSED)) {
  Deno.test(`${args} is refused`, () =>
    run(args.split(" "), ({ stdout, stderr, status }) => {
      assertEquals([stdout, stderr.length, status], [[], 1, 1]);
      assert(stderr[0].startsWith(`scanlogd: ${says}`), stderr[0]);
    }));
}
