// octavo.js - the floppy in an emulator (v86), and a drawing of its physical memory by owner.
//
// The kernel does nothing for this page: each time the picture is drawn, the page walks the guest's
// own page tables from CR3 to the frame table and reads one descriptor for each frame, as
// include/frame.h describes them. FRAMES (frames.js) is made from that header.
//
// A descriptor that owns more frames than one stands at the head of them; the others say "free" and
// belong to the head. Between two steps of the emulator the table is never half written, but an
// allocation may be half made: what is wrong for one picture is right in the next.
"use strict";

const MEMORY_BYTES = 64 << 20;
const PAGE_BYTES = 4096;
const COLUMNS = 128;
const REFRESH_MS = 250;
const LOG_CHARACTERS = 1 << 16;

const PAGING = 1 << 31; // CR0
const PAE = 1 << 5; // CR4
const PRESENT = 1; // page table entries
const LARGE = 1 << 7;

const element = (id) => document.getElementById(id);

const emulator = new V86({
    wasm_path: "v86.wasm",
    bios: {url: "bios.bin"},
    vga_bios: {url: "vgabios.bin"},
    fda: {url: "octavo.img"},
    memory_size: MEMORY_BYTES,
    screen_container: element("screen"),
    disable_speaker: true,
    disable_mouse: true,
    autostart: true,
});

// ---- memory ----

function readWord(address) {
    const bytes = emulator.read_memory(address, 4);
    return (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) >>> 0;
}

// The physical address behind a virtual one, or null: two levels, as the kernel has them on a
// machine with less than 4 GiB and without NX, which this emulator's is.
function physical(directory, address) {
    const upper = readWord(directory + (address >>> 22) * 4);
    if (!(upper & PRESENT))
        return null;
    if (upper & LARGE)
        return (upper & 0xFFC00000 | address & 0x003FFFFF) >>> 0;
    const lower = readWord((upper & ~0xFFF) + (address >>> 12 & 0x3FF) * 4);
    return lower & PRESENT ? ((lower & ~0xFFF) | address & 0xFFF) >>> 0 : null;
}

// The bytes of the frame table, or null as long as there is none.
function readTable() {
    const control = emulator.v86.cpu.cr;
    if (!(control[0] & PAGING) || control[4] & PAE)
        return null;
    const table = new Uint8Array(MEMORY_BYTES / PAGE_BYTES * FRAMES.bytes);
    for (let at = 0; at < table.length; at += PAGE_BYTES) {
        const page = physical(control[3] & ~0xFFF, FRAMES.table + at);
        if (page === null || page >= MEMORY_BYTES)
            return null;
        table.set(emulator.read_memory(page, PAGE_BYTES), at);
    }
    return table;
}

// The owner of each frame.
function readOwners(table) {
    const view = new DataView(table.buffer);
    const owners = new Uint8Array(table.length / FRAMES.bytes);
    for (let frame = 0; frame < owners.length;) {
        const owner = view.getUint8(frame * FRAMES.bytes + FRAMES.ownerAt);
        const extent = FRAMES.owners[owner]?.counts
            ? view.getUint32(frame * FRAMES.bytes + FRAMES.countAt, true) : 1;
        const end = Math.min(frame + Math.max(extent, 1), owners.length);
        owners.fill(owner, frame, end);
        frame = end;
    }
    return owners;
}

// ---- the drawing ----

const picture = element("memory");
picture.width = COLUMNS;
picture.height = MEMORY_BYTES / PAGE_BYTES / COLUMNS;
const context = picture.getContext("2d");
const colours = FRAMES.owners.map(({colour}) =>
    [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));

const rows = FRAMES.owners.map(({name, colour}) => {
    const row = element("legend").insertRow();
    row.insertCell().innerHTML = `<i style="background: ${colour}"></i>`;
    row.insertCell().textContent = name;
    return {row, frames: row.insertCell(), size: row.insertCell()};
});

function draw(owners) {
    const image = context.createImageData(COLUMNS, picture.height);
    owners.forEach((owner, frame) => {
        image.data.set(colours[owner] ?? [255, 255, 255], frame * 4);
        image.data[frame * 4 + 3] = 255;
    });
    context.putImageData(image, 0, 0);
}

function count(owners) {
    const counts = FRAMES.owners.map(() => 0);
    owners.forEach((owner) => counts[owner]++);
    counts.forEach((frames, owner) => {
        rows[owner].row.hidden = frames === 0;
        rows[owner].frames.textContent = frames;
        rows[owner].size.textContent = frames * PAGE_BYTES / 1024;
    });
}

let lastOwners = null;

function frameUnder(event) {
    const column = Math.floor(event.offsetX * COLUMNS / picture.clientWidth);
    const row = Math.floor(event.offsetY * picture.height / picture.clientHeight);
    return row * COLUMNS + column;
}

picture.addEventListener("mousemove", (event) => {
    const frame = frameUnder(event);
    const owner = FRAMES.owners[lastOwners?.[frame]];
    picture.title = owner ? `0x${(frame * PAGE_BYTES).toString(16)}: ${owner.name}` : "";
});

// ---- the serial log ----

let log = "";
let logChanged = false;

emulator.add_listener("serial0-output-byte", (byte) => {
    log += String.fromCharCode(byte);
    logChanged = true;
});

function showLog() {
    if (!logChanged)
        return;
    logChanged = false;
    log = log.slice(-LOG_CHARACTERS);
    const serial = element("serial");
    serial.textContent = log.replace(/\x1B\[[0-9;?]*[A-Za-z]|\r/g, "");
    serial.scrollTop = serial.scrollHeight;
}

// ---- several times a second ----

function refresh() {
    showLog();
    const table = emulator.v86 ? readTable() : null;
    if (table === null) {
        element("state").textContent = "the kernel has no frame table yet";
        return;
    }
    lastOwners = readOwners(table);
    draw(lastOwners);
    count(lastOwners);
    element("state").textContent =
        `${lastOwners.length} frames of 4 KiB, ${COLUMNS} a row, address 0 top left`;
}

emulator.add_listener("emulator-started", () => setInterval(refresh, REFRESH_MS));
