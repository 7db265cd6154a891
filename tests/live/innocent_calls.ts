/**
 * Telephone calls: each has a pair of ports of its own, and whoever hangs up
 * first closes them while the other one still talks.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Site } from "./innocent_site.ts";
import { type Figures, perform, serve } from "./innocent_python.ts";
import type { Innocent } from "./innocent_watchers.ts";
import { HOST, SCANNER } from "./namespaces.ts";

/**
 * One end of all calls. The caller tells the other end its ports in SIP's words
 * (RFC 3261), then both send 20 ms of sound in each packet (RFC 3550), and a
 * report each second. The end that hangs up first closes its sockets.
 */
const TELEPHONE = `
role, own, other, calls = args[0], args[1], args[2], int(args[3])
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
figures = dict(calls=0, sent=0, received=0)
control = udp(own, 5060)
control.setblocking(False)

class Sound(asyncio.DatagramProtocol):
    def datagram_received(self, data, address):
        figures["received"] += 1

async def talk(ports, target, seconds):
    rtp, rtcp = [
        (await loop.create_datagram_endpoint(Sound, sock=udp(own, port)))[0]
        for port in (ports, ports + 1)]
    identity = os.urandom(4)
    payload = random.choice((0, 8, 9, 96, 111))
    end = loop.time() + seconds
    number = 0
    while loop.time() < end:
        header = struct.pack("!BBHI", 0x80, payload | (not number) << 7, number,
            number * 160)
        rtp.sendto(header + identity + os.urandom(160), (other, target))
        if number % 50 == 49:
            report = struct.pack("!BBH", 0x80, 200, 6) + identity + os.urandom(20)
            rtcp.sendto(report, (other, target + 1))
        number += 1
        figures["sent"] += 1
        await asyncio.sleep(0.02)
    goodbye = struct.pack("!BBHBBH", 0x80, 201, 1, 0x81, 203, 1)
    rtcp.sendto(goodbye[:4] + identity + goodbye[4:] + identity,
        (other, target + 1))
    rtp.close()
    rtcp.close()

def pair(number):
    return 10000 + 2 * (number * 83 % 5000)

async def call(number, seconds):
    invite = "INVITE sip:%d@%s SIP/2.0\\r\\n\\r\\nm=audio %d RTP/AVP 0\\r\\n" % (
        number, other, pair(number))
    control.sendto(invite.encode(), (other, 5060))
    figures["calls"] += 1
    await talk(pair(number), pair(number + 2500), seconds)

async def answer():
    while True:
        message, _ = await loop.sock_recvfrom(control, 2000)
        if message.startswith(b"INVITE"):
            target = int(message.split(b"m=audio ")[1].split()[0])
            number = int(message.split(b"sip:")[1].split(b"@")[0])
            seconds = 4 + number % 5
            tasks.append(asyncio.create_task(
                talk(pair(number + 2500), target, seconds)))

tasks = []
async def main():
    global tasks
    if role == "answer":
        ready()
        await answer()
    for number in range(calls):
        # Every other time the one, every other time the other hangs up first.
        seconds = 4 + number % 5 + (0.6 if number % 2 else -0.6)
        tasks.append(asyncio.create_task(call(number, seconds)))
        await asyncio.sleep(1)
    await asyncio.wait(tasks)
    told(**figures)
loop.run_until_complete(main())
`;

async function telephone(site: Site): Promise<Figures> {
  const figures = await perform(
    ...[site, site.peer, TELEPHONE, "call", SCANNER, HOST, 60] as const,
  );
  assert(figures.received > 8_000, JSON.stringify(figures));
  return figures;
}

async function telephoneOut(site: Site): Promise<Figures> {
  const figures = await perform(
    ...[site, site.host, TELEPHONE, "call", HOST, SCANNER, 60] as const,
  );
  assert(figures.received > 8_000, JSON.stringify(figures));
  return figures;
}

export const CALLS: readonly Innocent[] = [
  {
    name: "60 calls a minute, RTP at ports 10000 to 20000, peer calls",
    tools: [],
    atLeast: { datagrams: 8_000, strays: 500, unreachables: 40 },
    prepare: (site) =>
      serve(site, site.host, TELEPHONE, "answer", HOST, SCANNER, 0),
    run: telephone,
  },
  {
    name: "60 calls a minute, RTP at ports 10000 to 20000, host calls",
    tools: [],
    atLeast: { datagrams: 8_000, strays: 500, unreachables: 40 },
    prepare: (site) =>
      serve(site, site.peer, TELEPHONE, "answer", SCANNER, HOST, 0),
    run: telephoneOut,
  },
];
