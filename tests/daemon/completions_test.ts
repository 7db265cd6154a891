import { OPTIONS, type OptionSpec } from "../../daemon/options.ts";
import { completions } from "../../daemon/completions/completions.ts";
import { SHELLS } from "../../daemon/completions/shells.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";

const SPECS = Object.entries<OptionSpec>(OPTIONS);
const HERE = new URL(".", import.meta.url).pathname;

/** Arguments that each shell completes in one way only, and the result. */
const UNIQUE: readonly [string, string][] = [
  ["--promis", "--promiscuous"],
  ["--capture ni", "--capture nids"],
  ["-c pc", "-c pcap"],
  ["--interface lo", "--interface lo"],
  ["-i lo", "-i lo"],
  ["--level aler", "--level alert"],
  ["--read %/capt", "--read %/capture.pcap"],
  ["--output std", "--output stdout"],
  ["-o file:%/capt", "-o file:%/capture.pcap"],
  ["-o fil", "-o file:"],
  ["--user roo", "--user root"],
  ["--chroot %/emp", "--chroot %/empty"],
  ["--output std -i lo", "--output std -i lo"],
];

/** Completes lines in a shell; "%" stands for a folder with a few names. */
async function complete(
  shell: string,
  lines: readonly string[],
): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    // Zsh goes by this name.
    await Deno.writeTextFile(`${folder}/_scanlogd`, completions(shell));
    await Deno.writeTextFile(`${folder}/capture.pcap`, "");
    await Deno.mkdir(`${folder}/empty`);
    const texts = await run([
      ...[shell, `${HERE}shells/complete.${shell}`, `${folder}/_scanlogd`],
      ...lines.map((line) => line.replaceAll("%", folder)),
    ], { env: { HOME: folder, TERM: "dumb" } });
    return texts.replaceAll(folder, "%").split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function assertCompletes(
  answers: readonly string[],
  expected: (line: string) => string,
): void {
  // A directory's slash and the space behind what is complete are the shell's.
  const plain = answers.map((answer) => answer.replace(/[/ ]+$/, ""));
  assertEquals(plain, UNIQUE.map(([, line]) => expected(line)));
}

/** The last word as bash sees it: it splits at colons too. */
const lastWord = (line: string) => line.replace(/^.* /, "");

liveTest(
  "bash completes options, choices, names and files",
  { tools: ["bash"] },
  async () => {
    const lines = UNIQUE.map(([start]) => `scanlogd ${start}`);
    assertCompletes(
      await complete("bash", lines),
      (line) => lastWord(line).replace(/^file:(?=.)/, ""),
    );
  },
);

liveTest(
  "fish completes options, choices, names and files",
  { tools: ["fish"] },
  async () => {
    const lines = UNIQUE.map(([start]) => `scanlogd ${start}`);
    assertCompletes(await complete("fish", lines), lastWord);
  },
);

liveTest(
  "zsh completes options, choices, names and files",
  { tools: ["zsh"] },
  async () => {
    const lines = UNIQUE.map(([start]) => `scanlogd ${start}`);
    assertCompletes(
      await complete("zsh", lines),
      (line) => `scanlogd ${line}`,
    );
  },
);

liveTest(
  "bash offers each option, and a value behind an equals sign",
  { tools: ["bash"] },
  async () => {
    const [all, level, none] = await complete("bash", [
      "scanlogd --",
      "scanlogd --level=aler",
      "scanlogd --min-ports ",
    ]);
    assertEquals(all.split(" "), SPECS.map(([name]) => `--${name}`));
    assertEquals(level, "alert");
    assertEquals(none, "");
  },
);

liveTest(
  "fish offers each option, and a value behind an equals sign",
  { tools: ["fish"] },
  async () => {
    const [all, level] = await complete("fish", [
      "scanlogd --",
      "scanlogd --level=aler",
    ]);
    const names = all.split(" ").map((name) => name.replace(/=$/, ""));
    assertEquals(names.sort(), SPECS.map(([name]) => `--${name}`).sort());
    assertEquals(level, "--level=alert");
  },
);

liveTest("zsh knows each option", { tools: ["zsh"] }, async () => {
  const names = SPECS.map(([name]) => `scanlogd --${name}`);
  const answers = await complete("zsh", names);
  assertEquals(answers.map((line) => line.replace(/[= ]$/, "")), names);
});

liveTest(
  "the completions for bash have no fault that shellcheck knows",
  { tools: ["shellcheck"] },
  async () => {
    const input = new TextEncoder().encode(completions("bash"));
    assertEquals(await run(["shellcheck", "-s", "bash", "-"], { input }), "");
  },
);

Deno.test("completions name each option, letter and choice", () => {
  for (const shell of SHELLS) {
    const text = completions(shell);
    for (const [name, spec] of SPECS) {
      assert(text.includes(name), `${shell}: ${name}`);
      if (!("choices" in spec)) continue;
      for (const choice of spec.choices ?? []) {
        const start = choice.replace(/:PATH$/, "");
        assert(text.includes(start), `${shell}: --${name} ${choice}`);
      }
    }
  }
});

Deno.test("an unknown shell is refused with those there are", () => {
  assertThrows(
    () => completions("tcsh"),
    RangeError,
    'must be one of bash, zsh, fish, got "tcsh"',
  );
});
