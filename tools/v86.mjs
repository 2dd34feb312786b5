// v86.mjs - a PC in JavaScript, for tools/boot: COM1 is standard input and output.
//
//   node tools/v86.mjs PACKAGE MEGABYTES BIOS MEDIUM FILE CMDLINE
//
// PACKAGE is where npm put v86; BIOS may be "none"; MEDIUM is fda, hda, cdrom or multiboot. Runs until it is killed, or
// until the machine writes to port F4, which v86 answers with a remark and an exception.
import {readFileSync, writeSync} from "node:fs";

const [home, megabytes, bios, medium, file, cmdline] = process.argv.slice(2);
const {V86} = await import(home + "/build/libv86.mjs");
const bytes = path => ({buffer: new Uint8Array(readFileSync(path)).buffer});
const firmware = bios === "none" ? {} : {
    bios: bytes(bios),
    vga_bios: bytes("/usr/share/seabios/vgabios-stdvga.bin"),
};

// Digits name the order: 1 floppy, 2 hard disk, 3 CD.
const order = {fda: 0x321, hda: 0x312, cdrom: 0x213, multiboot: 0x321};
const machine = new V86({
    wasm_path: home + "/build/v86.wasm",
    memory_size: megabytes << 20,
    vga_memory_size: 2 << 20,
    ...firmware,
    boot_order: order[medium],
    [medium]: bytes(file),
    cmdline,
    autostart: true,
    log_level: 0,
});
console.log = () => {};
process.on("uncaughtException", () => process.exit());
machine.add_listener("serial0-output-byte", byte => writeSync(1, Uint8Array.of(byte)));
process.stdin.on("data", data => {
    for (const byte of data)
        machine.serial0_send(String.fromCharCode(byte));
});
