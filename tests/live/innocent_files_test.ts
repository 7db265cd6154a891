/**
 * Ten minutes of innocent traffic in a file draw no line, and a scan at their
 * end does.
 */

import { assert, assertEquals } from "../assert.ts";
import { Folder, launch } from "./daemon.ts";
import { Film, RECORDINGS } from "./innocent_files.ts";
import { Namespace, SCANNER } from "./namespaces.ts";
import { liveTest } from "./require.ts";

const END = 620;

liveTest(
  "ten minutes of innocent traffic in a file draw no line",
  { root: true, tools: ["ip", "unshare"] },
  async (t) => {
    await using folder = await Folder.create();
    await using host = await Namespace.create();
    for (const [i, { name, record }] of RECORDINGS.entries()) {
      await t.step(name, async () => {
        const film = new Film();
        record(film);
        console.log(film.figures);
        film.scan(END, SCANNER);
        const path = `${folder.path}/${i}.pcap`;
        await Deno.writeFile(path, film.develop());
        await using reader = launch(host, ["--read", path]);
        assertEquals(await reader.end(), 0, reader.stderr.join("\n"));
        assertEquals(reader.stdout.length, 1, reader.stdout.join("\n"));
        const line = reader.stdout[0];
        assert(line.includes(" ports 20, 21, 22, 23, 24, "), line);
      });
    }
  },
);
