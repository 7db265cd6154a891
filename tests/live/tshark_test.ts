/**
 * tshark and we decode the same TCP segments from every test capture.
 *
 * Where we differ on purpose:
 * - tshark shows as much of a TCP header as was captured; we need its 20 bytes,
 *   as every host does. It is asked for segments that reach the header's last
 *   field.
 * - tshark looks into first fragments, or puts whole datagrams together. We tell
 *   a header as soon as it is there, be it in a first fragment or in several. It
 *   is asked for the one or the other, as the file has fragments of the one kind
 *   or of the other.
 * - tshark's flags have 12 bits; the lower 8 make a scan's line.
 */

import { LINKTYPE_RAW } from "../../library/packet.ts";
import { SavefileReader } from "../../library/savefile.ts";
import { HeaderDecoder } from "../../detect/packet/headers.ts";
import { DECODED, FRAGMENT, REFUSAL } from "../../detect/packet/outcome.ts";
import { HeaderReassembler } from "../../detect/packet/fragments.ts";
import { findNetworkHeader } from "../../detect/packet/link.ts";
import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_COOKIE_ECHO,
  Segment,
} from "../../detect/packet/segment.ts";
import { assertEquals, assertGreater } from "../assert.ts";
import {
  type CaptureFile,
  captureFiles,
  conformanceFiles,
} from "../captures.ts";
import { decode } from "../decode.ts";
import { liveTest } from "./require.ts";
import { run } from "./processes.ts";
import {
  type Bytes,
  FILE_KINDS,
  packetOf,
  pcap,
  quoting,
  sctp,
  SCTP_NETWORKS,
  tcp,
  udp,
} from "../packets.ts";
import { seeded } from "../random.ts";

/** What is compared: the packet's number, ports, flags, numbers and window. */
function describe(
  packet: number,
  source: number,
  destination: number,
  flags: number,
  ...rest: readonly number[]
): string {
  const numbers = rest.map((number) => number >>> 0).join(" ");
  return `${packet}: ${source} to ${destination}, ${
    flags.toString(16)
  } ${numbers}`;
}

/** What we decode, as the detector does it. */
async function decodedByUs(file: CaptureFile): Promise<string[]> {
  const found: string[] = [];
  const segment = new Segment();
  const decoder = new HeaderDecoder(segment, { fromFile: true });
  let number = 0;
  const take = () => {
    if (segment.protocol !== PROTOCOL_TCP) return;
    const { sourcePort, destinationPort, flags } = segment;
    const { sequence, acknowledgement, window } = segment;
    const rest = [sequence, acknowledgement, window];
    found.push(describe(number, sourcePort, destinationPort, flags, ...rest));
  };
  const reassembler = new HeaderReassembler(seeded(1), (protocol, header) => {
    segment.protocol = protocol;
    const outcome = decoder.decodeTransport(header, 0, header.byteLength);
    if (outcome === DECODED) take();
  });
  const reader = new SavefileReader((packet) => {
    number++;
    const start = findNetworkHeader(packet);
    if (start < 0) return;
    segment.time = packet.time;
    const end = packet.offset + packet.length;
    const outcome = decoder.decode(packet.view, start, end);
    const { fragment } = decoder;
    if (!fragment.isFragment) return outcome === DECODED && take();
    const isHeader = outcome === DECODED || outcome === FRAGMENT;
    if (isHeader) reassembler.add(segment, fragment, packet.view);
  });
  for await (const chunk of chunksOf(file)) reader.push(chunk);
  reader.end();
  return found;
}

async function* chunksOf({ path, isPacked }: CaptureFile) {
  const { readable } = await Deno.open(path);
  yield* isPacked
    ? readable.pipeThrough(new DecompressionStream("gzip"))
    : readable;
}

/** The family of traces whose fragments hold whole headers. */
const FIRST_FRAGMENTS = /^frag-/;
const FIELDS = [
  ...["frame.number", "tcp.srcport", "tcp.dstport", "tcp.flags"],
  ...["tcp.seq_raw", "tcp.ack_raw", "tcp.window_size_value"],
];

