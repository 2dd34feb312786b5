"""stacks.py - who called whom, across everything that a C compiler does not describe.

gdb walks C code by what the compiler noted down (.debug_frame). Without such notes are, because
they are assembly, the ways into and out of the kernel, the switch between tasks, the copies from
and to programs, and the system calls of programs. There the code itself is read: from a place where
the stack is known the instructions are followed on every way, and pushes and pops counted, so that
at each instruction it is known how far above ESP the return address lies and where registers are
saved.

    ring 3      main <- run <- system_call          on the program's stack
                                    ^
    trap frame  edi .. eax gs fs es ds vector error eip cs eflags [esp ss]
                                    ^
    ring 0      sys_read <- tty_read <- task_sleep <- task_switch

A trap leads from one stack to another, and its return address is no call's: gdb takes that only of
what the notes call a signal frame. So notes are made of the ways into the kernel, as a file of
symbols with nothing else in it. A double fault switches stacks by a TSS of its own; what it
interrupted stands in its TSS.

`octavo bt PID` walks the stack of a task that does not run: what it had saved when it gave the CPU
away is put into the registers for the time of the walk, its page tables too.
"""
import re
import struct
from collections import namedtuple

import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder, register_unwinder

import tasks
from commands import command
from kernel import number, read, value
from machine import machine
from programs import name_of, programs
from stops import at_stop

# struct trap_frame (kernel/include/trap.h), from the EIP on that the CPU pushed.
TRAP_REGISTERS = {"edi": -56, "esi": -52, "ebp": -48, "ebx": -40, "edx": -36, "ecx": -32,
                  "eax": -28, "eip": 0, "eflags": 8}
TRAP_SAVED = 56
VECTOR, CS, ESP = -8, 4, 12
VECTORS = 50
IRQ, SYSTEM_CALL = 32, 0x80
# Exceptions for which the CPU pushes an error code: Intel SDM volume 3, table 6-1.
HAS_ERROR = {8, 10, 11, 12, 13, 14, 17, 21, 29, 30}
# Nobody called these.
OUTERMOST = {"_start", "entry_high"}
# rt_sigreturn: a handler returns to it; its stack leads to a struct sigcontext.
SIGNAL_RETURN = bytes.fromhex("b8ad000000cd80")
SIGNAL_CONTEXT_POINTER, SIGNAL_CONTEXT = 8, 20
SIGNAL_REGISTERS = {"edi": 16, "esi": 20, "ebp": 24, "esp": 28, "ebx": 32, "edx": 36, "ecx": 40,
                    "eax": 44, "eip": 56, "eflags": 64}
# As task_switch pushes them, the last one first.
SWITCH_SAVED = ("edi", "esi", "ebx", "ebp")
STATES = {"TASK_READY": "ready to run", "TASK_SLEEPING": "sleeping",
          "TASK_SLEEPING_LONG": "sleeping, not to be disturbed by signals",
          "TASK_SLEEPING_HARD": "sleeping, not to be disturbed", "TASK_DEAD": "dead"}
# As DWARF numbers them: System V ABI, Intel386 supplement.
REGISTERS = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags")


def word(address):
    return int.from_bytes(read(address, 4), "little")


# --- Reading code ---------------------------------------------------------------------------------


# At one instruction: bytes between ESP and the return address (or the CPU's EIP), and the registers
# that were pushed, by their distance below it.
State = namedtuple("State", "depth saved")
AMOUNT = r"(?:0x([0-9a-f]+)|(\d+))"
ADD_ESP = re.compile(rf"(add|sub)l?\s+(?:\${AMOUNT},%esp|esp,{AMOUNT})")
LABEL = re.compile(r"<([^>+]+)(?:\+(\d+))?>")
TARGET = re.compile(r"(j\w+)\s+(?:0x)?([0-9a-f]+)")


def after(state, text):
    """The state behind one instruction that goes on to the next."""
    mnemonic, _, operand = text.partition(" ")
    operand = operand.strip().lstrip("%")
    found = ADD_ESP.match(text)
    if found:
        digits = zip(found.groups()[1:], (16, 10, 16, 10))
        amount = next(int(text, base) for text, base in digits if text)
        return State(state.depth + (amount if found[1] == "sub" else -amount), state.saved)
    if mnemonic.startswith(("pusha", "popa")):
        return State(state.depth + (32 if mnemonic.startswith("push") else -32), state.saved)
    if mnemonic.startswith("push"):
        depth = state.depth + 4
        return State(depth, {operand: depth, **state.saved})
    if mnemonic.startswith("pop"):
        saved = {name: depth for name, depth in state.saved.items() if depth != state.depth}
        return State(state.depth - 4, saved)
    return state


