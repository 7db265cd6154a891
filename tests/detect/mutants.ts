/**
 * Deliberate faults in the detector: each must be caught by the tests of what it
 * decides. They are told by the text that they change, wherever it stands.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url).pathname;
/** What the detector decides is tried by these. */
const TESTS = [
  "cases_test.ts",
  "flooded_bars_test.ts",
  "found_bars_test.ts",
  "innocent_bars_test.ts",
  "laws_test.ts",
].map((name) => `tests/detect/${name}`);

/** A fault. */
export interface Mutant {
  name: string;
  /** Its file, if others say the same [the only one below detect/]. */
  file?: string;
  /** What stands in one place of it. */
  text: string;
  /** What stands there instead. */
  instead: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a sum instead of a state: a repeated probe counts again",
    text: "if (age > this.#pauseOf(traits)) {",
    instead: "if (age >= 0) {",
  },
  {
    name: "an answer is not bound to its host",
    text:
      "const index = records.findTarget(entry, protocol, port, host);\n    const known =",
    instead:
      "let index = records.count(entry) - 1; while (index >= 0 && records.portAt(entry, index) !== port) index--; const known =",
  },
  {
    name: "an answer of one host speaks for the same port of all",
    text: "host ^ Math.imul((port << 2) | protocol, 0x9e3779b1)",
    instead: "Math.imul((port << 2) | protocol, 0x9e3779b1)",
  },
  {
    name: "an answered target keeps its place for ever",
    text: "const isNothing = isWeightless(known) || isOld ||",
    instead: "const isNothing = isOld ||",
  },
  {
    name: "a target is lost when another one goes",
    text: "const last = --words[entry * RECORD_WORDS + COUNT];",
    instead:
      "const at = entry * RECORD_WORDS + COUNT; const last = words[at] = Math.max(0, words[at] - 2);",
  },
  {
    name: "a refusal excuses whoever probes that port",
    text:
      "this.#state.ports.sawAnswer = true;\n        this.#refuses(segment);",
    instead: "this.#refuses(segment); this.#noteSent(segment, true);",
  },
  {
    name: "what waits counts as soon as something else is judged",
    text: "if (!isHeld || this.isEnding) return 0;",
    instead: "return 0;",
  },
  {
    name: "no grace: other hosts and whoever goes on get no time to answer",
    text: "return LONG_GRACE_MS;",
    instead: "return 0;",
  },
  {
    name: "who renews some connections waits no longer with the others",
    text: "if (isWeightless(state)) return count;",
    instead: "",
  },
  {
    name: "the port memory does not tell protocols apart",
    text:
      "(protocol === TARGET_UDP ? MEMORY_UDP : MEMORY_TCP) +\n    (isInside",
    instead: "MEMORY_TCP +\n    (isInside",
  },
  {
    name: "reported is inferred from the weight",
    text: "if (!records.has(entry, FOUND_FAST | FOUND_SLOW)) return false;",
    instead:
      "if (records.bound(entry) >= this.#state.threshold) return true; if (!records.has(entry, FOUND_FAST | FOUND_SLOW)) return false;",
  },
  {
    name: "whether a port is in use is not asked again when it is decided",
    text: "if (!this.#isExcused(entry, index, time)) return true;",
    instead: "return true;",
  },
  {
    name: "an answered target weighs as much as a refused one",
    text: "if (isWeightless(state)) return false;",
    instead: "if (state === EXCUSED) return false;",
  },
  {
    name: "the first connection that is broken off counts",
    text: "return this.#countAborts(entry) > FORGIVEN_ABORTS;",
    instead: "return this.#countAborts(entry) > 0;",
  },
  {
    name: "a service that restarts is a closed port",
    text: ": ports[indexOf(row, port) + 1];",
    instead: ": ports[indexOf(row, port) + 1] * 0;",
  },
  {
    name: "who leaves a full bucket is not counted",
    text: "if (this.#numbers.liveAt(position) > 0) this.evicted++;",
    instead: "",
  },
  {
    name: "who probed most leaves a full bucket",
    text: "const chosen = isCrowded ? oldestLight : oldestHeavy;",
    instead: "const chosen = isCrowded ? oldestLight : first;",
  },
  {
    name: "a pause does not end a run",
    text: "if (sum > 0 && ((then - last) | 0) > pause) sum = 0;",
    instead: "",
  },
];

/** Every file below a folder. */
function* filesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

/** The file that a fault is put into. */
export function fileOf({ name, file = "", text }: Mutant, root = ROOT): string {
  const found = [...filesBelow(`${root}/detect`)].filter((path) =>
    path.endsWith(file) && Deno.readTextFileSync(path).includes(text)
  );
  if (found.length !== 1) {
    throw new Error(`"${name}" fits in ${found.length} files: ${text}`);
  }
  return found[0];
}

/** A copy of the checkout, to put faults into. */
export class Copy implements AsyncDisposable {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async make(): Promise<Copy> {
    const root = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    const parts = [...Deno.readDirSync(ROOT)].map(({ name }) => name);
    const { success } = await new Deno.Command("cp", {
      // Neither .git nor what was built.
      args: ["-r", ...parts.filter((name) => !/^\.|^dist$/.test(name)), root],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(`Cannot copy the checkout to ${root}`);
    return new Copy(root);
  }

  /** The names of the tests that fail with a fault, or none, in the copy. */
  async failures(mutant?: Mutant): Promise<string[]> {
    if (mutant === undefined) return await this.#failures();
    const path = fileOf(mutant, this.#root);
    const source = await Deno.readTextFile(path);
    await Deno.writeTextFile(
      path,
      source.replace(mutant.text, () => mutant.instead),
    );
    try {
      return await this.#failures();
    } finally {
      await Deno.writeTextFile(path, source);
    }
  }

  async #failures(): Promise<string[]> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "--no-check",
        "--no-prompt",
        "-A",
        "--fail-fast",
        ...TESTS,
      ],
      cwd: this.#root,
      env: { ...environment(), NO_COLOR: "1" },
      clearEnv: true,
    }).output();
    if (code === 0) return [];
    const text = new TextDecoder().decode(stdout);
    const names = [...text.matchAll(/^(.*) \.\.\. FAILED/gm)];
    if (names.length > 0) return names.map(([, name]) => name);
    throw new Error(new TextDecoder().decode(stderr) || text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}

/** As in an ordinary run, even where this one is long. */
function environment(): Record<string, string> {
  const { SCANLOGD_LONG: _, ...rest } = Deno.env.toObject();
  return rest;
}
