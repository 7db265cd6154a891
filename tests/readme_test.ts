/**
 * The README and the pages of docs/: what they show is true, and what they point
 * to exists. `deno test --doc` runs their TypeScript.
 */

import { parseCommandLine } from "../daemon/command_line.ts";
import { OPTIONS } from "../daemon/options.ts";
import { withOptionTable } from "../daemon/readme_table.ts";
import { assert, assertEquals } from "./assert.ts";
import { program } from "./live/daemon.ts";
import { anchorsOf, codeBlocks, linksOf, PAGES, read, ROOT } from "./pages.ts";

const README = read("README.md");

Deno.test("the table of options is the program's (else: deno task readme)", () => {
  const page = read("docs/options.md");
  assertEquals(page, withOptionTable(page));
});

Deno.test("docs/json.md has each field and each rule of the schema", () => {
  const { $defs } = JSON.parse(read("docs/event.schema.json"));
  const definitions = Object.values<Definition>($defs);
  const names = definitions.flatMap(({ properties = {} }) => [
    ...Object.keys(properties),
    ...(properties.rule?.const ? [properties.rule.const] : []),
  ]);
  assert(names.includes("decoys"));
  const page = read("docs/json.md");
  const missing = names.filter((name) => !page.includes(`\`${name}\``));
  assertEquals(missing, []);
});

interface Definition {
  properties?: Record<string, { const?: string }>;
}

Deno.test("the README is read in three screens", () => {
  assert(README.split("\n").length <= 151, "put what is new into docs/");
});

Deno.test("two commands set up a fresh machine", () => {
  const [commands] = codeBlocks(README, "sh");
  assertEquals(commands.match(/^npx -y deno@[\d.]+ task (scan|test)$/gm), [
    "npx -y deno@2.9.6 task scan",
    "npx -y deno@2.9.6 task test",
  ]);
  assertEquals(commands.trimEnd().split("\n").length, 2);
});

Deno.test("the same Deno is named everywhere", () => {
  const files = [
    ...PAGES,
    ".ci/run",
    ".github/workflows/ci.yml",
    ".github/workflows/release.yml",
  ];
  const versions = files.flatMap((file) =>
    read(file).match(/deno@[\d.]+\d/g) ?? []
  );
  assert(versions.length >= 6, "a file does not name it");
  assertEquals([...new Set(versions)], ["deno@2.9.6"]);
});

Deno.test("each link leads to a file, and each anchor to a heading", () => {
  const broken = PAGES.flatMap((page) =>
    linksOf(page).filter(({ file, anchor }) => {
      if (!isThere(file)) return true;
      return anchor !== undefined && !anchorsOf(read(file)).includes(anchor);
    }).map(({ text }) => `${page}: ${text}`)
  );
  assertEquals(broken, []);
});

function isThere(file: string): boolean {
  try {
    Deno.statSync(ROOT + file);
    return true;
  } catch {
    return false;
  }
}

Deno.test("each file of the source that a page names exists", () => {
  const name =
    /`((?:\.ci|bench|capture|daemon|detect|docs|ffi|format|library|packaging|tests)\/[\w./-]*)`/g;
  const named = PAGES.filter((page) => page !== "CHANGELOG.md").flatMap(
    (page) =>
      [...read(page).matchAll(name)].map(([, path]) => `${page}: ${path}`),
  );
  assert(named.length >= 30, named.join("\n"));
  assertEquals(named.filter((one) => !isThere(one.split(": ")[1])), []);
});

Deno.test("each page of docs/ is reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    if (!page.endsWith(".md")) continue;
    for (const { file } of linksOf(page)) reached.add(file);
  }
  assertEquals(PAGES.filter((page) => !reached.has(page)), []);
});

Deno.test("each task that a page names exists", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  const unknown = PAGES.flatMap((page) =>
    [...read(page).matchAll(/\btask\s+([a-z:]+)/g)]
      .map(([, task]) => task)
      .filter((task) => !(task in tasks))
      .map((task) => `${page}: task ${task}`)
  );
  assertEquals(unknown, []);
});

