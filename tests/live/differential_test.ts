/**
 * Random traces through Debian's scanlogd and through ours: not one line may
 * differ. `reference/` makes the traces, and the clock that the reference runs
 * on.
 *
 * SCANLOGD_SEED repeats a run.
 */

import { findScans, formatReport } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { amount } from "../long.ts";
import { withRunSeed } from "../random.ts";
import { liveTest } from "./require.ts";

const REFERENCE = new URL("./reference/", import.meta.url).pathname;
const FAMILIES = [
  "mixed",
  "ports",
  "flags",
  "flood",
  "clock",
  "options",
  "frag",
  "short",
  "ether",
];
const TRACES = amount(500, 50_000);
const WORKERS = 2;

async function run(
  command: string,
  options: Deno.CommandOptions,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, options)
    .output();
  const decoder = new TextDecoder();
  assert(success, `${command} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function compileShim(folder: string): Promise<string> {
  const shim = `${folder}/replay_shim.so`;
  await run("gcc", {
    args: [
      ...["-O2", "-shared", "-fPIC", "-o", shim],
      ...[`${REFERENCE}replay_shim.c`, "-ldl"],
    ],
  });
  return shim;
}

/** The lines that the reference logs for a trace. */
async function referenceLines(shim: string, trace: string): Promise<string[]> {
  const out = await run("scanlogd", {
    env: {
      LD_PRELOAD: shim,
      REPLAY_PCAP: trace,
      TZ: "UTC",
      PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin`,
    },
  });
  // "<packet time> <line>"
  return out.split("\n").slice(0, -1).map((line) =>
    line.slice(line.indexOf(" ") + 1)
  );
}

async function ourLines(trace: string): Promise<string[]> {
  const lines: string[] = [];
  const file = await Deno.readFile(trace);
  for await (const report of findScans(file, { classic: true })) {
    lines.push(formatReport(report, { utc: true }));
  }
  return lines;
}

/** A Python process that makes traces one after the other. */
class Generator implements AsyncDisposable {
  readonly #process = new Deno.Command("python3", {
    args: [`${REFERENCE}generate.py`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  readonly #input = this.#process.stdin.getWriter();
  readonly #answers = this.#process.stdout
    .pipeThrough(new TextDecoderStream()).getReader();

  async make(family: string, seed: string, path: string): Promise<void> {
    const line = `${family} ${seed} ${path}\n`;
    await this.#input.write(new TextEncoder().encode(line));
    // An answer is a line, which may come in several reads.
    for (let answer = ""; !answer.endsWith("\n");) {
      const { done, value } = await this.#answers.read();
      assert(!done, `python3 made no trace of ${family} ${seed}`);
      answer += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#answers.cancel();
    await this.#process.status;
  }
}

liveTest(
  `${TRACES} random traces give the reference's lines`,
  { tools: ["scanlogd", "gcc", "python3"] },
  () =>
    withRunSeed(async (_, runSeed) => {
      const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
      try {
        const shim = await compileShim(folder);
        let next = 0;
        let lines = 0;
        const work = async (worker: number) => {
          await using generator = new Generator();
          const trace = `${folder}/${worker}.pcap`;
          while (next < TRACES) {
            const number = next++;
            const family = FAMILIES[number % FAMILIES.length];
            // A trace's seed is an integer: gen_trace.py looks at its parity.
            const seed = String(runSeed * 1_000 + number);
            await generator.make(family, seed, trace);
            const expected = await referenceLines(shim, trace);
            assertEquals(
              await ourLines(trace),
              expected,
              `gen_trace.py ${family} ${seed}`,
            );
            lines += expected.length;
          }
        };
        await Promise.all(
          Array.from({ length: WORKERS }, (_, worker) => work(worker)),
        );
        console.log(`${TRACES} traces, ${lines} lines, no difference`);
        assert(lines >= TRACES, "the traces hold too few scans to tell");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }),
);
