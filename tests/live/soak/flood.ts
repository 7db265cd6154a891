/**
 * Floods: as many packets as Python can send, each from another address.
 *
 * @module
 */

import { hardwareAddress } from "../inject.ts";
import { HOST, type Namespace, type TwoHosts } from "../namespaces.ts";

/**
 * Sends one packet of a random source after the other for some seconds, in
 * bursts with rests as long. The sources are of 10.96.0.0/11.
 */
const FLOOD = `
import os, random, socket, struct, sys, time
kind, seconds, target, sender, address = sys.argv[1:]
link = bytes.fromhex(target + sender) + b"\\x08\\x00"
def frame():
    source = struct.pack("!I", 0x0a600000 | random.getrandbits(21))
    if kind == "fragments":
        # Pieces of headers: first ones, later ones, with and without more.
        offset = random.choice([0x2000, 0x2001, 0x2002, 0x0001, 0x0002])
        payload = os.urandom(8)
    else:
        offset = 0
        payload = struct.pack("!HHIIBBHHH", random.getrandbits(16),
            random.getrandbits(16), random.getrandbits(32), 0, 0x50,
            random.choice([2, 2, 2, 1, 0, 0x29]), 1024, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload),
        random.getrandbits(16), offset, 64, 6, 0, source,
        socket.inet_aton(address))
    return link + ip + payload
frames = [frame() for _ in range(50000)]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
end = time.time() + float(seconds)
sent = 0
while time.time() < end:
    start = time.time()
    for _ in range(500):
        s.send(frames[sent % len(frames)])
        sent += 1
    time.sleep(time.time() - start)
print(sent)
`;

/** What a flood consists of. */
export type FloodKind = "segments" | "fragments";

async function hexAddress(host: Namespace): Promise<string> {
  return (await hardwareAddress(host)).toHex();
}

/** Floods the host for some seconds; returns how many packets it was. */
export async function flood(
  { scanner, host }: TwoHosts,
  kind: FloodKind,
  seconds: number,
): Promise<number> {
  const ends = [await hexAddress(host), await hexAddress(scanner)];
  const sent = await scanner.run([
    ...["python3", "-c", FLOOD, kind, `${seconds}`, ...ends, HOST],
  ]);
  return Number(sent);
}
