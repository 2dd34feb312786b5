/* frame.c - who owns a frame. */
#include "frame.h"
#include "trace.h"

void
frame_set_owner(pfn_t head, enum frame_owner owner)
{
    struct frame *frame = frame_of(head);
    ASSERT(frame->owner >= FRAME_ALLOCATED && owner >= FRAME_ALLOCATED && owner < FRAME_OWNERS);
    frame->owner = (uint8_t)owner;
    trace(TRACE_PAGE_OWNER, pfn_to_paddr(head), frame->count, owner, __builtin_return_address(0));
}
