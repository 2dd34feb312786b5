/* trace_fault.c - a page fault as an event: what kind it was is told by what it counted. */
#include "../pmm_private.h"
#include "space.h"
#include "trace.h"

/* One fault can be several of these (the stack grows, and gets a page): the first that fits. */
static enum trace_fault
kind_of(const struct vm_counters *before, enum fault_result result)
{
    const struct vm_counters *now = &vm_counters[cpu_current()];
    if (result != FAULT_DONE)
        return result == FAULT_NOMEM ? TRACE_FAULT_NO_MEMORY : TRACE_FAULT_BAD;
    if (now->stack_grown != before->stack_grown)
        return TRACE_FAULT_STACK;
    if (now->cow_copy != before->cow_copy)
        return TRACE_FAULT_COW;
    if (now->file_mapped != before->file_mapped)
        return TRACE_FAULT_FILE;
    if (now->demand_zero != before->demand_zero)
        return TRACE_FAULT_ZERO;
    return now->zero_page != before->zero_page ? TRACE_FAULT_READ : TRACE_FAULT_NOTHING;
}

enum fault_result
space_fault_traced(struct address_space *space, uintptr_t address, enum fault_access access,
                   unsigned who, const void *site)
{
    struct vm_counters before = vm_counters[cpu_current()];
    enum fault_result result = space_fault(space, address, access);
    trace(TRACE_FAULT, address, (unsigned)access | who << 8, kind_of(&before, result), site);
    return result;
}