def follow(starts, low, high):
    """Every instruction's state in [low, high), on all ways from `starts`, {address: state}."""
    code = {line["addr"]: line for line in
            gdb.selected_inferior().architecture().disassemble(low, high - 1)}
    states, waiting = {}, list(starts.items())
    while waiting:
        at, state = waiting.pop()
        if at in states or at not in code:
            continue
        states[at] = state
        text = code[at]["asm"]
        jump = TARGET.match(text)
        if jump:
            waiting.append((int(jump[2], 16), state))
        if not text.startswith(("jmp", "ret", "iret", "hlt")):
            waiting.append((at + code[at]["length"], after(state, text)))
    return states


def label(pc):
    """(name, offset) of the label before pc, or None."""
    found = re.match(r"(\S+)(?: \+ (\d+))? in section", gdb.execute(f"info symbol {pc}",
                                                                  to_string=True))
    return found and (found[1], int(found[2] or 0))


def function_around(pc):
    """(name, first address) of the assembly function around pc, past the labels of places in it;
    (None, None) where there is none. While a stack is walked nothing may be asked of gdb by a
    command, or about the selected frame: that would walk the stack."""
    while True:
        found = LABEL.search(gdb.format_address(pc))
        if not found:
            return None, None
        start = pc - int(found[2] or 0)
        if "." not in found[1]:
            return found[1], start
        pc = start - 1


def function_label(pc):
    """The name alone."""
    return function_around(pc)[0]


class Code:
    """States of the assembly functions met so far."""

    def __init__(self):
        self.functions = {}

    def state(self, pc):
        """The state at pc in an assembly function that is called as in C; None in none."""
        _, start = function_around(pc)
        if start is None:
            return None
        key = start, read(start, 16)  # programs share addresses
        if key not in self.functions:
            self.functions[key] = follow({start: State(0, {})}, start, start + 256)
        return self.functions[key].get(pc)


code = Code()


# --- Calls in assembly ----------------------------------------------------------------------------


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class Step:
    """From the registers of one function to those of its caller."""

    def __init__(self, frame):
        self.frame = frame
        self.pc, self.sp = self.get("eip"), self.get("esp")

    def get(self, register):
        return int(self.frame.read_register(register)) & 0xFFFFFFFF

    def to(self, registers):
        info = self.frame.create_unwind_info(FrameId(self.sp, self.pc))
        for name, content in registers.items():
            kind = self.frame.read_register(name).type
            info.add_saved_register(name, gdb.Value(content.to_bytes(4, "little"), kind))
        return info

    def own(self):
        return {name: self.get(name) for name in REGISTERS}

    def to_nobody(self):
        """Behind address 0 gdb looks for no more, and TrapFilter leaves it out."""
        return self.to({**self.own(), "eip": 0})

    def over_call(self, state):
        at = self.sp + state.depth
        registers = self.own()
        registers.update((name, word(at - depth)) for name, depth in state.saved.items()
                         if name in registers)
        return self.to({**registers, "eip": word(at), "esp": at + 4})

    def over_signal(self):
        context = word(self.sp + SIGNAL_CONTEXT_POINTER) + SIGNAL_CONTEXT
        return self.to({name: word(context + offset) for name, offset in SIGNAL_REGISTERS.items()})


class AssemblyUnwinder(Unwinder):
    """gdb asks it for every function; it answers for assembly."""

    def __init__(self):
        super().__init__("octavo")

    def __call__(self, frame):
        if frame.architecture().name() != "i386":  # real mode: nothing of this is there yet
            return None
        try:
            return self.step(Step(frame))
        except (gdb.error, gdb.MemoryError):  # a stack that leads nowhere
            return None

    @staticmethod
    def step(step):
        if function_label(step.pc) in OUTERMOST:
            return step.to_nobody()
        if gdb.current_progspace().block_for_pc(step.pc) or notes.cover(step.pc):
            return None
        if read(step.pc, len(SIGNAL_RETURN)) == SIGNAL_RETURN:
            return step.over_signal()
        state = code.state(step.pc)
        return step.over_call(state) if state else None


# --- Notes of the ways into the kernel ------------------------------------------------------------


