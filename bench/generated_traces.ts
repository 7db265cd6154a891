/**
 * Traces of our own making: a server's day of full frames, and a flood.
 *
 * @module
 */

import { seeded } from "../tests/random.ts";

/** LINKTYPE_ETHERNET, whole frames. */
const FILE_HEADER = Uint32Array.of(0xa1b2c3d4, 0x40002, 0, 0, 262_144, 1);
const RECORD_HEADER = 16;
const ETHERNET = 14;
const IPV4 = 20;
const TCP = 20;
const HEADERS = ETHERNET + IPV4 + TCP;
const LARGEST_FRAME = 1514;
const CONNECTIONS = 20_000;
/** Those that are open at the same time. */
const OPEN = 200;
const SERVER = 0xc0000201; // 192.0.2.1
const START = 1_700_000_000;
const MICROSECONDS = 10;
const CHUNK = 1 << 20;

const FIN = 0x01, SYN = 0x02, PSH = 0x08, ACK = 0x10;

interface Frame {
  /** Addresses of IPv4, as numbers. */
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
  flags: number;
  sequence: number;
  acknowledgement: number;
  /** Bytes behind the headers. */
  data: number;
}

/** Writes frames to a file, a few microseconds apart. */
class Writer implements Disposable {
  bytes = 0;
  #frames = 0;
  #length = 0;
  readonly #file: Deno.FsFile;
  readonly #chunk = new Uint8Array(CHUNK);
  readonly #view = new DataView(this.#chunk.buffer);

  constructor(path: string) {
    this.#file = Deno.openSync(path, {
      ...{ write: true, create: true, truncate: true },
    });
    this.#chunk.set(new Uint8Array(FILE_HEADER.buffer));
    this.#length = FILE_HEADER.byteLength;
  }

  add(frame: Frame): void {
    const length = HEADERS + frame.data;
    if (this.#length + RECORD_HEADER + length > CHUNK) this.#flush();
    const micros = this.#frames++ * MICROSECONDS;
    const at = this.#length;
    const view = this.#view;
    view.setUint32(at, START + Math.floor(micros / 1e6), true);
    view.setUint32(at + 4, micros % 1e6, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, length, true);
    this.#putHeaders(at + RECORD_HEADER, frame);
    this.#length += RECORD_HEADER + length;
    this.bytes += RECORD_HEADER + length;
  }

  #putHeaders(at: number, frame: Frame): void {
    const view = this.#view;
    view.setUint16(at + 12, 0x0800);
    const ip = at + ETHERNET;
    view.setUint32(ip, 0x45000000 | (IPV4 + TCP + frame.data));
    view.setUint32(ip + 4, 0x4000);
    view.setUint16(ip + 8, 64 << 8 | 6);
    view.setUint16(ip + 10, 0);
    view.setUint32(ip + 12, frame.source);
    view.setUint32(ip + 16, frame.destination);
    view.setUint16(ip + 10, checksum(view, ip));
    const tcp = ip + IPV4;
    view.setUint16(tcp, frame.sourcePort);
    view.setUint16(tcp + 2, frame.destinationPort);
    view.setUint32(tcp + 4, frame.sequence);
    view.setUint32(tcp + 8, frame.acknowledgement);
    view.setUint16(tcp + 12, 0x5000 | frame.flags);
    view.setUint16(tcp + 14, 64_240);
    view.setUint32(tcp + 16, 0);
  }

  #flush(): void {
    for (let at = 0; at < this.#length;) {
      at += this.#file.writeSync(this.#chunk.subarray(at, this.#length));
    }
    this.#length = 0;
  }

  [Symbol.dispose](): void {
    this.#flush();
    this.#file.close();
  }
}

/** RFC 1071. */
function checksum(view: DataView, at: number): number {
  let sum = 0;
  for (let i = 0; i < IPV4; i += 2) sum += view.getUint16(at + i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
}

/** What a connection sends, one after the other. */
function* connection(
  client: number,
  clientPort: number,
  size: number,
): Generator<Frame> {
  let [theirs, ours] = [client, ~client >>> 0];
  const asks = (flags: number, data = 0): Frame => ({
    ...{ source: client, destination: SERVER, sourcePort: clientPort },
    ...{ destinationPort: 443, flags, sequence: theirs, acknowledgement: ours },
    data,
  });
  const answers = (flags: number, data = 0): Frame => ({
    ...{ source: SERVER, destination: client, sourcePort: 443 },
    ...{ destinationPort: clientPort, flags, sequence: ours },
    ...{ acknowledgement: theirs, data },
  });
  yield { ...asks(SYN), acknowledgement: 0 };
  theirs++;
  yield answers(SYN | ACK);
  ours++;
  yield asks(ACK);
  yield asks(PSH | ACK, 400);
  theirs += 400;
  const data = LARGEST_FRAME - HEADERS;
  for (let sent = 0; sent < size; sent += 2 * data) {
    yield answers(ACK, data);
    ours += data;
    yield answers(PSH | ACK, data);
    ours += data;
    yield asks(ACK);
  }
  yield answers(FIN | ACK);
  ours++;
  yield asks(FIN | ACK);
  theirs++;
  yield answers(ACK);
}

/** Connections to a server, many at once, until the file is so long. */
export function writeMixed(path: string, bytes: number): void {
  const random = seeded(1);
  const connections = Math.min(CONNECTIONS, Math.ceil(bytes / 10_000));
  const size = bytes / connections;
  const begin = () =>
    connection(
      (random() & 0xffffff) | 0x0a000000,
      1024 + random() % 60_000,
      size * (0.5 + random() / 2 ** 32),
    );
  using writer = new Writer(path);
  const open = Array.from({ length: OPEN }, begin);
  while (writer.bytes < bytes) {
    const which = random() % OPEN;
    const { value, done } = open[which].next();
    if (done) {
      open[which] = begin();
      continue;
    }
    writer.add(value);
  }
}

/** SYNs, each from another source. */
export function writeFlood(path: string, packets: number): void {
  const random = seeded(1);
  using writer = new Writer(path);
  for (let i = 0; i < packets; i++) {
    writer.add({
      ...{ source: random(), destination: SERVER, flags: SYN, data: 0 },
      ...{ sourcePort: 1024 + random() % 60_000, acknowledgement: 0 },
      ...{ destinationPort: random() % 65_536, sequence: random() },
    });
  }
}
