/**
 * The library from a URL: a script in an empty folder imports `mod.ts` over
 * HTTP and finds a scan, under Deno with no permission but the import and the
 * file, and bundled into one file under Node.
 */

import { assertEquals } from "./assert.ts";
import { requirement } from "./live/require.ts";
import { SCAN_LINE, SCAN_PORTS, scanFile } from "./packets.ts";

const ROOT = new URL("../", import.meta.url);

/** Serves the checkout on loopback while the body runs. */
async function withServer(
  body: (host: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      try {
        const text = await Deno.readTextFile(new URL(`.${pathname}`, ROOT));
        return new Response(text, {
          headers: { "content-type": "application/typescript" },
        });
      } catch {
        return new Response("", { status: 404 });
      }
    },
  );
  try {
    await body(`127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** An empty folder with a capture file in it, gone afterwards. */
async function withFolder(
  body: (folder: string, file: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const file = `${folder}/scan.pcap`;
    await Deno.writeFile(file, scanFile(SCAN_PORTS));
    await body(folder, file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Outcome {
  success: boolean;
  out: string;
  err: string;
}

/** Runs a program in a folder; Deno keeps its caches there, too. */
async function run(
  program: string,
  folder: string,
  ...args: string[]
): Promise<Outcome> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: folder,
    env: {
      DENO_DIR: `${folder}/cache`,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    },
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((b) => new TextDecoder().decode(b));
  return { success, out, err };
}

Deno.test("a script imports mod.ts over HTTP and finds a scan, under Deno", () =>
  withServer((host) =>
    withFolder(async (folder, file) => {
      await Deno.writeTextFile(
        `${folder}/script.ts`,
        `import { findScans, formatReport } from "http://${host}/mod.ts";
const file = await Deno.open(${JSON.stringify(file)});
for await (const report of findScans(file.readable)) {
  console.log(formatReport(report, { utc: true }));
}
`,
      );
      const { success, out, err } = await run(
        Deno.execPath(),
        folder,
        ...["run", "--no-config", "--no-prompt", "--check"],
        ...[`--allow-import=${host}`, `--allow-read=${file}`, "script.ts"],
      );
      assertEquals([success, out], [true, `${SCAN_LINE}\n`], err);
    })
  ));

const NODE_SCRIPT = (host: string) =>
  `import { createReadStream } from "node:fs";
import { findScans, formatReport } from "http://${host}/mod.ts";
for await (const report of findScans(createReadStream("scan.pcap"))) {
  console.log(formatReport(report, { utc: true }));
}
console.log("Deno" in globalThis);
`;

const node = requirement({ tools: ["node"] });

Deno.test({
  name: "the same, bundled into one file, finds it under Node" +
    (node.ignore ? ` (skipped: ${node.reason})` : ""),
  ignore: node.ignore,
  fn: () =>
    withServer((host) =>
      withFolder(async (folder) => {
        await Deno.writeTextFile(`${folder}/script.ts`, NODE_SCRIPT(host));
        // The first time, this fetches esbuild from the npm registry.
        const bundled = await run(
          Deno.execPath(),
          folder,
          ...["bundle", "--no-config", `--allow-import=${host}`],
          ...["--output=bundle.mjs", "script.ts"],
        );
        assertEquals(bundled.success, true, bundled.err);
        await Deno.remove(`${folder}/cache`, { recursive: true });
        const { success, out, err } = await run("node", folder, "bundle.mjs");
        assertEquals([success, out], [true, `${SCAN_LINE}\nfalse\n`], err);
      })
    ),
});