ADVANCE, OFFSET, SAME, DEFINE_CFA, EXPRESSION, VALUE_EXPRESSION = 0x04, 0x11, 0x08, 0x0C, 0x10, 0x16
OP_ADDRESS = 0x03
# The word at CFA + CS & 3 ? the word at CFA + ESP : CFA + ESP.
INTERRUPTED_ESP = bytes([0x12, 0x23, CS, 0x06, 0x33, 0x1A, 0x28, 5, 0, 0x23, ESP, 0x2F, 3, 0,
                         0x23, ESP, 0x06])
NOTES_SECTIONS = (b"", b".text", b".debug_frame", b".shstrtab")
ELF_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
ELF_SECTION = struct.Struct("<10I")
NOBITS_TEXT, BITS = (8, 6), (1, 0)


def signed(n):
    """As DWARF writes small signed numbers."""
    return bytes([n & 0x7F])


def expression(kind, register, code_of_it):
    return bytes([kind, REGISTERS.index(register), len(code_of_it)]) + code_of_it


def note(body):
    """A record of .debug_frame, after its length."""
    body += bytes(-len(body) % 4)
    return struct.pack("<I", len(body)) + body


class Notes:
    """What a compiler would have noted of traps.asm."""

    def __init__(self):
        self.states = {}
        self.double_fault = range(0)

    def cover(self, pc):
        return pc in self.states or pc in self.double_fault

    def make(self):
        """Reads the code, as soon as there is some, and tells gdb."""
        if self.states or read(number("(unsigned) &trap_stub_0"), 2) != b"\x6a\x00":
            return
        low, middle = number("(unsigned) &trap_stub_0"), number("(unsigned) &double_fault_entry")
        self.double_fault = range(middle, middle + 16)
        stubs = value("*(unsigned (*)[50]) &trap_stubs")
        starts = {int(stubs[vector]): State(4 if vector in HAS_ERROR else 0, {})
                  for vector in range(VECTORS)}
        starts[number("(unsigned) &page_fault_entry")] = State(4, {})
        starts[number("(unsigned) &syscall_entry")] = State(0, {})
        self.states = follow(starts, low, middle)
        path = machine.folder + "/traps.elf"
        with open(path, "wb") as file:
            file.write(self.symbol_file(low, middle + 16 - low))
        gdb.execute(f"add-symbol-file {path}", to_string=True)

    def trap_rules(self):
        """For each instruction: where the interrupted EIP is, and which registers are saved."""
        at, rules = min(self.states), b""
        for address, state in sorted(self.states.items()):
            rules += bytes([ADVANCE]) + struct.pack("<I", address - at)
            rules += bytes([DEFINE_CFA, REGISTERS.index("esp"), state.depth])
            for name, offset in TRAP_REGISTERS.items():
                number_of_it = REGISTERS.index(name)
                if offset >= 0 or state.depth >= TRAP_SAVED:
                    rules += bytes([OFFSET, number_of_it]) + signed(offset // -4)
                else:
                    rules += bytes([SAME, number_of_it])
            rules += expression(VALUE_EXPRESSION, "esp", INTERRUPTED_ESP)
            at = address
        return rules

    @staticmethod
    def double_fault_rules():
        """Where the TSS has each register."""
        tss = value("boot_cpu.tss")
        rules = bytes([DEFINE_CFA, REGISTERS.index("esp"), 0])
        for name in REGISTERS:
            place = struct.pack("<I", int(tss[name].address))
            rules += expression(EXPRESSION, name, bytes([OP_ADDRESS]) + place)
        return rules

    def symbol_file(self, low, size):
        """An ELF file of notes."""
        common = note(struct.pack("<IB2sBBB", 0xFFFFFFFF, 1, b"S", 1, 0x7C, REGISTERS.index("eip")))
        frames = common
        for start, end, rules in ((low, self.double_fault.start, self.trap_rules()),
                                  (self.double_fault.start, low + size, self.double_fault_rules())):
            frames += note(struct.pack("<III", 0, start, end - start) + rules)
        names = b"\0".join(NOTES_SECTIONS) + b"\0"
        frames_at = ELF_HEADER.size
        names_at = frames_at + len(frames)
        parts = ((0, 0, 0, 0, 0), (*NOBITS_TEXT, low, 0, size), (*BITS, 0, frames_at, len(frames)),
                 (3, 0, 0, names_at, len(names)))
        sections = b"".join(
            ELF_SECTION.pack(names.index(name + b"\0") if name else 0, kind, flags, address, offset,
                             length, 0, 0, 1, 0)
            for name, (kind, flags, address, offset, length) in zip(NOTES_SECTIONS, parts))
        header = ELF_HEADER.pack(
            b"\x7fELF\1\1\1", 2, 3, 1, 0, 0, names_at + len(names), 0, ELF_HEADER.size, 0, 0,
            ELF_SECTION.size, len(parts), len(parts) - 1)
        return header + frames + names + sections


notes = Notes()


class Trap(FrameDecorator):
    """A way into the kernel, by what led there."""

    def function(self):
        frame = self.inferior_frame()
        if frame.pc() in notes.double_fault:
            return "<double fault>"
        depth = notes.states[frame.pc()].depth
        at = (int(frame.read_register("esp")) & 0xFFFFFFFF) + depth
        name = self.name(word(at + VECTOR)) if depth >= -VECTOR else "trap"
        return f"<{name} in ring {word(at + CS) & 3}>"

    @staticmethod
    def name(vector):
        if vector == SYSTEM_CALL:
            return "system call"
        if vector >= IRQ:
            return f"interrupt {vector - IRQ}"
        return value("'kernel/cpu/trap.c'::names")[vector].string()

    def address(self):
        return None


class Call(FrameDecorator):
    """A call; of a function without a name, as gdb shows it without decorators."""

    def function(self):
        name = super().function()  # an address, where gdb knows no function
        return "??" if isinstance(name, int) and not function_label(name) else name


class TrapFilter:
    name, priority, enabled = "octavo", 100, True

    def __init__(self):
        gdb.frame_filters[self.name] = self

    def filter(self, frames):
        for frame in frames:
            pc = frame.inferior_frame().pc()
            if pc:
                yield Trap(frame) if notes.cover(pc) else Call(frame)


register_unwinder(None, AssemblyUnwinder(), replace=True)
TrapFilter()


@at_stop
def _describe_traps():
    if gdb.selected_inferior().architecture().name() == "i386":
        notes.make()


# --- Tasks that do not run ------------------------------------------------------------------------


class Registers:
    """`with Registers(esp=...):` the CPU has these for a while, and then its own again."""

    def __init__(self, **wanted):
        self.wanted = wanted

    @staticmethod
    def put(registers):
        """One by one, and EIP last: each time gdb looks at the innermost frame, and must find none
        of C with registers that are not its own. With other page tables the same address has other
        memory."""
        if registers:
            gdb.execute("set var $eip = 0", to_string=True)
        for name, content in sorted(registers.items(), key=lambda item: item[0] == "eip"):
            gdb.execute("maintenance flush dcache", to_string=True)
            gdb.execute(f"set var ${name} = {content:#x}", to_string=True)

    def __enter__(self):
        frame = gdb.newest_frame()
        self.own = {name: int(frame.read_register(name)) & 0xFFFFFFFF for name in self.wanted}
        self.level = gdb.selected_frame().level()
        self.put(self.wanted)

    def __exit__(self, *_error):
        self.put(self.own)
        gdb.execute(f"frame level {self.level}", to_string=True)


class OnCpu:
    """`with OnCpu(1):` what gdb shows is of that CPU; None: of the one that it shows anyway."""

    def __init__(self, cpu):
        self.wanted, self.own = cpu, gdb.selected_thread()

    def __enter__(self):
        for thread in gdb.selected_inferior().threads():
            if self.wanted is not None and thread.num == self.wanted + 1:
                thread.switch()

    def __exit__(self, *_error):
        if self.own:
            self.own.switch()


def saved_registers(task):
    """Those with which it will go on: kernel/tasks/switch.asm."""
    at = int(task["stack_pointer"])
    found = {name: word(at + 4 * i) for i, name in enumerate(SWITCH_SAVED)}
    at += 4 * len(SWITCH_SAVED)
    space = task["space"]
    if space:
        found["cr3"] = int(space["directory_at"])
    return {**found, "eip": word(at), "esp": at + 4}


@command("bt", "octavo bt PID [words for bt]: the stack of a process or thread that waits.\n"
         "From where it sleeps in the kernel out to the program's main.")
def _bt(argument):
    who, *words = argument.split(None, 1)
    task = tasks.find_task(who)
    process = task["process"]
    cpu = tasks.cpu_of(task)
    state = STATES[str(task["state"])] if cpu is None else "running"
    print(f"{process['name'].string()} ({int(task['tid'])}), {state}")
    before = programs.loaded
    try:
        programs.load(name_of(process))
        with Registers(**(saved_registers(task) if cpu is None else {})), OnCpu(cpu):
            gdb.execute("bt " + "".join(words))
    finally:
        programs.load(before)
