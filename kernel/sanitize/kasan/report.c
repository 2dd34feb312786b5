/* report.c - what is said of an access that KASAN stops.
 *
 *   kasan: read of 4 bytes at 0xc3e10014 by use_after_free_read+0x1c: use after free
 *     0xc3e10014 is byte 4 of the freed object 0xc3e10010 of kmalloc-48, 40 bytes, ...
 *     allocated by ..., freed by ...                       the debug heap's story (mm_debug.h)
 *   kasan: shadow around it; 00 may be used, fa red zone, fb freed, ...
 *     0xc3e0ff80: fa fa fa ...
 *    >0xc3e10000: fa fa fb<fb>fb ...
 *   panic: ...
 */
#include "mm_debug.h"
#include "platform.h"
#include "shadow.h"
#include "symbols.h"

#define LINE_BYTES  16u /* of shadow, on a line: 128 of memory */
#define LINES_ABOVE 2u
#define LINES       5u

/* The first word of a frame with red zones, and how large frames are at most. */
#define FRAME_MARK  0x41B58AB3u
#define FRAME_REACH 0x1000u

static const char *
name_of(uint8_t shadow)
{
    switch (shadow) {
    case SHADOW_STACK_LEFT:
    case SHADOW_STACK_MIDDLE:
    case SHADOW_STACK_RIGHT:
        return "out of a variable on the stack";
    case SHADOW_SCOPE:
        return "use of a variable after its block";
    case SHADOW_GLOBAL:
        return "out of a global variable";
    case SHADOW_RED_ZONE:
        return "out of an object";
    case SHADOW_FREED:
        return "use after free";
    case SHADOW_FREE_FRAME:
        return "use of a frame that is free";
    case SHADOW_VMALLOC:
        return "out of an area of vmalloc";
    default:
        return "access that is not allowed";
    }
}

/* Why the byte may not be used. One in the last bytes of an object has its number for a shadow; the
 * next byte of shadow then says what comes behind. */
static uint8_t
reason(uintptr_t bad)
{
    const uint8_t *shadow = shadow_of(bad);

    return *shadow < 8 ? shadow[1] : *shadow;
}

static void
print_shadow(uintptr_t bad)
{
    uint8_t *wrong = shadow_of(bad);
    uint8_t *line = (uint8_t *)((uintptr_t)wrong & ~(uintptr_t)(LINE_BYTES - 1)) -
                    LINES_ABOVE * LINE_BYTES;

    klog("kasan: shadow around it; 00 may be used, 01-07 the first so many of 8 bytes,\n"
         "kasan: fa red zone, fb freed, ff free frame, f9 between globals, f1-f3 and f8 stack, fd vmalloc\n");
    for (unsigned i = 0; i < LINES; i++, line += LINE_BYTES) {
        bool here = wrong >= line && wrong < line + LINE_BYTES;

        klog(" %c0x%08lx:", here ? '>' : ' ',
             ((unsigned long)line - SHADOW_OFFSET) << SHADOW_SCALE);
        for (unsigned j = 0; j < LINE_BYTES; j++)
            klog("%c%02x", line + j == wrong ? '<' : line + j == wrong + 1 ? '>' : ' ', line[j]);
        klog("%c\n", line + LINE_BYTES == wrong + 1 ? '>' : ' ');
    }
}

static void
print_global(uintptr_t bad)
{
    const struct global *global = kasan_find_global(bad);
    unsigned long behind;

    if (global == NULL)
        return;
    behind = bad - global->at - global->size + 1;
    klog("  0x%08lx is %lu byte%s behind the variable %s of %lu bytes", (unsigned long)bad, behind,
         behind == 1 ? "" : "s", global->name, (unsigned long)global->size);
    if (global->location != NULL)
        klog(", %s:%lu", global->location->file, (unsigned long)global->location->line);
    klog("\n");
}

/* The frame whose red zones or variables hold the byte: the compiler leaves a mark, a text and the
 * function's address at its lowest word. NULL when there is none near. */
static const uint32_t *
find_frame(uintptr_t bad)
{
    for (uintptr_t at = bad & ~(uintptr_t)7; bad - at < FRAME_REACH; at -= 8) {
        const uint32_t *words = (const uint32_t *)at;

        if (*shadow_of(at) == SHADOW_STACK_LEFT && *shadow_of(at - 8) != SHADOW_STACK_LEFT)
            return words[0] == FRAME_MARK ? words : NULL;
    }
    return NULL;
}

/* The text is "COUNT OFFSET SIZE LENGTH NAME OFFSET ...": the frame's variables, as they lie. */
static void
print_frame(uintptr_t bad)
{
    const uint32_t *frame = find_frame(bad);
    char who[80];

    if (frame == NULL)
        return;
    symbol_name((const void *)(uintptr_t)frame[2], who, sizeof(who));
    klog("  0x%08lx is byte %lu of the frame of %s\n", (unsigned long)bad,
         (unsigned long)(bad - (uintptr_t)frame), who);
    klog("  whose variables are (count; offset, size, length of name, name:line): %s\n",
         (const char *)(uintptr_t)frame[1]);
}

static void
print_place(uint8_t why, uintptr_t bad)
{
    if (why >= SHADOW_STACK_LEFT && why <= SHADOW_SCOPE)
        print_frame(bad);
    else if (why == SHADOW_GLOBAL)
        print_global(bad);
    else
        (void)mm_debug_explain(&klog_printer, bad);
}

_Noreturn void
kasan_report(uintptr_t at, size_t size, bool write, uintptr_t bad, const void *caller)
{
    char who[80];
    uint8_t why = reason(bad);
    const char *kind = name_of(why);

    kasan_on = false;
    symbol_name((const char *)caller - 1, who, sizeof(who));
    klog("kasan: %s of %lu byte%s at 0x%08lx by %s: %s\n", write ? "write" : "read",
         (unsigned long)size, size == 1 ? "" : "s", (unsigned long)at, who, kind);
    print_place(why, bad);
    print_shadow(bad);
    kpanic("kasan: %s: %s of %lu byte%s at 0x%08lx by %s", kind, write ? "write" : "read",
           (unsigned long)size, size == 1 ? "" : "s", (unsigned long)at, who);
}
