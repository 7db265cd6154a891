/**
 * The scans of a capture as one page of HTML that needs nothing else.
 *
 * @module
 */

import type { ReportEvent } from "../event.ts";
import program from "./page.js" with { type: "text" };
import style from "./page.css" with { type: "text" };

/** What a page says besides the scans. */
export interface PageOptions {
  /**
   * Random text of letters and digits, new for each page: only markup that knows
   * it may run, so that nothing from a capture ever does.
   */
  nonce: string;
  /** What was read. */
  files: readonly string[];
  /** Events that there was no room for. */
  omitted: number;
}

/** Characters that mean something in HTML, and what stands for them. */
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Writes a page with a timeline of scans by source, and a table of what each
 * source touched and found. Nothing is loaded from elsewhere, and the page
 * forbids it.
 */
export function formatPage(
  events: readonly ReportEvent[],
  { nonce, files, omitted }: PageOptions,
): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const names = files.map((name) => `<bdi>${escapeHtml(name)}</bdi>`);
  const missing = omitted === 0
    ? ""
    : `<p><strong>${omitted} more events are not shown.</strong></p>`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>Port scans</title>
<style nonce="${nonce}">
${style}</style>
</head>
<body>
<h1>Port scans</h1>
<p id="summary">No scan was found.</p>
<p class="muted">Read from ${names.join(", ")} by scanlogd</p>
${missing}
<div id="body">
<form id="form">
<input id="filter" type="search" placeholder="Filter by source" aria-label="Filter by source" autocomplete="off" spellcheck="false">
<select id="rule" aria-label="Rule"><option value="">all rules</option></select>
<button id="clear" type="button">Show all</button>
</form>
<section>
<h2>Timeline <span id="count" class="muted"></span></h2>
<div id="legend" class="legend"></div>
<div id="timeline" class="scroll"></div>
<div id="pager" class="pager"></div>
</section>
<section id="scans" hidden>
<h2 id="scans-of"></h2>
<ol id="lines"></ol>
</section>
<section>
<h2>Sources</h2>
<div class="scroll">
<table>
<thead><tr><th>Source</th><th>Rule</th><th class="number">Scans</th><th>Hosts</th><th class="number">Ports</th><th>Which</th><th>Open ports found</th><th>First seen (UTC)</th><th>Last seen (UTC)</th></tr></thead>
<tbody id="rows"></tbody>
</table>
</div>
<div class="pager"><button id="more" type="button" hidden></button></div>
</section>
</div>
<script id="data" type="application/json" nonce="${nonce}">${
    embed({ events })
  }</script>
<script nonce="${nonce}">
${program}</script>
</body>
</html>
`;
}

/** JSON inside of an element, which no text in it can end. */
function embed(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
