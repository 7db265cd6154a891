import { withOptionTable } from "../daemon/readme_table.ts";
import { assert, assertEquals } from "./assert.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const README = Deno.readTextFileSync(`${ROOT}README.md`);

/** The README's code blocks in a language. */
function codeBlocks(language: string): string[] {
  const block = new RegExp("^```" + language + "\\n([^]*?)^```$", "gm");
  return [...README.matchAll(block)].map(([, code]) => code);
}

Deno.test("the README's table of options is the program's (else: deno task readme)", () => {
  assertEquals(README, withOptionTable(README));
});

Deno.test("two commands set up a fresh machine", () => {
  const [commands] = codeBlocks("sh");
  assertEquals(commands.match(/^npx -y deno@[\d.]+ task (scan|test)$/gm), [
    "npx -y deno@2.9.6 task scan",
    "npx -y deno@2.9.6 task test",
  ]);
  assertEquals(commands.trimEnd().split("\n").length, 2);
});

Deno.test("the same Deno is named everywhere", () => {
  const files = [
    "README.md",
    ".ci/run",
    ".github/workflows/ci.yml",
    ".github/workflows/release.yml",
  ];
  const versions = files.flatMap((file) =>
    Deno.readTextFileSync(ROOT + file).match(/deno@[\d.]+\d/g) ?? []
  );
  assert(versions.length >= 6, "a file does not name it");
  assertEquals([...new Set(versions)], ["deno@2.9.6"]);
});

// `deno test --doc` runs the same example by the package's name.
Deno.test("the README's example runs from a URL, in a folder without anything else", async () => {
  const [example] = codeBlocks("ts");
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