/** Whole programs whose options are not ours. */
const OTHERS = /\b(nmap|tcpdump|docker|apt|dnf|systemctl|rpm|fail2ban-\S+)\b/;

Deno.test("each option of a command that a page shows exists", () => {
  const unknown = PAGES.flatMap((page) =>
    codeBlocks(read(page), "sh").flatMap((code) =>
      code.replaceAll("\\\n", " ").split("\n")
        .filter((line) => /(^|\s)(scanlogd|task scan|main\.ts)\s/.test(line))
        .filter((line) => !OTHERS.test(line))
        .flatMap((line) => [...line.replace(/.*main\.ts/, "").matchAll(OPTION)])
        .map(([, name]) => name)
        .filter((name) => !(name in OPTIONS))
        .map((name) => `${page}: --${name}`)
    )
  );
  assertEquals(unknown, []);
});

const OPTION = /\s--([a-z][\w-]*)/g;

Deno.test("each configuration file that a page shows is accepted", async () => {
  const file = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    let files = 0;
    for (const page of PAGES) {
      for (const text of codeBlocks(read(page), "toml")) {
        await Deno.writeTextFile(file, text);
        parseCommandLine(["--config", file]);
        files++;
      }
    }
    assert(files >= 2, `${files}`);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("the README's command reads a capture file", async () => {
  const [, args] = /deno@[\d.]+ run .* main\.ts (.*)/.exec(README)!;
  const [deno, ...rest] = program([...args.split(" "), "--utc"]);
  const { success, stdout } = await new Deno.Command(deno, {
    args: rest,
    cwd: ROOT,
  }).output();
  const lines = new TextDecoder().decode(stdout);
  assert(success);
  assert(lines.includes(" to 192.0.2.1 ports 807, 218, 455, 4388,"), lines);
});

Deno.test("the README counts the false alarms of the comparison", () => {
  const rows = (text: string) =>
    text.split("\n").filter((line) => /^\|(?! *-)/.test(line))
      .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const innocents = rows(read("docs/comparison.md").split("| No scan")[1])
    .filter((row) => /silent|alarm/.test(row.join()));
  const title = `false alarms, ${innocents.length} kinds of busy hosts`;
  const claimed = rows(README).find(([name]) => name === title);
  assert(claimed !== undefined, `no row "${title}"`);
  for (const [i, count] of claimed.entries()) {
    if (i === 0) continue;
    const alarms = innocents.filter((row) => row[i].includes("false alarm"));
    assertEquals(Number(count), alarms.length, `column ${i}`);
  }
});

// `deno test --doc` runs the same example by the package's name.
Deno.test("the library's example runs from a URL, in a folder without anything else", async () => {
  const [example] = codeBlocks(read("docs/library.md"), "ts");
  const [capture] = /tests\/data\/\S+\.pcap/.exec(example) ?? [];
  assert(capture !== undefined);
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  await using server = serve();
  try {
    const host = `127.0.0.1:${server.addr.port}`;
    const script = example
      .replace('"@scanlogd/scanlogd"', `"http://${host}/mod.ts"`)
      .replace(capture, "capture.pcap");
    await Deno.writeTextFile(`${folder}/example.ts`, script);
    await Deno.copyFile(ROOT + capture, `${folder}/capture.pcap`);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--check", `--allow-import=${host}`],
        ...["--allow-read=capture.pcap", "example.ts"],
      ],
      cwd: folder,
      env: {
        DENO_DIR: `${folder}/.cache`,
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
      },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Serves the checkout's sources, as any web server would. */
function serve(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const source = await Deno.readTextFile(ROOT + pathname).catch(() => null);
      return new Response(source, {
        status: source === null ? 404 : 200,
        headers: { "content-type": "application/typescript" },
      });
    },
  );
}
