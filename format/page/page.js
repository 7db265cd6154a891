// The page's own program. Whatever comes out of the capture is put into the page
// as text, never as markup.

const ROWS = 30;
const TABLE_ROWS = 100;
const LIST_ROWS = 200;
const PORTS_SHOWN = 12;
const LAST_COLOUR = 8;
const BINS = 160;
const SVG = "http://www.w3.org/2000/svg";

const { events } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const state = { text: "", rule: "", page: 0, tableRows: TABLE_ROWS };

/** Who scanned, in words; our own hosts stand apart. */
function sourceOf(event) {
  const name = nameOf(event);
  return event.direction === undefined ? name : `${name} (${event.direction})`;
}

function nameOf(event) {
  if (event.src_ip !== undefined) return event.src_ip;
  if (event.src_network !== undefined) return event.src_network;
  return event.likely_src_ip ?? `${event.sources} sources in lockstep`;
}

function newSource(name) {
  return {
    name,
    scans: [],
    rules: new Set(),
    hosts: new Set(),
    hostCount: 0,
    hasMoreHosts: false,
    ports: new Set(),
    portCount: 0,
    openPorts: new Set(),
    first: Infinity,
    last: -Infinity,
  };
}

/** One entry for each source, in the order of their first packets. */
function groupBySource() {
  const sources = new Map();
  for (const event of events) {
    if (event.dest_ip === undefined) continue;
    const name = sourceOf(event);
    let source = sources.get(name);
    if (source === undefined) sources.set(name, source = newSource(name));
    addEvent(source, event);
  }
  return [...sources.values()].sort((a, b) => a.first - b.first);
}

function addEvent(source, event) {
  const first = Date.parse(event.first_seen);
  const last = Date.parse(event.timestamp);
  source.first = Math.min(source.first, first);
  source.last = Math.max(source.last, last);
  source.hosts.add(event.dest_ip);
  source.hostCount = Math.max(source.hostCount, event.hosts ?? 0);
  source.hasMoreHosts ||= event.other_destinations;
  if (event.event_type === "portscan_end") {
    source.portCount = Math.max(source.portCount, event.ports);
    for (const port of event.open_ports) source.openPorts.add(port);
    return;
  }
  source.scans.push({ event, first, last });
  source.rules.add(event.rule);
  for (const port of event.dest_ports) source.ports.add(port);
}

const sources = groupBySource();
const scanCount = sources.reduce((sum, { scans }) => sum + scans.length, 0);
const start = sources.reduce(
  (least, { first }) => Math.min(least, first),
  Infinity,
);
const end = sources.reduce((most, { last }) => Math.max(most, last), -Infinity);
const rules = rulesByCount();

