/**
 * Python on the hosts of innocent traffic: what no program of a distribution
 * does on demand.
 *
 * @module
 */

import type { Namespace } from "./namespaces.ts";
import type { Process } from "./processes.ts";
import type { Site } from "./innocent_site.ts";

/** Not the first one of the search path, which may be a slow wrapper. */
const PYTHON = "/usr/bin/python3";

/** What scripts have in common. */
const PRELUDE = `
import asyncio, json, os, random, resource, selectors, signal, socket, struct
import sys, time
files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
args = sys.argv[1:]

def ready():
    print("ready", file=sys.stderr, flush=True)

def told(**figures):
    print(json.dumps(figures), flush=True)

def udp(address="", port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind((address, port))
    return s

def connection(target, source=("", 0), reset=False):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reset:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.settimeout(5)
    s.bind(source)
    s.connect(target)
    return s
`;

/** Figures by their names. */
export type Figures = Record<string, number>;

let written = 0;

/** Puts a script into a file, so that errors quote its lines and no more. */
async function command(
  { folder }: Site,
  script: string,
  args: readonly (string | number)[],
): Promise<string[]> {
  const path = `${folder}/script${++written}.py`;
  await Deno.writeTextFile(path, PRELUDE + script);
  return [PYTHON, path, ...args.map(String)];
}

/** Starts a script that says `ready()` and goes on until the end. */
export async function serve(
  site: Site,
  host: Namespace,
  script: string,
  ...args: readonly (string | number)[]
): Promise<Process> {
  return await site.start(host, await command(site, script, args), "ready");
}

/** Runs a script to its end; returns what it has `told(...)`. */
export async function perform(
  site: Site,
  host: Namespace,
  script: string,
  ...args: readonly (string | number)[]
): Promise<Figures> {
  return JSON.parse(await site.finish(host, await command(site, script, args)));
}

/**
 * A server on TCP ports: echoes a line, or streams for ever to who says so,
 * or is late with its answer.
 */
export const TCP_SERVER = `
async def serve(reader, writer):
    try:
        while line := await reader.readline():
            words = line.split()
            if words[:1] == [b"stream"]:
                while True:
                    writer.write(bytes(1000))
                    await writer.drain()
                    await asyncio.sleep(0.05)
            if words[:1] == [b"late"]:
                await asyncio.sleep(float(words[1]))
            writer.write(line)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def main():
    for port in args:
        await asyncio.start_server(serve, "", int(port), backlog=4096)
    ready()
    await asyncio.Event().wait()

asyncio.run(main())
`;
