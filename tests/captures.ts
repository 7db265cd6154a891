/**
 * The capture files of `data/captures/`, which `data/make_captures.py` wrote,
 * those of `data/carriers/`, in which other link types and tunnels carry a scan,
 * and those of `data/conformance/`.
 *
 * @module
 */

const CAPTURES = new URL("./data/captures/", import.meta.url);
const CARRIERS = new URL("./data/carriers/", import.meta.url);
const CONFORMANCE = new URL("./data/conformance/", import.meta.url);

/** A capture file, and the lines that it must give. */
export interface CaptureFile {
  /** Its name. */
  name: string;
  /** Where it is. */
  path: string;
  /** The lines, in UTC. */
  expected: string[];
  /** Whether it can be read: its link type is supported. */
  isReadable: boolean;
  /** Whether it has to be unpacked first. */
  isPacked: boolean;
}

function isCapture(name: string): boolean {
  return /\.pcap(ng)?(\.gz)?$/.test(name);
}

function filesIn(
  folder: URL,
  expectedName: (name: string) => string,
): CaptureFile[] {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return names.filter(isCapture).sort().map((name) => {
    const expected = expectedName(name);
    const isReadable = names.includes(expected);
    const text = isReadable
      ? Deno.readTextFileSync(new URL(expected, folder))
      : "";
    return {
      name,
      path: new URL(name, folder).pathname,
      expected: text.split("\n").filter((line) => line !== ""),
      isReadable,
      isPacked: name.endsWith(".gz"),
    };
  });
}

/** One file for each link type, format and writer. */
export function captureFiles(): CaptureFile[] {
  const expectedName = (name: string) => `${name}.expected`;
  return [
    ...filesIn(CAPTURES, expectedName),
    ...filesIn(CARRIERS, expectedName),
  ];
}

/** Where a file is that is no capture file to us, such as "snoop". */
export function otherFormat(name: string): string {
  return new URL(name, CARRIERS).pathname;
}

/** The reference's traces. */
export function conformanceFiles(): CaptureFile[] {
  return filesIn(
    CONFORMANCE,
    (name) => name.replace(/\.pcap$/, ".expected"),
  );
}
