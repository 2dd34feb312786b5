/* The page's script: events back from their columns, memory at any of them, and the drawings.
 *
 * Memory at event i is the nearest key frame before it and the events since. Key frames are made
 * once, when the page opens, together with the curves of free memory. */

/* ---- Events ---- */

const KIND = facts.kinds;
const count = facts.count;
let kinds, cpus, times, pages, offsets, sizes, details, sites;

async function unpack() {
  const text = atob(document.getElementById("events").textContent);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function readColumns(bytes) {
  let at = 0;
  const take = (size) => bytes.subarray(at, at += size);
  function number() {
    let byte = bytes[at++];
    if (byte < 128) return byte;
    let value = byte & 127, scale = 128;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }
  const column = (array) => {
    for (let i = 0; i < count; i++) array[i] = number();
    return array;
  };
  kinds = take(count);
  cpus = take(count);
  times = column(new Float64Array(count));
  for (let i = 1; i < count; i++) times[i] += times[i - 1];
  pages = column(new Float64Array(count));
  const last = new Float64Array(256);
  for (let i = 0; i < count; i++) {
    const value = pages[i];
    pages[i] = last[kinds[i]] += value % 2 ? -(value + 1) / 2 : value / 2;
  }
  const pairs = take(2 * count);
  offsets = new Uint16Array(count);
  for (let i = 0; i < count; i++) offsets[i] = pairs[2 * i] | pairs[2 * i + 1] << 8;
  sizes = column(new Float64Array(count));
  details = column(new Uint16Array(count));
  sites = column(new Uint32Array(count));
}

/* ---- Memory over time ---- */

const FREE = 0, UNKNOWN = 255, ALLOCATED = facts.owners.indexOf("allocated");
const frames = facts.frames;
const owner = new Uint8Array(frames);       // at event `now`
const touched = new Int32Array(frames);     // the event that last changed a frame, -1: long ago
const CHUNK_SHIFTS = [3, 10];               // 32 KiB and 4 MiB
const POINTS = 1200;
let keys = [], keyEvery = 1, now = -1, curve = null;

function isOfFrames(kind) {
  return kind === KIND["page alloc"] || kind === KIND["page free"] ||
         kind === KIND["page owner"] || kind === KIND["frames"];
}

/* The frames of an event: [first, end), within the machine. */
function rangeOf(i) {
  const first = pages[i] - facts.first;
  return [Math.max(0, first), Math.max(0, Math.min(frames, first + sizes[i]))];
}

function ownerAfter(i) {
  const kind = kinds[i];
  if (kind === KIND["page free"]) return FREE;
  return kind === KIND["page alloc"] ? ALLOCATED : Math.min(details[i], 254);
}

function begin() {
  let at = 0;
  for (const [who, length] of facts.start) owner.fill(who, at, at += length);
}

/* Key frames and curves, in one pass over all events. */
function prepare() {
  begin();
  const budget = 48 << 20;
  keyEvery = Math.max(2048, Math.ceil(count / Math.max(1, Math.floor(budget / frames))));
  const every = Math.max(1, Math.ceil(count / POINTS));
  curve = {event: [], free: [], spoilt: [[], []], most: 1};
  const inside = CHUNK_SHIFTS.map((shift) => new Int32Array((frames >> shift) + 1));
  const whole = [0, 0];
  let free = 0;
  function change(frame, step) {
    free += step;
    for (let k = 0; k < 2; k++) {
      const full = 1 << CHUNK_SHIFTS[k], chunk = frame >> CHUNK_SHIFTS[k];
      if (inside[k][chunk] === full) whole[k]--;
      if ((inside[k][chunk] += step) === full) whole[k]++;
    }
  }
  for (let frame = 0; frame < frames; frame++) if (owner[frame] === FREE) change(frame, 1);
  for (let i = 0; i < count; i++) {
    if (i % keyEvery === 0) keys.push(owner.slice());
    if (isOfFrames(kinds[i])) {
      const [first, end] = rangeOf(i), who = ownerAfter(i);
      for (let frame = first; frame < end; frame++) {
        if ((owner[frame] === FREE) !== (who === FREE)) change(frame, who === FREE ? 1 : -1);
        owner[frame] = who;
      }
    }
    if (i % every === 0 || i === count - 1) {
      curve.event.push(i);
      curve.free.push(free);
      CHUNK_SHIFTS.forEach((shift, k) =>
        curve.spoilt[k].push(free ? 1 - whole[k] * (1 << shift) / free : 0));
      curve.most = Math.max(curve.most, free);
    }
  }
  now = count - 1;
  touched.fill(-1);
}

function step(i) {
  if (!isOfFrames(kinds[i])) return;
  const [first, end] = rangeOf(i);
  owner.fill(ownerAfter(i), first, end);
  touched.fill(i, first, end);
}

/* Memory as it is after event i. */
function seek(i) {
  if (i < now || i - now > keyEvery) {
    const key = Math.floor(i / keyEvery);
    owner.set(keys[key]);
    touched.fill(-1);
    now = key * keyEvery - 1;
  }
  while (now < i) step(++now);
}

/* ---- Words ---- */

const hex = (value) => "0x" + value.toString(16);
const many = (value) => value === 1 ? "1 frame" : value.toLocaleString("en") + " frames";

function bytes(value) {
  if (value >= 1 << 30) return (value / (1 << 30)).toFixed(value % (1 << 30) ? 1 : 0) + " GiB";
  if (value >= 1 << 20) return (value / (1 << 20)).toFixed(value % (1 << 20) ? 1 : 0) + " MiB";
  if (value >= 1024) return (value / 1024).toFixed(value % 1024 ? 1 : 0) + " KiB";
  return value + " bytes";
}

function clock(stamp) {
  if (!facts.rate) return "stamp " + stamp.toLocaleString("en");
  const seconds = stamp / facts.rate;
  return seconds < 1 ? (seconds * 1e3).toFixed(3) + " ms" : seconds.toFixed(4) + " s";
}

const ofDirectMap = (i) => details[i] !== 0xFFFE;
const cacheName = (number) => facts.caches[number] || "cache " + number;

function addressOf(i) {
  const inPage = pages[i] * 4096 + offsets[i];
  const isObject = kinds[i] === KIND.alloc || kinds[i] === KIND.free;
  return isObject && ofDirectMap(i) ? inPage - facts.directFrame * 4096 + facts.directBase : inPage;
}

function say(i) {
  const size = sizes[i], detail = details[i], at = hex(addressOf(i)), page = hex(pages[i]);
  const order = (n) => bytes(4096 * 2 ** n);
  switch (kinds[i]) {
  case KIND.alloc: return `alloc ${bytes(size)} at ${at} (${cacheName(detail)})`;
  case KIND.free: return `free ${at} (${cacheName(detail)})`;
  case KIND["page alloc"]: return `page alloc: frame ${page}, ${many(size)}`;
  case KIND["page free"]: return `page free: frame ${page}, ${many(size)}`;
  case KIND["page owner"]: return `frame ${page}, ${many(size)}: ${facts.owners[detail]}`;
  case KIND.split: return `split the ${order(size)} at frame ${page} for ${order(detail)}`;
  case KIND.merge: return `merge the ${order(size)} at frame ${page} into ${order(detail)}`;
  case KIND["slab grows"]: return `slab ${cacheName(detail)} grows by ${many(size)} at frame ${page}`;
  case KIND["slab shrinks"]: return `slab ${cacheName(detail)} gives ${many(size)} back at ${page}`;
  case KIND.fault: return `fault: ${["read", "write", "fetch"][size & 3]} of ${at} by process ` +
    `${size >> 8}: ${facts.faults[detail]}`;
  case KIND.mmap: case KIND.munmap: case KIND.mprotect: case KIND.mremap:
    return `${name(i)} ${at}, ${bytes(size)}${detail ? ", error " + detail : ""}`;
  case KIND.brk: return `brk ${at}`;
  case KIND.reclaim: return `reclaim: ${many(size)} wanted, ${detail} got`;
  case KIND.oom: return `out of memory: process ${size} is ended`;
  case KIND.switch: return `switch from ${detail} to ${size}`;
  case KIND.fork: return `fork: ${detail} has the child ${size}`;
  case KIND.exec: return `exec: process ${size} is ${facts.programs[addressOf(i)]}`;
  case KIND.exit: return `exit of ${size}`;
  case KIND.irq: return `interrupt ${size}`;
  case KIND.lost: return `${size.toLocaleString("en")} events LOST`;
  case KIND.frames: return `frames from ${page}, ${many(size)}: ${facts.owners[detail]}`;
  default: return name(i);
  }
}

const NAMES = Object.fromEntries(Object.entries(KIND).map(([text, kind]) => [kind, text]));
const name = (i) => NAMES[kinds[i]] || "event";

function siteText(number) {
  const [text, line] = facts.sites[number];
  return text === "-" ? "" : line ? `${text}  ${line}` : text;
}

/* ---- Colours ---- */

const COLOURS = {
  "free": "#1d2733", "cpu cache": "#1d2733", "firmware": "#0d1117", "low memory": "#6b7280",
  "left out": "#30363d", "bad": "#ff2e63", "kernel image": "#e5675b", "module": "#a5825a",
  "boot info": "#7f6a55", "metadata": "#b7a6d8", "early heap": "#d68fb8", "slab": "#f2b84b",
  "allocated": "#ffffff", "heap": "#f58549", "vmalloc": "#c9e265", "page table": "#b07cf0",
  "kernel stack": "#e05fa0", "program": "#4fb3f6", "page cache": "#3ecf8e",
};
const colour = (who) => COLOURS[facts.owners[who]] || "#0d1117";
const rgb = facts.owners.map((_, who) => colour(who)).map((text) =>
  [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
const colourOf = (who) => rgb[who] || [13, 17, 23];

/* ---- The map ---- */

const $ = (id) => document.getElementById(id);
const map = $("map"), line = $("line");
let view = {first: 0, count: frames};       // frames shown
let grid = null;                            // how they lie: columns, rows, shift, cell, x, y
let chosen = null, hovered = null, playing = false;

/* A row is a power of two of cells, a cell a power of two of frames: chunks of the buddy stay
 * rectangles. */
function layOut() {
  const box = map.getBoundingClientRect(), left = 86, room = {w: box.width - left - 12, h: box.height - 20};
  let best = null;
  for (let shift = 0; shift < 24; shift++) {
    const cells = Math.ceil(view.count / 2 ** shift);
    for (let columns = 8; columns <= 512; columns *= 2) {
      const rows = Math.ceil(cells / columns);
      const w = Math.min(56, room.w / columns), h = Math.min(56, room.h / rows);
      if (w < 3 || h < 3) continue;
      const skew = Math.max(w, h) / Math.min(w, h);
      const score = w * h * cells / Math.max(1, skew - 1);
      if (!best || score > best.score) best = {score, shift, columns, rows, w, h};
    }
    if (best) break;
  }
  grid = best || {shift: 10, columns: 64, rows: 64, w: 3, h: 3};
  grid.x = left;
  grid.y = 10;
}

/* What a cell shows: the owner that has most of it and is not free, how much that is, whether
 * something has just changed there. */
function cellOf(first, end, tally) {
  if (end - first === 1) return {who: owner[first], share: 1, at: touched[first]};
  let used = 0, best = FREE, most = 0, at = -1;
  tally.fill(0);
  for (let frame = first; frame < end; frame++) {
    const who = owner[frame];
    if (touched[frame] > at) at = touched[frame];
    if (who === UNKNOWN || who === 2) continue;
    tally[who]++;
    if (who === FREE) continue;
    used++;
    if (tally[who] > most) { most = tally[who]; best = who; }
  }
  if (!used) return {who: tally[FREE] ? FREE : UNKNOWN, share: 1, at};
  return {who: best, share: 0.35 + 0.65 * used / (end - first), at};
}

/* Where a cell is drawn, in whole dots. */
function boxOf(cell) {
  const column = cell % grid.columns, row = Math.floor(cell / grid.columns);
  const x = Math.round(grid.x + column * grid.w), y = Math.round(grid.y + row * grid.h);
  return [x, y, Math.round(grid.x + (column + 1) * grid.w) - x,
          Math.round(grid.y + (row + 1) * grid.h) - y];
}

function sharp(canvas) {
  const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
  if (canvas.width !== Math.round(box.width * ratio) || canvas.height !== Math.round(box.height * ratio)) {
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, box.width, box.height);
  return {context, width: box.width, height: box.height};
}

const FRESH = 400;                          // events for which a change glows

function drawMap() {
  const {context: c, width, height} = sharp(map);
  if (!facts.mapped) {
    c.fillStyle = "#8b98a7";
    c.font = "15px system-ui";
    c.textAlign = "center";
    c.fillText("No events of frames in this trace: choose the group page (trace=page) to see the map.",
               width / 2, height / 2);
    return;
  }
  const gap = Math.min(grid.w, grid.h) > 5 ? 1 : 0, tally = new Uint32Array(256), size = 2 ** grid.shift;
  for (let cell = 0, frame = view.first; frame < view.first + view.count; cell++, frame += size) {
    const [x, y, w, h] = boxOf(cell);
    const {who, share, at} = cellOf(frame, Math.min(frame + size, frames), tally);
    if (who === UNKNOWN || who === 2) continue;
    let [r, g, b] = colourOf(who);
    if (share < 1) [r, g, b] = [r, g, b].map((v, k) => v * share + colourOf(FREE)[k] * (1 - share));
    const glow = at < 0 ? 0 : Math.max(0, 1 - (now - at) / FRESH) * (who === FREE ? 0.35 : 0.55);
    c.fillStyle = `rgb(${[r, g, b].map((v) => Math.round(v + (255 - v) * glow)).join()})`;
    c.fillRect(x, y, w - gap, h - gap);
  }
  drawAddresses(c);
  if (chosen !== null) outline(c, chosen, "#fff");
  if (hovered !== null && hovered !== chosen) outline(c, hovered, "#ffffff88");
}

function drawAddresses(c) {
  c.fillStyle = "#8b98a7";
  c.font = "11px ui-monospace, 'DejaVu Sans Mono', monospace";
  c.textAlign = "right";
  c.textBaseline = "top";
  const every = Math.max(1, Math.ceil(16 / grid.h)), rowFrames = grid.columns * 2 ** grid.shift;
  let rows = 1;
  while (rows < every) rows *= 2;
  for (let row = 0; row < grid.rows && row * rowFrames < view.count; row += rows) {
    const at = (facts.first + view.first + row * rowFrames) * 4096;
    c.fillText(at % (1 << 20) ? hex(at) : `${at / (1 << 20)} MiB`, grid.x - 8,
               Math.round(grid.y + row * grid.h));
  }
  /* The largest chunks of the buddy, where they are whole rows. */
  const block = 1024 / rowFrames * grid.h;
  c.fillStyle = "#0d111766";
  for (let y = block; block >= 8 && y < grid.rows * grid.h; y += block)
    c.fillRect(grid.x, Math.round(grid.y + y), grid.columns * grid.w, 1);
}

function outline(c, frame, style) {
  const cell = Math.floor((frame - view.first) / 2 ** grid.shift);
  if (cell < 0 || frame >= view.first + view.count) return;
  c.strokeStyle = style;
  c.lineWidth = 2;
  const [x, y, w, h] = boxOf(cell);
  c.strokeRect(x - 1, y - 1, w + 1, h + 1);
}

/* The frame under the mouse: the first of its cell. null: none. */
function frameAt(event) {
  const box = map.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left - grid.x) / grid.w);
  const row = Math.floor((event.clientY - box.top - grid.y) / grid.h);
  if (column < 0 || column >= grid.columns || row < 0) return null;
  const frame = view.first + (row * grid.columns + column) * 2 ** grid.shift;
  return frame < Math.min(view.first + view.count, frames) ? frame : null;
}

function zoom(frame, factor) {
  const wanted = Math.max(64, Math.min(frames, view.count * factor));
  const align = 2 ** Math.max(0, Math.floor(Math.log2(wanted)) - 2);
  const first = Math.max(0, Math.min(frames - wanted, frame - (frame - view.first) * wanted / view.count));
  view = {first: Math.floor(first / align) * align, count: wanted};
  view.count = Math.min(view.count, frames - view.first);
  $("out").disabled = view.count === frames;
  layOut();
  drawMap();
}

/* ---- The line of time ---- */

const byTime = () => $("bytime").checked;

function xOf(i, width) {
  if (count < 2) return 0;
  return width * (byTime() && times[count - 1] ? times[i] / times[count - 1] : i / (count - 1));
}

function eventAt(x, width) {
  const share = Math.max(0, Math.min(1, x / width));
  if (!byTime()) return Math.round(share * (count - 1));
  const wanted = share * times[count - 1];
  let low = 0, high = count - 1;
  while (low < high) {
    const middle = low + high + 1 >> 1;
    if (times[middle] <= wanted) low = middle; else high = middle - 1;
  }
  return low;
}

function path(c, values, scale, width, height) {
  c.beginPath();
  values.forEach((value, k) => {
    const x = xOf(curve.event[k], width), y = height - 6 - (height - 30) * value / scale;
    if (k) c.lineTo(x, y); else c.moveTo(x, y);
  });
}

function drawLine() {
  const {context: c, width, height} = sharp(line);
  if (facts.mapped && count) {
    path(c, curve.free, curve.most, width, height);
    c.strokeStyle = "#58c4dc";
    c.lineWidth = 1.5;
    c.stroke();
    c.lineTo(width, height);
    c.lineTo(0, height);
    c.fillStyle = "#58c4dc22";
    c.fill();
    [["#f2b84b", 1], ["#e5675b", 0]].forEach(([style, k]) => {
      path(c, curve.spoilt[k], 1, width, height);
      c.strokeStyle = style;
      c.stroke();
    });
    key(c, [["#58c4dc", `free memory (most ${bytes(curve.most * 4096)})`],
            ["#f2b84b", "share of it in pieces below 4 MiB"],
            ["#e5675b", "below 32 KiB"]]);
  }
  const x = Math.round(xOf(now, width)) + 0.5;
  c.strokeStyle = "#fff";
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(x, 0);
  c.lineTo(x, height);
  c.stroke();
  c.fillStyle = "#fff";
  c.beginPath();
  c.arc(x, height - 6, 5, 0, 7);
  c.fill();
}

function key(c, entries) {
  c.font = "12px system-ui, sans-serif";
  c.textAlign = "left";
  c.textBaseline = "middle";
  let x = 12;
  for (const [style, text] of entries) {
    c.fillStyle = style;
    c.fillRect(x, 11, 14, 3);
    c.fillStyle = "#8b98a7";
    c.fillText(text, x + 20, 13);
    x += 44 + c.measureText(text).width;
  }
}

/* ---- The tables beside it ---- */

function element(tag, text, parent, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  if (parent) parent.append(made);
  return made;
}

const legendRows = [];

function makeLegend() {
  facts.owners.forEach((text, who) => {
    if (text === "firmware" || text === "cpu cache") return;
    const row = element("tr", undefined, $("legend"));
    element("i", undefined, element("td", undefined, row)).style.background = colour(who);
    element("td", text, row);
    legendRows.push({who, row, cells: [element("td", "", row), element("td", "", row)], last: -1});
  });
}

function countOwners() {
  const counts = new Uint32Array(256);
  for (let frame = 0; frame < frames; frame++) counts[owner[frame]]++;
  counts[FREE] += counts[1];
  return counts;
}

let everSeen = null;

function drawLegend() {
  const counts = countOwners();
  everSeen = everSeen || facts.owners.map((_, who) => counts[who] > 0 ||
    keys.some((frame) => frame.includes(who)));
  for (const entry of legendRows) {
    const frames = counts[entry.who];
    if (frames === entry.last) continue;
    entry.last = frames;
    entry.row.hidden = !frames && !everSeen[entry.who];
    entry.row.className = frames ? "" : "none";
    entry.cells[0].textContent = frames.toLocaleString("en");
    entry.cells[1].textContent = bytes(frames * 4096);
  }
}

/* Events of one frame, or of the frames of one cell; at most `most`, those around `now`. */
function storyOf(first, end, most) {
  const found = [];
  for (let i = 0; i < count; i++) {
    const kind = kinds[i];
    const isObject = (kind === KIND.alloc || kind === KIND.free) && ofDirectMap(i);
    const of = isObject || isOfFrames(kind) || kind === KIND["slab grows"] || kind === KIND["slab shrinks"] ||
               kind === KIND.split || kind === KIND.merge;
    if (!of) continue;
    const at = pages[i] - facts.first;
    const length = isObject || kind === KIND.split || kind === KIND.merge ? 1 : sizes[i];
    if (at < end && at + length > first) found.push(i);
  }
  const middle = found.findLastIndex((i) => i <= now);
  const from = Math.max(0, Math.min(found.length - most, middle - (most >> 1)));
  return {found: found.slice(from, from + most), all: found.length};
}

/* Objects that are in a frame now: [offset, size, site]. */
function objectsIn(frame) {
  const live = new Map();
  for (let i = 0; i <= now; i++) {
    if ((kinds[i] !== KIND.alloc && kinds[i] !== KIND.free) || pages[i] - facts.first !== frame ||
        !ofDirectMap(i)) continue;
    if (kinds[i] === KIND.alloc) live.set(offsets[i], i); else live.delete(offsets[i]);
  }
  return [...live].map(([offset, i]) => [offset, sizes[i], sites[i]]);
}

const hue = (site) => `hsl(${site * 137.5 % 360} 65% 60%)`;

function drawObjects(frame, parent) {
  const objects = objectsIn(frame);
  if (!objects.length) return;
  element("p", `${objects.length} objects of this trace are in it, coloured by call site:`, parent);
  const canvas = element("canvas", undefined, parent);
  canvas.id = "objects";
  const {context: c, width, height} = sharp(canvas);
  c.fillStyle = "#0d1117";
  c.fillRect(0, 0, width, height);
  for (const [offset, size, site] of objects) {
    c.fillStyle = hue(site);
    c.fillRect(offset / 4096 * width, 3, Math.max(1, Math.min(size, 4096 - offset) / 4096 * width - 0.5), height - 6);
  }
}

function showEvent(i, parent) {
  const row = element("div", undefined, parent, "event" + (i === now ? " now" : i > now ? " later" : ""));
  element("u", `${i.toLocaleString("en")}  `, row);
  element("span", say(i), row);
  if (siteText(sites[i])) element("small", siteText(sites[i]), row);
  row.onclick = () => go(i);
}

function frameTab(parent) {
  if (chosen === null) {
    element("p", "Click a frame in the map to see its story: its events with their call sites, and " +
      "the objects in it. The wheel zooms. Space plays; ← and → step through the events.", parent);
    for (let i = Math.max(0, now - 12); i < Math.min(count, now + 13); i++) showEvent(i, parent);
    return;
  }
  const length = Math.min(2 ** grid.shift, frames - chosen);
  const at = (facts.first + chosen) * 4096;
  element("h2", length === 1 ? `Frame ${hex(facts.first + chosen)}` :
    `Frames ${hex(facts.first + chosen)} to ${hex(facts.first + chosen + length - 1)}`, parent);
  element("p", `${hex(at)}, ${facts.owners[owner[chosen]] || "not known"}`, parent);
  if (length === 1) drawObjects(chosen, parent);
  const {found, all} = storyOf(chosen, chosen + length, 200);
  element("p", all > found.length ? `${found.length} of its ${all.toLocaleString("en")} events, those around now:` :
    `${all} events:`, parent);
  found.forEach((i) => showEvent(i, parent));
}

function tableOf(parent, heads, rows, most = 200) {
  const table = element("table", undefined, parent), top = element("tr", undefined, table);
  heads.forEach((head) => element("th", head, top));
  for (const cells of rows.slice(0, most)) {
    const row = element("tr", undefined, table);
    cells.forEach((cell, k) => {
      if (k < cells.length - 1) { element("td", cell.toLocaleString("en"), row); return; }
      const [text, source] = facts.sites[cell], last = element("td", text, row);
      if (source) element("small", source, last);
    });
  }
}

function sitesTab(parent) {
  element("h2", "Objects by call site", parent);
  tableOf(parent, ["calls", "bytes", "freed", "call site"],
          facts.objects.map(([site, calls, size, freed]) => [calls, size, freed, site]));
  element("h2", "Pages by call site", parent);
  tableOf(parent, ["calls", "frames", "freed", "call site"],
          facts.pages.map(([site, calls, size, freed]) => [calls, size, freed, site]));
}

function leaksTab(parent) {
  const total = facts.leaks.reduce((sum, row) => [sum[0] + row[1], sum[1] + row[2]], [0, 0]);
  element("h2", "Allocated and not freed by the end", parent);
  element("p", `${total[0].toLocaleString("en")} objects, ${bytes(total[1])}`, parent);
  tableOf(parent, ["objects", "bytes", "call site"], facts.leaks.map(([site, live, size]) => [live, size, site]));
}

function lifetimesTab(parent) {
  element("h2", "How long objects lived", parent);
  const box = element("div", undefined, parent, "hist"), most = Math.max(1, ...facts.lifetimes);
  facts.lifetimes.forEach((objects, bucket) => {
    if (!objects) return;
    element("span", "below " + clock(2 ** bucket), box);
    element("span", objects.toLocaleString("en"), box);
    element("i", undefined, box).style.width = `${100 * objects / most}%`;
  });
}

const TABS = [["Frame", frameTab], ["Call sites", sitesTab], ["Leaks", leaksTab],
              ["Lifetimes", lifetimesTab]];
let tab = 0;

function drawTab() {
  const parent = $("tab"), top = parent.scrollTop;
  parent.replaceChildren();
  TABS[tab][1](parent);
  const here = tab === 0 && parent.querySelector(".now");
  if (here) here.scrollIntoView({block: "nearest"}); else parent.scrollTop = top;
}

/* ---- Moving through time ---- */

let tabTimer = 0;

function draw() {
  drawMap();
  drawLine();
  drawLegend();
  if (!count) return;
  $("number").textContent = `${now.toLocaleString("en")}`;
  $("what").textContent = say(now);
  $("site").textContent = siteText(sites[now]);
  $("where").innerHTML = "";
  element("b", clock(times[now]), $("where"));
  $("where").append(` of ${clock(times[count - 1])}`);
  clearTimeout(tabTimer);
  if (!playing && tab === 0) tabTimer = setTimeout(drawTab, 60);
}

function go(i) {
  if (!count) return;
  seek(Math.max(0, Math.min(count - 1, i)));
  draw();
}

/* From 20 events a second to the whole trace in three. */
const speed = () => 20 * Math.max(1, count / 60) ** ($("speed").value / 100);

function play(on) {
  playing = on && count > 0;
  $("play").textContent = playing ? "❚❚ stop" : "▶\uFE0E play";
  $("play").className = playing ? "on" : "";
  if (!playing) { draw(); return; }
  if (now === count - 1) seek(0);
  let last = performance.now(), debt = 0;
  function tick(time) {
    if (!playing) return;
    debt += (time - last) / 1000 * speed();
    last = time;
    if (debt >= 1) {
      const target = Math.min(count - 1, now + Math.floor(debt));
      debt -= Math.floor(debt);
      seek(target);
      draw();
    }
    if (now === count - 1) play(false); else requestAnimationFrame(tick);
  }
  requestAnimationFrame(tick);
}

/* ---- Mouse and keys ---- */

function listen() {
  const drag = (event) => {
    const box = line.getBoundingClientRect();
    go(eventAt(event.clientX - box.left, box.width));
  };
  line.onpointerdown = (event) => { line.setPointerCapture(event.pointerId); drag(event); };
  line.onpointermove = (event) => { if (event.buttons) drag(event); };
  map.onmousemove = (event) => { hovered = frameAt(event); tip(event); drawMap(); };
  map.onmouseleave = () => { hovered = null; $("tip").hidden = true; drawMap(); };
  map.onclick = (event) => { chosen = frameAt(event); choose(0); drawMap(); };
  map.addEventListener("wheel", (event) => {
    const frame = frameAt(event);
    event.preventDefault();
    if (frame !== null) zoom(frame, event.deltaY < 0 ? 0.5 : 2);
  }, {passive: false});
  $("out").onclick = whole;
  $("first").onclick = () => go(0);
  $("last").onclick = () => go(count - 1);
  $("back").onclick = () => go(now - 1);
  $("next").onclick = () => go(now + 1);
  $("play").onclick = () => play(!playing);
  $("bytime").onchange = drawLine;
  $("bar").onclick = () => document.activeElement.blur(); /* the keys are the page's */
  window.onresize = () => { layOut(); draw(); };
  window.onkeydown = (event) => {
    const steps = event.shiftKey ? 100 : 1;
    const keys = {ArrowLeft: () => go(now - steps), ArrowRight: () => go(now + steps),
                  Home: () => go(0), End: () => go(count - 1), " ": () => play(!playing),
                  Escape: whole};
    if (!keys[event.key] || event.target.tagName === "INPUT") return;
    event.preventDefault();
    keys[event.key]();
  };
}

function whole() {
  chosen = null;
  view = {first: 0, count: frames};
  $("out").disabled = true;
  layOut();
  draw();
  drawTab();
}

function tip(event) {
  const box = $("mapbox").getBoundingClientRect(), at = $("tip");
  at.hidden = hovered === null;
  if (hovered === null) return;
  const length = 2 ** grid.shift, address = (facts.first + hovered) * 4096;
  at.replaceChildren();
  element("b", facts.owners[owner[hovered]] || "not known", at);
  at.append(length === 1 ? `  frame ${hex(facts.first + hovered)}, ${hex(address)}` :
            `  ${bytes(length * 4096)} at ${hex(address)}`);
  const x = event.clientX - box.left + 14, y = event.clientY - box.top + 14;
  at.style.left = Math.min(x, box.width - at.offsetWidth - 6) + "px";
  at.style.top = Math.min(y, box.height - at.offsetHeight - 6) + "px";
}

function choose(number) {
  tab = number;
  [...$("tabs").children].forEach((button, k) => button.className = k === tab ? "on" : "");
  $("tab").scrollTop = 0;
  drawTab();
}

function describe() {
  document.title = `${facts.name}: memory over time`;
  const place = $("facts");
  const add = (bold, text) => {
    const item = element("span", undefined, place);
    element("b", bold, item);
    item.append(text);
  };
  add("", facts.name);
  add(count.toLocaleString("en"), " events");
  if (count && facts.rate) add(clock(times[count - 1]), "");
  add(bytes(frames * 4096), " of memory");
  facts.notes.forEach((note) => element("span", `⚠ ${note}`, place, "warn"));
  TABS.forEach(([text], k) => element("button", text, $("tabs")).onclick = () => choose(k));
}

async function start() {
  readColumns(await unpack());
  prepare();
  makeLegend();
  describe();
  listen();
  $("out").disabled = true;
  layOut();
  draw();
  choose(0);
  requestAnimationFrame(() => document.documentElement.dataset.ready = performance.now().toFixed(0));
}

start();
