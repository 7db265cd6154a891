/**
 * The page that tells what became of every combination of the matrix.
 *
 * @module
 */

import { markdownTable } from "../../daemon/markdown_table.ts";
import { type Combination, PORTS, SCANS, TITLES } from "./matrix.ts";
import type { Defence } from "./techniques.ts";

/** What a row of figures is about. */
export interface Figure {
  combination: Combination;
  /** From the first probe to the line; NaN: none came. */
  seconds: number;
}

const INTRODUCTION = `# What is seen of which scan

Each of nmap's scans, of 100 ports each (\`-sO\`: of all IP protocols), on hosts
without a firewall and without a listening port, and on hosts with three kinds of
firewall. A cell has the longest time from the first probe to the line, in
seconds, over IPv4 and IPv6 and over two ranges of ephemeral ports
(\`ip_local_port_range\`: the default, and 1024 to 65000); every combination was
tried, and reported in one line each. nmap's own pauses are part of the time, and
3 s during which a segment with ACK may turn out to be a lost connection's. Where
\`nmap -sT\` gets no answer from high ports, it asks for the 21st, which completes
a scan, after 5 s; and after its first pause, of 3 s, the scan has begun anew.

Written by \`deno task test:long\`.
`;

/** The page. */
export function matrixPage(figures: readonly Figure[]): string {
  return [
    INTRODUCTION,
    "## With the port memory in the kernel (eBPF)\n",
    table(figures.filter(({ combination }) => combination.memory)),
    "## Without it\n",
    "Why some scans are not seen then: [limits.md](limits.md).\n",
    table(figures.filter(({ combination }) => !combination.memory)),
  ].join("\n");
}

function table(figures: readonly Figure[]): string {
  const defences = Object.keys(TITLES) as Defence[];
  const rows = SCANS.flatMap((scan) => {
    const ranges = scan === "-sO" ? ["all"] : PORTS;
    return ranges.map((ports) => [
      `\`nmap ${scan}\``,
      ports,
      ...defences.map((defence) =>
        cell(
          figures.filter(({ combination }) =>
            combination.scan === scan && combination.ports === ports &&
            combination.defence === defence
          ),
        )
      ),
    ]);
  });
  const titles = ["scan", "ports", ...defences.map((each) => TITLES[each])];
  return `${markdownTable([titles, ...rows])}\n`;
}

function cell(figures: readonly Figure[]): string {
  const texts = ([4, 6] as const).map((family) =>
    longest(figures.filter(({ combination }) => combination.family === family))
  );
  if (texts.every((text) => text === UNSEEN)) return UNSEEN;
  return texts.includes(UNSEEN)
    ? `IPv4: ${texts[0]}, IPv6: ${texts[1]}`
    : longest(figures);
}

const UNSEEN = "unseen";

/** To a tenth, at least: faster machines need not write another page. */
function longest(figures: readonly Figure[]): string {
  if (figures.some(({ seconds }) => isNaN(seconds))) return UNSEEN;
  const most = Math.max(...figures.map(({ seconds }) => seconds));
  return Math.max(most, 0.1).toFixed(1);
}