/** What tshark decodes. */
async function decodedByTshark({ name, path }: CaptureFile): Promise<string[]> {
  const whole = FIRST_FRAGMENTS.test(name) ? "FALSE" : "TRUE";
  const output = await run([
    ...["tshark", "-n", "-r", path, "-T", "fields", "-Y", "tcp.urgent_pointer"],
    ...FIELDS.flatMap((field) => ["-e", field]),
    ...["-o", `ip.defragment:${whole}`, "-o", `ipv6.defragment:${whole}`],
    ...["-o", "tcp.desegment_tcp_streams:FALSE"],
  ]);
  return output.split("\n").filter((line) => line !== "").map((line) => {
    const [packet, source, destination, flags, ...rest] = line.split("\t")
      .map(Number);
    return describe(packet, source, destination, flags & 0xff, ...rest);
  });
}

liveTest(
  "tshark decodes the same segments from every capture",
  { tools: ["tshark"] },
  async (t) => {
    const files = [...captureFiles(), ...conformanceFiles()]
      .filter(({ isReadable }) => isReadable)
      // Theirs only: radiotap, and what macOS numbers as others do their own.
      .filter(({ name }) => !/radiotap|pktap-149/.test(name));
    const theirs = new Map<CaptureFile, string[]>();
    const left = files.values();
    const worker = async () => {
      for (const file of left) theirs.set(file, await decodedByTshark(file));
    };
    await Promise.all([worker(), worker()]);
    let compared = 0;
    for (const file of files) {
      await t.step(file.name, async () => {
        const ours = await decodedByUs(file);
        assertEquals(ours, theirs.get(file) ?? []);
        assertGreater(ours.length, 0);
        compared += ours.length;
      });
    }
    console.log(`${compared} segments of ${files.length} files, all the same`);
  },
);

/** SCTP packets and ICMP errors, each with its own ports. */
const EVIDENCE: readonly Bytes[] = [
  ...SCTP_NETWORKS,
  ...quoting(tcp({ sourcePort: 1, destinationPort: 0xfffe }), PROTOCOL_TCP),
  ...quoting(udp({ sourcePort: 53, destinationPort: 161 }), PROTOCOL_UDP),
  ...quoting(
    sctp({ sourcePort: 7, destinationPort: 0x8000, chunk: SCTP_COOKIE_ECHO }),
    PROTOCOL_SCTP,
  ),
].map(({ wrap }) => wrap(new Uint8Array(0)));

const PROTOCOL_NAMES = new Map([
  [PROTOCOL_TCP, "tcp"],
  [PROTOCOL_UDP, "udp"],
  [PROTOCOL_SCTP, "sctp"],
]);

/** What we decode of one of them: protocol, ports, TCP's flags or the chunk. */
function evidenceByUs(bytes: Bytes): string {
  const decoded = decode(packetOf(bytes, LINKTYPE_RAW));
  const isQuote = decoded.outcome === REFUSAL;
  const segment = isQuote ? decoded.quoted : decoded.segment;
  const { protocol, sourcePort, destinationPort, flags } = segment;
  const rest = protocol === PROTOCOL_UDP ? [] : [flags];
  const name = PROTOCOL_NAMES.get(protocol);
  return [name, sourcePort, destinationPort, ...rest].join(" ");
}

/** What tshark decodes of each packet of a file. */
async function evidenceByTshark(path: string): Promise<string[]> {
  const fields = [...PROTOCOL_NAMES.values()]
    .flatMap((name) => [`${name}.srcport`, `${name}.dstport`]);
  const all = [...fields, "tcp.flags", "sctp.chunk_type"];
  const output = await run([
    ...["tshark", "-n", "-r", path, "-T", "fields"],
    ...all.flatMap((field) => ["-e", field]),
  ]);
  return output.split("\n").filter((line) => line !== "").map((line) => {
    const values = line.split("\t");
    const first = values.findIndex((value) => value !== "");
    const numbers = values.filter((value) => value !== "").map(Number);
    return [all[first]?.split(".")[0], ...numbers].join(" ");
  });
}

liveTest(
  "tshark finds the same in SCTP packets and ICMP errors",
  { tools: ["tshark"] },
  async () => {
    const path = await Deno.makeTempFile({ suffix: ".pcap" });
    try {
      const records = EVIDENCE.map((bytes, seconds) => ({
        seconds,
        fraction: 0,
        bytes,
      }));
      await Deno.writeFile(path, pcap(FILE_KINDS[0], records));
      const theirs = await evidenceByTshark(path);
      assertEquals(EVIDENCE.map(evidenceByUs), theirs);
    } finally {
      await Deno.remove(path);
    }
  },
);
