/* ansi.c - which bytes of a terminal's output are control sequences.
 *
 *   ESC [ 12 ; 40 H      introducer, numbers with semicolons, one final byte from 40h on
 *   ESC ( B              a byte from 20h to 2Fh between: two bytes in all
 *   ESC 7                one byte
 *
 * Sequences with a private mark (ESC [ ? 25 l) or anything else unknown are swallowed whole. A
 * control character within a sequence ends it, as the sender has given it up.
 */
#include "ansi.h"

#define ESCAPE     0x1B
#define NUMBER_MAX 9999u

enum { STAGE_NONE, STAGE_ESCAPE, STAGE_NUMBERS, STAGE_SWALLOW };

static int
begin(struct ansi *self, uint8_t byte)
{
    if (byte == '[') {
        *self = (struct ansi){.stage = STAGE_NUMBERS};
        return ANSI_PART;
    }
    if (byte >= 0x20 && byte < 0x30) {
        self->stage = STAGE_SWALLOW;
        return ANSI_PART;
    }
    self->stage = STAGE_NONE;
    return ANSI_ESCAPE + byte;
}

static void
take_digit(struct ansi *self, unsigned digit)
{
    unsigned *number;

    if (self->count == 0)
        self->count = 1;
    if (self->count > ANSI_NUMBERS)
        return;
    number = &self->number[self->count - 1];
    *number = *number * 10 + digit;
    if (*number > NUMBER_MAX)
        *number = NUMBER_MAX;
}

static int
take_parameter(struct ansi *self, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        take_digit(self, byte - '0');
    } else if (byte == ';') {
        self->count += self->count == 0 ? 2 : 1;
    } else if (byte < '@') {
        self->strange = true;
    } else {
        self->stage = STAGE_NONE;
        return self->strange ? ANSI_PART : byte;
    }
    return ANSI_PART;
}

int
ansi_take(struct ansi *self, uint8_t byte)
{
    if (byte == ESCAPE) {
        self->stage = STAGE_ESCAPE;
        return ANSI_PART;
    }
    if (self->stage == STAGE_NONE || byte < ' ') {
        self->stage = STAGE_NONE;
        return ANSI_TEXT;
    }
    if (self->stage == STAGE_ESCAPE)
        return begin(self, byte);
    if (self->stage == STAGE_NUMBERS)
        return take_parameter(self, byte);
    self->stage = STAGE_NONE;
    return ANSI_PART;
}

unsigned
ansi_number(const struct ansi *self, unsigned index, unsigned missing)
{
    unsigned number = index < ANSI_NUMBERS ? self->number[index] : 0;

    return number != 0 ? number : missing;
}
