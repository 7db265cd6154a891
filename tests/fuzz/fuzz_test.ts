/** The fuzzer in short, and that it would find something. */

import { parseAddress } from "../../library/packet.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "../assert.ts";
import { amount } from "../long.ts";
import { type Bytes, concat } from "../packets.ts";
import { runSeed, seeded } from "../random.ts";
import { Coverage } from "./coverage.ts";
import { Finding, Fuzzer } from "./fuzzer.ts";
import { describe, fuzz } from "./main.ts";
import type { Outcome, Target } from "./target.ts";
import { corpusOf, TARGETS } from "./targets.ts";

const SECONDS = amount(3, 900);

for (const [which, seed] of [["a fixed", 1], ["another", runSeed()]] as const) {
  Deno.test(`${which} seed breaks no target in some seconds`, async () => {
    console.log(`--seed ${seed}`);
    const amounts = new Map();
    const figures = await fuzz({
      targets: TARGETS,
      seed,
      seconds: SECONDS,
      amounts,
    })
      .catch((error) => {
        throw error instanceof Finding
          ? new Error(describe(error, seed), { cause: error.cause })
          : error;
      });
    assertEquals(figures.length, TARGETS.length);
    for (const { name, units, blocks, corpus } of figures) {
      assertGreater(units, 0, name);
      assertGreater(blocks, 0, name);
      assertGreater(corpus, 0, name);
    }
  });
}

for (const target of TARGETS) {
  Deno.test(`${target.name}: no input of the corpus breaks it`, async () => {
    try {
      for (const input of corpusOf(target)) await target.run(input);
    } finally {
      target.close?.();
    }
  });
}

/** Throws at a word that nobody writes by chance; tells how near an input is. */
const PLANTED: Target = {
  name: "planted",
  unit: "texts",
  code: ["detect/"],
  seeds: () => [],
  generate: (random) => Uint8Array.from({ length: 4 }, () => random()),
  run(input: Bytes): Outcome {
    const word = [0x7f, 0x00, 0xff, 0x40];
    const matching = word.findIndex((byte, i) => input[i] !== byte);
    if (matching < 0) throw new RangeError("planted");
    return { units: 1, signature: `${matching}` };
  },
};

Deno.test("a bug behind four bytes is found by way of what came of the inputs", async () => {
  const fuzzer = new Fuzzer(PLANTED, [], seeded(1));
  const search = async () => {
    while (fuzzer.inputs < 10_000_000) await fuzzer.batch();
  };
  const finding = await assertRejects(search, Finding, "planted: planted");
  assertEquals([...finding.input.subarray(0, 4)], [0x7f, 0x00, 0xff, 0x40]);
});

Deno.test("an input that reaches other code is kept, one that does not is not", async () => {
  const target: Target = {
    ...PLANTED,
    generate: () => new Uint8Array(0),
    run(input: Bytes): Outcome {
      parseAddress(input.length === 3 ? "::1" : "192.0.2.1");
      return { units: 1, signature: "" };
    },
  };
  const coverage = await Coverage.start();
  try {
    const seeds = [new Uint8Array(3), new Uint8Array(2), new Uint8Array(1)];
    const fuzzer = new Fuzzer(target, seeds, seeded(1), coverage);
    // Taken from the end: the first is new, the second is not, the third is.
    for (let i = 0; i < 3; i++) await fuzzer.batch();
    assert(fuzzer.blocks > 3);
    assertEquals(fuzzer.corpus, 2);
  } finally {
    await coverage.stop();
  }
});

Deno.test("a failure leaves the input in a file, which fails again", async () => {
  const path = await Deno.makeTempFile();
  const main = new URL("main.ts", import.meta.url).pathname;
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-all", main, ...args],
    }).output();
    const text = new TextDecoder().decode(concat(stdout, stderr));
    return { code, text };
  };
  try {
    await Deno.writeFile(path, new TextEncoder().encode("192.0.2.1\n::1"));
    const good = await run("--target", "addresses", "--replay", path);
    assertEquals(good, { code: 0, text: "addresses: 2 texts, 2,2,2\n" });
    const bad = await run("--target", "adresses", "--replay", path);
    assertEquals(bad.code, 1);
    assert(bad.text.startsWith("fuzz: --target must be one of packets, "));
  } finally {
    await Deno.remove(path);
  }
});
