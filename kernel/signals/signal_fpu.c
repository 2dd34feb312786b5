/* signal_fpu.c - the registers of x87 and SSE in a signal handler's frame.
 *
 * A frame has the state as FNSAVE writes it, which is all that old programs know, and on a CPU with
 * FXSAVE that form too, behind it. On the way back the old form counts for control, status and
 * tags, where a handler of SIGFPE mends what went wrong, and the new one for the registers, as on
 * Linux.
 */
#include <string.h>
#include "fpu.h"
#include "range.h"
#include "signal_private.h"
#include "uapi/errno.h"
#include "usercopy.h"

#define STATE_ALIGN 16u

/* The state as FNSAVE has it, and on a CPU with FXSAVE that as well. `magic` says which. */
struct fpu_frame {
    struct fnsave_image old;
    uint16_t status, magic; /* 0: `extended` is there, 0xFFFF: it is not */
    struct fxsave_image extended;
};
_Static_assert(sizeof(struct fpu_frame) == 624, "struct _fpstate of i386");

#define MAGIC_OLD 0xFFFF

/* FXSAVE keeps one bit a register, FNSAVE two: empty is 3, and what else it says can be 0. */
static uint32_t
old_tags(unsigned tags)
{
    uint32_t old = 0xFFFF0000;

    for (unsigned i = 0; i < 8; i++)
        old |= tags & 1u << i ? 0 : 3u << (2 * i);
    return old;
}

static uint16_t
new_tags(uint32_t old)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= (old >> (2 * i) & 3) != 3 ? 1u << i : 0;
    return tags;
}

static void
fill_old(struct fnsave_image *old, const struct fxsave_image *state)
{
    old->control = 0xFFFF0000 | state->control;
    old->status = 0xFFFF0000 | state->status;
    old->tag = old_tags(state->tag);
    old->ip = state->ip;
    old->cs = (state->cs & 0xFFFF) | (uint32_t)state->opcode << 16;
    old->operand = state->operand;
    old->operand_segment = state->operand_segment;
    for (unsigned i = 0; i < ARRAY_LENGTH(old->registers); i++)
        memcpy(old->registers[i], state->registers[i], sizeof(old->registers[i]));
}

/* What the handler left in the old form counts for all but the registers, as on Linux. */
static void
take_old(struct fxsave_image *state, const struct fnsave_image *old)
{
    state->control = (uint16_t)old->control;
    state->status = (uint16_t)old->status;
    state->tag = new_tags(old->tag);
    state->opcode = (uint16_t)(old->cs >> 16);
    state->ip = old->ip;
    state->cs = old->cs & 0xFFFF;
    state->operand = old->operand;
    state->operand_segment = old->operand_segment;
}

int
signal_push_fpu(uintptr_t *top, uintptr_t end, uint32_t *address)
{
    const struct fpu_state *state = fpu_get();
    size_t size = fpu_extended() ? sizeof(struct fpu_frame) : offsetof(struct fpu_frame, extended);
    struct fpu_frame frame;

    *address = 0;
    if (state == NULL)
        return 0;
    if (fpu_extended()) {
        fill_old(&frame.old, &state->fxsave);
        frame.magic = 0;
        frame.extended = state->fxsave;
    } else {
        frame.old = state->fnsave;
        frame.magic = MAGIC_OLD;
    }
    frame.status = (uint16_t)frame.old.status;
    *top = *address = align_down(*top - size, STATE_ALIGN);
    return *top >= end ? copy_to_user((void *)*top, &frame, size) : -EFAULT;
}

int
signal_pop_fpu(uint32_t address)
{
    size_t size = fpu_extended() ? sizeof(struct fpu_frame) : sizeof(struct fnsave_image);
    struct fpu_frame frame;
    struct fpu_state state;

    if (address == 0) {
        fpu_reset();
        return 0;
    }
    if (copy_from_user(&frame, (const void *)address, size) != 0)
        return -EFAULT;
    if (fpu_extended()) {
        state.fxsave = frame.extended;
        take_old(&state.fxsave, &frame.old);
    } else {
        state.fnsave = frame.old;
    }
    return fpu_set(&state);
}
