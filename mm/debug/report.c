/* report.c - how a bug of the heap is told: like a compiler's error.
 *
 *   heap: write behind an object: kmalloc-48 0xc0f24010 of 40 bytes, allocation #812
 *     0xc0f24020  5a 5a 5a 5a 5a 5a 5a 5a 5a 5a 5a 5a 5a 5a 5a 5a
 *     0xc0f24030  5a 5a 5a 5a 5a 5a 5a 5a|00 bb bb bb bb bb bb bb
 *                                         ^^
 *     byte 40 is 0x00, in the red zone behind the object
 *     allocated by misused_object+0x17
 *        called by overrun+0x9
 *         found by overrun+0x1b
 *     to see who wrote: make rewind, then: octavo last-write 0xc0f24038
 *
 * Bars stand where the object begins and ends, so what is outside of them is its red zones.
 */
#include <string.h>
#include "../slab_private.h"
#include "debug_private.h"

#define ROW           16u
#define ROWS          3u
#define SCREEN_WIDTH  80u
#define ADDRESS_WIDTH (sizeof(void *) == 8 ? 14 : 10)

void
debug_print_who(struct printer *out, const char *did, const void *code)
{
    char who[80];
    if (!code)
        return;
    symbol_name((const char *)code - 1, who, sizeof(who)); /* the call, not what comes behind */
    print(out, "  %12s %s\n", did, who);
}

/* ---- Drawing ---- */

/* Two digits behind a blank, or behind a bar where the object begins or ends; blanks for what is
 * not to be read. */
static void
draw_byte(const struct drawing *drawing, const unsigned char *byte, char *text)
{
    static const char digits[] = "0123456789abcdef";
    memset(text, ' ', 3);
    if (byte == drawing->object || byte == drawing->object_end)
        text[0] = '|';
    if (byte < drawing->start || byte >= drawing->end)
        return;
    text[1] = digits[*byte >> 4];
    text[2] = digits[*byte & 15];
}

static void
draw_row(struct printer *out, const struct drawing *drawing, const unsigned char *row)
{
    char text[3 * ROW + 1];
    for (unsigned i = 0; i < ROW; i++)
        draw_byte(drawing, row + i, text + 3 * i);
    text[3 * ROW] = 0;
    print(out, "  %#0*lx %s\n", (int)ADDRESS_WIDTH,
          (unsigned long)(drawing->address + (uintptr_t)(row - drawing->start)), text);
}

/* A caret in this column, and what it is about: beside it, or below where a screen ends. */
static void
draw_caret(struct printer *out, const struct drawing *drawing, int column)
{
    bool fits = column + strlen("^^ byte 1234 is 0x00, ") + strlen(drawing->where) < SCREEN_WIDTH;
    print(out, "%*s^^%s byte %ld is 0x%02x, %s\n", column, "", fits ? "" : "\n ",
          (long)(drawing->at - drawing->object), *drawing->at, drawing->where);
}

void
debug_draw(struct printer *out, const struct drawing *drawing)
{
    uintptr_t in_row = (drawing->address + (uintptr_t)(drawing->at - drawing->start)) & (ROW - 1);
    const unsigned char *marked = drawing->at - in_row, *row = marked;
    if (row > drawing->start)
        row -= ROW;
    for (unsigned i = 0; i < ROWS && row < drawing->end; i++, row += ROW) {
        draw_row(out, drawing, row);
        if (row == marked)
            draw_caret(out, drawing, (int)(ADDRESS_WIDTH + 4 + 3 * in_row));
    }
}

void
debug_draw_start(struct printer *out, const struct subject *subject, size_t bytes)
{
    const unsigned char *object = subject->object, *end = object + subject->record->size;
    struct drawing drawing = {.start = object,
                              .end = (size_t)(end - object) > bytes ? object + bytes : end,
                              .object = object,
                              .object_end = end,
                              .address = (uintptr_t)object};
    for (const unsigned char *row = object; row < drawing.end; row += ROW)
        draw_row(out, &drawing, row);
}

/* What part of a subject a byte belongs to. */
static const char *
where_is(const struct subject *subject, const unsigned char *at)
{
    if (at >= (const unsigned char *)subject->record && subject->end == (void *)subject->record)
        return "in the record behind the red zone";
    if (at < subject->object)
        return "in the red zone before the object";
    if (at >= subject->object + subject->record->size)
        return "in the red zone behind the object";
    return "in the object";
}

static void
draw_subject(const struct subject *subject, const unsigned char *at)
{
    const unsigned char *end = subject->end > at ? subject->end : at + DEBUG_RECORD_BYTES;
    size_t size = debug_record_sane(subject) ? subject->record->size : 0;
    struct drawing drawing = {.start = subject->place,
                              .end = end,
                              .object = subject->object,
                              .object_end = subject->object + size,
                              .at = at,
                              .address = (uintptr_t)subject->place,
                              .where = where_is(subject, at)};
    debug_draw(&klog_printer, &drawing);
}

/* ---- The report ---- */

void
debug_print_story(struct printer *out, const struct record *record)
{
    stack_print(out, "allocated by", record->allocated, record->allocated_by);
    if (record->state != STATE_LIVE)
        stack_print(out, "freed by", record->freed, record->freed_by);
}

void
debug_tell(const struct subject *subject, const char *bug, const unsigned char *at)
{
    const struct record *record = subject->record;
    bool sane = debug_record_sane(subject);
    klog("heap: %s: %s %p", bug, subject->what, (void *)subject->object);
    if (sane)
        klog(" of %u bytes, allocation #%u", (unsigned)record->size, (unsigned)record->number);
    klog("\n");
    if (at)
        draw_subject(subject, at);
    if (sane)
        debug_print_story(&klog_printer, record);
}

void
debug_say_how(const unsigned char *wrong, const void *caller)
{
    char who[80];
    size_t length = 0;
    if (wrong) {
        klog("  to see who wrote: make rewind, then: octavo last-write %p\n", (const void *)wrong);
        return;
    }
    symbol_name(caller, who, sizeof(who));
    while (who[length] && who[length] != '+')
        length++;
    klog("  to stop there: make debug, then: break %.*s\n"
         "  or, in Bochs: break=%.*s on the command line\n", (int)length, who, (int)length, who);
}

/* Where somebody who goes on to panic stands, and how to stop there. */
static void
say_found(const unsigned char *wrong, const void *caller)
{
    debug_print_who(&klog_printer, "found by", caller);
    debug_say_how(wrong, caller);
}

void
debug_inside(const struct subject *subject, const void *address, const void *caller)
{
    debug_tell(subject, "free of an address inside an object", NULL);
    klog("  %p is byte %ld of it\n", address,
         (long)((const unsigned char *)address - subject->object));
    say_found(NULL, caller);
    kpanic("heap: free of an address inside an object: %s %p", subject->what, address);
}

void
debug_report(const struct subject *subject, const char *bug, const unsigned char *at,
             const void *caller)
{
    debug_tell(subject, bug, at);
    say_found(at, caller);
    kpanic("heap: %s: %s %p", bug, subject->what, (void *)subject->object);
}