function rulesByCount() {
  const counts = new Map();
  for (const { scans } of sources) {
    for (const { event: { rule } } of scans) {
      counts.set(rule, (counts.get(rule) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

const colours = new Map(
  rules.map(([rule], i) => [rule, `rule-${Math.min(i, LAST_COLOUR)}`]),
);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function formatTime(time) {
  return new Date(time).toISOString().replace("T", " ").slice(0, 19);
}

function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function matches(source) {
  if (state.rule !== "" && !source.rules.has(state.rule)) return false;
  const text = state.text.trim().toLowerCase();
  return text === "" || source.name.includes(text);
}

function show(name) {
  byId("filter").value = state.text = name;
  reset();
}

function reset() {
  state.page = 0;
  state.tableRows = TABLE_ROWS;
  render();
}

function render() {
  const shown = sources.filter(matches);
  byId("count").textContent = `${plural(shown.length, "source")} of ${
    sources.length.toLocaleString("en")
  }`;
  renderTimeline(shown);
  renderTable(shown);
  renderScans(shown);
}

function renderLegend() {
  byId("legend").replaceChildren(...rules.map(([rule, count]) =>
    element(
      "span",
      {},
      element("i", { className: colours.get(rule) }),
      `${rule} (${count.toLocaleString("en")})`,
    )
  ));
  byId("rule").append(
    ...rules.map(([rule]) => element("option", { value: rule }, rule)),
  );
}

function renderTimeline(shown) {
  const rows = shown.slice(state.page * ROWS, (state.page + 1) * ROWS);
  const width = Math.max(480, byId("timeline").clientWidth);
  const left = 230;
  const span = Math.max(1, end - start);
  const at = (time) => left + (time - start) / span * (width - left - 12);
  const top = 56;
  const height = top + rows.length * 22 + 4;
  const svg = shape("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": "Scans of each source over time",
  });
  svg.append(...axis(at, height), ...overview(shown, at));
  rows.forEach((source, i) => svg.append(...lane(source, top + i * 22, at)));
  byId("timeline").replaceChildren(svg);
  renderPager(shown.length);
}

/** Four times, and a line for each. */
function axis(at, height) {
  return [0, 1 / 3, 2 / 3, 1].flatMap((part) => {
    const time = start + part * (end - start);
    const x = at(time);
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    const isShort = end - start < 86_400_000 && part > 0;
    const text = formatTime(time).slice(isShort ? 11 : 0);
    return [
      shape("line", { class: "grid", x1: x, x2: x, y1: 18, y2: height }),
      shape("text", { x, y: 12, "text-anchor": anchor }, text),
    ];
  });
}

/** How many scans there were at each time. */
function overview(shown, at) {
  const counts = new Array(BINS).fill(0);
  const span = Math.max(1, end - start);
  for (const { scans } of shown) {
    for (const { last } of scans) {
      counts[Math.min(BINS - 1, Math.floor((last - start) / span * BINS))]++;
    }
  }
  const most = Math.max(1, ...counts);
  const width = (at(end) - at(start)) / BINS;
  const bars = counts.flatMap((count, i) => {
    if (count === 0) return [];
    const height = Math.max(1.5, count / most * 26);
    const title = shape("title", {}, plural(count, "scan"));
    return [shape("rect", {
      class: "all",
      x: at(start) + i * width,
      y: 48 - height,
      width: Math.max(1.5, width - 1),
      height,
    }, title)];
  });
  const text = `all: ${plural(counts.reduce((sum, n) => sum + n, 0), "scan")}`;
  return [shape("text", { x: 0, y: 46 }, text), ...bars];
}

/** A source and its scans; those that would cover one another are one mark. */
function lane(source, y, at) {
  const label = shape(
    "text",
    { class: "label", x: 0, y: y + 13 },
    source.name.slice(0, 30),
  );
  label.append(shape("title", {}, source.name));
  label.addEventListener("click", () => show(source.name));
  const line = shape("line", {
    class: "grid",
    x1: at(start),
    x2: at(end),
    y1: y + 9,
    y2: y + 9,
  });
  const marks = new Map();
  for (const { event, first, last } of source.scans) {
    if (state.rule !== "" && event.rule !== state.rule) continue;
    const x = Math.round(at(first));
    const width = Math.max(4, Math.round(at(last)) - x);
    const key = `${x} ${width} ${event.rule}`;
    const mark = marks.get(key);
    if (mark === undefined) marks.set(key, { x, width, event, count: 1 });
    else mark.count++;
  }
  return [line, label, ...[...marks.values()].map((mark) => drawMark(mark, y))];
}

function drawMark({ x, width, event, count }, y) {
  const more = count === 1 ? "" : `\nand ${plural(count - 1, "scan")} more`;
  const title = shape("title", {}, `${event.rule}: ${event.message}${more}`);
  return shape("rect", {
    class: colours.get(event.rule),
    x,
    y: y + 2,
    width,
    height: 14,
    rx: 2,
  }, title);
}

function renderPager(count) {
  const pages = Math.ceil(count / ROWS);
  const pager = byId("pager");
  if (pages <= 1) return pager.replaceChildren();
  const turn = (step) => () => {
    state.page += step;
    render();
  };
  pager.replaceChildren(
    element("button", {
      type: "button",
      disabled: state.page === 0,
      onclick: turn(-1),
    }, "Earlier sources"),
    element("span", { className: "muted" }, `${state.page + 1} of ${pages}`),
    element("button", {
      type: "button",
      disabled: state.page === pages - 1,
      onclick: turn(1),
    }, "Later sources"),
  );
}

/** Ports in ascending order, neighbours as ranges. */
function formatPorts(ports) {
  const ranges = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === port - 1) range[1] = port;
    else ranges.push([port, port]);
  }
  const texts = ranges.slice(0, PORTS_SHOWN).map(([first, last]) =>
    first === last ? `${first}` : `${first}-${last}`
  );
  return texts.join(", ") + (ranges.length > PORTS_SHOWN ? ", ..." : "");
}

function hostsOf({ hosts, hostCount, hasMoreHosts }) {
  const count = Math.max(hosts.size, hostCount);
  if (count > 1) {
    return count.toLocaleString("en") +
      (hasMoreHosts && hostCount === 0 ? "+" : "");
  }
  return [...hosts][0] + (hasMoreHosts ? " and others" : "");
}

function tableRow(source) {
  const { name, scans, rules, ports, portCount, openPorts, first, last } =
    source;
  const cell = (text, className = "") => element("td", { className }, text);
  const button = element("button", {
    type: "button",
    className: "source",
    onclick: () => show(name),
  }, name);
  return element(
    "tr",
    {},
    element("td", {}, button),
    cell([...rules].join(", ")),
    cell(scans.length.toLocaleString("en"), "number"),
    cell(hostsOf(source)),
    cell(Math.max(ports.size, portCount).toLocaleString("en"), "number"),
    cell(formatPorts(ports)),
    cell(formatPorts(openPorts), "open"),
    cell(formatTime(first), "time"),
    cell(formatTime(last), "time"),
  );
}

function renderTable(shown) {
  byId("rows").replaceChildren(
    ...shown.slice(0, state.tableRows).map(tableRow),
  );
  const left = shown.length - state.tableRows;
  const more = byId("more");
  more.hidden = left <= 0;
  more.textContent = `Show ${Math.min(left, TABLE_ROWS)} more of ${
    left.toLocaleString("en")
  }`;
}

/** The lines of the one source that is left. */
function renderScans(shown) {
  const section = byId("scans");
  section.hidden = shown.length !== 1;
  if (shown.length !== 1) return;
  const [{ name, scans }] = shown;
  byId("scans-of").textContent = `Scans of ${name}`;
  const lines = scans.slice(0, LIST_ROWS).map(({ event }) =>
    element(
      "li",
      {},
      `${formatTime(Date.parse(event.timestamp))}  ${event.message}`,
    )
  );
  const left = scans.length - LIST_ROWS;
  if (left > 0) {
    lines.push(element("li", {}, `and ${plural(left, "scan")} more`));
  }
  byId("lines").replaceChildren(...lines);
}

function main() {
  if (sources.length === 0) {
    byId("body").hidden = true;
    return;
  }
  byId("summary").textContent = `${plural(scanCount, "scan")} by ${
    plural(sources.length, "source")
  }, ${formatTime(start)} to ${formatTime(end)} UTC`;
  renderLegend();
  byId("filter").addEventListener("input", ({ target }) => {
    state.text = target.value;
    reset();
  });
  byId("rule").addEventListener("change", ({ target }) => {
    state.rule = target.value;
    reset();
  });
  byId("form").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => {
    byId("rule").value = state.rule = "";
    show("");
  });
  byId("more").addEventListener("click", () => {
    state.tableRows += TABLE_ROWS;
    render();
  });
  addEventListener("resize", () => render());
  render();
}

main();
