/** The program reads probe records as it reads captures. */

import { formatProbe } from "../../format/probe.ts";
import { assertEquals, assertStringIncludes } from "../assert.ts";
import { program } from "../live/daemon.ts";
import { Process } from "../live/processes.ts";
import { START } from "../packets.ts";
import { hostAddress, SWEEPER } from "./crowd.ts";

/** What host `host` says of a probe so many milliseconds later. */
function line(host: number, time: number): string {
  return formatProbe({
    time: START + time,
    source: SWEEPER,
    sourcePort: 40_000,
    destination: hostAddress(host),
    destinationPort: 22,
    protocol: "tcp",
    flags: 2,
    ttl: 51,
    outcome: host % 2 === 0 ? "refused" : "silent",
  }, `web${host}`) + "\n";
}

const LINE =
  `${SWEEPER}:40000 to 198.18.0.0 and others, ports 22, ..., fSrpauxy, TTL 51 @06:40:13`;

const encoder = new TextEncoder();

async function read(args: readonly string[], input?: string): Promise<Process> {
  const process = new Process(
    program([...args, "--utc", "--no-drop", "--verbose"]),
    { input: input === undefined ? undefined : encoder.encode(input) },
  );
  await process.end();
  return process;
}

Deno.test("files, a directory and standard input, in order of time", async () => {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    await Deno.mkdir(`${folder}/others`);
    const files: Record<string, string> = {
      "one": line(0, 0) + line(3, 3000),
      "others/a": line(1, 1000) + line(4, 4000) + "no record\n",
      "others/b": line(2, 2000) + line(6, 6000),
      "others/quiet": "",
      "others/rotated": line(3, 3000).slice(40) + line(3, 3000),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const args = ["--read", `${folder}/others`, "--read", `${folder}/one`];
    const all = await read([...args, "--read", "-"], line(5, 5000));
    assertEquals([all.stdout, await all.end()], [[LINE], 0]);
    const errors = all.stderr.join("\n");
    assertStringIncludes(errors, "8 packets seen");
    assertStringIncludes(errors, "7 hosts");
    assertStringIncludes(errors, "losses: 2 lines that are no probe records");
    assertEquals((await read(args)).stdout, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what comes too late counts, and is said", async () => {
  const late = line(0, 20_000) + line(1, 0) +
    [2, 3, 4, 5, 6].map((host) => line(host, 20_000 + host)).join("");
  const patient = await read(["--read", "-", "--lateness", "1m"], late);
  assertEquals(patient.stdout, [
    LINE.replace("198.18.0.0", "198.18.0.1"),
  ]);
  const strict = await read(["--read", "-", "--lateness", "5s"], late);
  assertEquals(strict.stdout.length, 1);
  assertStringIncludes(
    strict.stderr.join("\n"),
    "losses: 1 probe record late or from the future",
  );
});

Deno.test("a line leaves while the pipe stays open", async () => {
  const deno = program(["--read", "-", "--utc", "--no-drop", "--lateness=1s"]);
  await using child = new Deno.Command(deno[0], {
    args: deno.slice(1),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  for (let host = 0; host < 7; host++) {
    await writer.write(encoder.encode(line(host, host)));
  }
  const { value } = await child.stdout.pipeThrough(new TextDecoderStream())
    .getReader().read();
  assertEquals(value, `${LINE}\n`);
  await writer.close();
});
