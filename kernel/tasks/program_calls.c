/* program_calls.c - who called whom in a program, read from its stack.
 *
 * Programs need not keep frame pointers, and the kernel has no tables that would do without. But a
 * return address is easy to tell from other words: it leads into code, right behind a CALL. Each
 * word of the stack from ESP up is looked at in that way. A word may also be left over from a call
 * that is long over, lying in a variable that nobody has set. So each is held against what came
 * before it:
 *
 *   a call of the very function that was found last     it is the caller
 *   another function                                    `?`: left over, or reached by a jump
 *   through a register or memory                        nothing against it
 *
 * Only the first SCANNED_BYTES and LINES_MAX calls are told; calls that repeat, as their number.
 */
#include <string.h>
#include "program_symbols.h"

#define SCANNED_BYTES 0x4000u
#define WORDS_AT_ONCE 32u
#define LINES_MAX     8u
#define CALL_MAX      7u /* bytes of the longest CALL */

struct calls {
    struct printer *out;
    const struct process *process;
    uintptr_t inner;  /* start of the function found last; 0: not known */
    uintptr_t last;   /* the address told last */
    unsigned repeats; /* of it */
    unsigned lines;
};

/* Whether the bytes that end at `end` are FF /2: a call through a register or memory. */
static bool
is_indirect_call(const uint8_t *end)
{
    /* Length without prefixes; mod and r/m of the byte behind FF: Intel SDM volume 2, 2.1.5. */
    for (unsigned length = 2; length <= CALL_MAX; length++) {
        uint8_t modrm = end[1 - (int)length], mod = modrm >> 6, rm = modrm & 7;
        unsigned sib = mod != 3 && rm == 4, displacement = 0;

        if (mod == 1)
            displacement = 1;
        else if (mod == 2 || (mod == 0 && rm == 5))
            displacement = 4;
        if (end[-(int)length] == 0xFF && (modrm >> 3 & 7) == 2 &&
            length == 2 + sib + displacement)
            return true;
    }
    return false;
}

static bool
is_code(struct address_space *space, uintptr_t address)
{
    const struct area *area;
    bool code;

    rw_lock_shared(&space->lock);
    area = area_find(&space->areas, address);
    code = area != NULL && area->start <= address && area->flags & AREA_EXEC;
    rw_unlock_shared(&space->lock);
    return code;
}

/* True when `address` lies behind a CALL; *target is where that leads, 0: not known. */
static bool
is_behind_call(const struct calls *calls, uintptr_t address, uintptr_t *target)
{
    struct address_space *space = calls->process->space;
    uint8_t code[CALL_MAX];
    int32_t relative;

    if (!is_code(space, address) ||
        space_read(space, address - CALL_MAX, code, CALL_MAX) != CALL_MAX)
        return false;
    memcpy(&relative, code + CALL_MAX - sizeof(relative), sizeof(relative));
    *target = address + (uintptr_t)relative;
    if (code[CALL_MAX - 5] == 0xE8 && is_code(space, *target))
        return true;
    *target = 0;
    return is_indirect_call(code + CALL_MAX);
}

static void
end_repeats(struct calls *calls)
{
    if (calls->repeats != 0)
        print(calls->out, "  ... and %u more of the last line\n", calls->repeats);
    calls->repeats = 0;
}

/* Tells the call before `address`, which leads to `target`. */
static void
tell(struct calls *calls, uintptr_t address, uintptr_t target)
{
    struct program_symbol symbol;
    bool doubtful = target != 0 && calls->inner != 0 && target != calls->inner;

    if (address == calls->last) {
        calls->repeats++;
        return;
    }
    end_repeats(calls);
    calls->last = address;
    calls->lines++;
    calls->inner = 0;
    print(calls->out, "  0x%08lx", (unsigned long)address - 1);
    if (program_symbol_find(calls->process, address - 1, &symbol)) {
        print(calls->out, " %s+0x%lx", symbol.name, (unsigned long)(address - 1 - symbol.start));
        calls->inner = symbol.start;
    }
    print(calls->out, doubtful ? " ?\n" : "\n");
}

/* Where the stack can be read: ESP, or the lowest page when ESP has left it. */
static uintptr_t
scan_start(struct address_space *space, uintptr_t esp)
{
    const struct area *area;
    uintptr_t start = esp & ~(uintptr_t)3;

    rw_lock_shared(&space->lock);
    area = area_find(&space->areas, esp);
    if (area != NULL && area->start > start && area->flags & AREA_GROWSDOWN)
        start = area->start;
    rw_unlock_shared(&space->lock);
    return start;
}

void
program_print_calls(struct printer *out, const struct process *process,
                    const struct trap_frame *frame)
{
    struct calls calls = {.out = out, .process = process};
    struct program_symbol symbol;
    uint32_t words[WORDS_AT_ONCE];
    uintptr_t at = scan_start(process->space, frame->esp), end = at + SCANNED_BYTES, target;

    if (program_symbol_find(process, frame->eip, &symbol))
        calls.inner = symbol.start;
    while (at < end && calls.lines < LINES_MAX) {
        size_t count = space_read(process->space, at, words, sizeof(words)) / sizeof(words[0]);

        for (size_t i = 0; i < count && calls.lines < LINES_MAX; i++) {
            if (is_behind_call(&calls, words[i], &target))
                tell(&calls, words[i], target);
        }
        if (count < WORDS_AT_ONCE)
            break;
        at += sizeof(words);
    }
    end_repeats(&calls);
}
