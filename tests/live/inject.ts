/**
 * Sends frames as they are, as only a packet socket can.
 *
 * @module
 */

import { withLengths } from "./frame_flood.ts";
import type { Namespace } from "./namespaces.ts";
import { run } from "./processes.ts";

/** So many frames in a row, then a millisecond's rest: no watcher loses any. */
const BURST = 50;
/** A frame is sent again so often that found the other end's queue full. */
const TRIES = 1000;

const SEND = `
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
frames = sys.stdin.buffer.read()
dropped = open(f"/sys/class/net/{sys.argv[1]}/statistics/tx_dropped")
def lost():
    dropped.seek(0)
    return int(dropped.read())
at = sent = 0
before = lost()
while at < len(frames):
    length, = struct.unpack_from("!H", frames, at)
    for _ in range(int(sys.argv[3])):
        s.send(frames[at + 2:at + 2 + length])
        now = lost()
        if now == before:
            break
        before = now
        time.sleep(0.001)
    at += 2 + length
    sent += 1
    if sent % int(sys.argv[2]) == 0:
        time.sleep(0.001)
`;

/** Sends frames from a host, link layer header included. */
export async function inject(
  host: Namespace,
  frames: readonly Uint8Array[],
  name = "eth0",
): Promise<void> {
  await run(
    host.inside(["python3", "-c", SEND, name, `${BURST}`, `${TRIES}`]),
    { input: withLengths(frames) },
  );
}

/** The hardware address of a host's interface. */
export async function hardwareAddress(
  host: Namespace,
  name = "eth0",
): Promise<Uint8Array> {
  const text = await host.run(["cat", `/sys/class/net/${name}/address`]);
  return Uint8Array.from(text.split(":"), (byte) => parseInt(byte, 16));
}
