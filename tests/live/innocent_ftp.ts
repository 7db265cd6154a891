/**
 * File transfers: each opens a data connection to another port.
 *
 * @module
 */

import { assertEquals } from "../assert.ts";
import type { Site } from "./innocent_site.ts";
import type { Figures } from "./innocent_python.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { HOST, type Namespace, SCANNER } from "./namespaces.ts";
import { pause } from "./processes.ts";

const TOOLS = ["vsftpd", "curl", "lftp", "sh"];
const FILES = 240;

/** Starts a server of {@linkcode FILES} files, with lines of its own besides. */
async function startServer(
  site: Site,
  host: Namespace,
  ...lines: readonly string[]
): Promise<void> {
  const root = `${site.folder}/ftp`;
  await Deno.mkdir(root, { recursive: true });
  await Promise.all(
    Array.from(
      { length: FILES },
      (_, i) => Deno.writeTextFile(`${root}/file${i + 1}`, `File ${i + 1}.\n`),
    ),
  );
  const path = `${site.folder}/vsftpd.conf`;
  await Deno.writeTextFile(
    path,
    [
      ...["listen=YES", "background=NO", "anonymous_enable=YES"],
      ...[`anon_root=${root}`, "local_enable=NO", "seccomp_sandbox=NO"],
      ...["max_per_ip=0", "xferlog_enable=NO", ...lines, ""],
    ].join("\n"),
  );
  await site.start(host, ["vsftpd", path]);
  await site.finish(host, [
    ...[
      "sh",
      "-c",
      'until ss -Hltn "sport = 21" | grep -q .; do sleep .1; done',
    ],
  ]);
}

/** Fetches the first files with curl; one connection, many transfers. */
async function fetchWithCurl(
  site: Site,
  from: Namespace,
  server: string,
  count: number,
  ...options: readonly string[]
): Promise<Figures> {
  const text = await site.finish(from, [
    ...["curl", "-sS", "--fail", ...options],
    `ftp://${server}/file[1-${count}]`,
  ]);
  const transfers = text.split("\n").filter((line) =>
    /^File \d+\.$/.test(line)
  );
  assertEquals(transfers.length, count);
  return { transfers: count };
}

/** Fetches all files with lftp, four at a time. */
async function fetchWithLftp(
  site: Site,
  from: Namespace,
  server: string,
  mode: "on" | "off",
): Promise<Figures> {
  const target = `${site.folder}/fetched`;
  await site.finish(from, [
    ...["lftp", "-c"],
    `set ftp:passive-mode ${mode}; set ftp:use-feat off;
     open ${server}; mirror --parallel=4 . ${target}`,
  ]);
  const files = [...Deno.readDirSync(target)].filter(({ isFile }) => isFile);
  assertEquals(files.length, FILES);
  return { transfers: FILES };
}

/** Transfers with pauses such as people make. */
async function fetchSlowly(site: Site): Promise<Figures> {
  for (let i = 0; i < 60; i++) {
    await fetchWithCurl(site, site.peer, HOST, 1);
    await pause(900);
  }
  return { transfers: 60 };
}

/** Where administrators put data ports to let them through a firewall. */
const LOW_RANGE = ["pasv_min_port=10000", "pasv_max_port=20000"];

export const FTP: readonly Innocent[] = [
  {
    name: "40 passive FTP transfers, data ports 10000 to 20000",
    tools: TOOLS,
    atLeast: { accepted: 41 },
    prepare: (site) => startServer(site, site.host, ...LOW_RANGE),
    run: (site) => fetchWithCurl(site, site.peer, HOST, 40),
  },
  {
    name: "240 passive FTP transfers, data ports 10000 to 20000",
    tools: TOOLS,
    atLeast: { accepted: 241 },
    prepare: (site) => startServer(site, site.host, ...LOW_RANGE),
    run: (site) => fetchWithLftp(site, site.peer, HOST, "on"),
  },
  {
    name: "200 passive FTP transfers, any data port",
    tools: TOOLS,
    atLeast: { accepted: 201 },
    prepare: (site) => startServer(site, site.host),
    run: (site) => fetchWithCurl(site, site.peer, HOST, 200),
  },
  {
    name: "a minute of FTP sessions of one transfer each",
    tools: TOOLS,
    atLeast: { accepted: 120 },
    prepare: (site) => startServer(site, site.host, ...LOW_RANGE),
    run: fetchSlowly,
  },
  {
    name: "200 active FTP transfers, host is the client",
    tools: TOOLS,
    atLeast: { accepted: 200 },
    prepare: (site) => startServer(site, site.peer, "connect_from_port_20=YES"),
    run: (site) =>
      fetchWithCurl(site, site.host, SCANNER, 200, "--ftp-port", "-"),
  },
  {
    name: "200 active FTP transfers to ports 10000 to 20000 of the host",
    tools: TOOLS,
    atLeast: { accepted: 200 },
    prepare: (site) => startServer(site, site.peer, "connect_from_port_20=YES"),
    run: (site) =>
      fetchWithCurl(
        site,
        site.host,
        SCANNER,
        200,
        "--ftp-port",
        `${HOST}:10000-20000`,
      ),
  },
  {
    name: "240 active FTP transfers, host is the server",
    tools: TOOLS,
    atLeast: { opened: 240 },
    prepare: (site) => startServer(site, site.host, "connect_from_port_20=YES"),
    run: (site) => fetchWithLftp(site, site.peer, HOST, "off"),
  },
];
