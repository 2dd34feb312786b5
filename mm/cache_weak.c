/* cache_weak.c - stands in for mm/space.c until it is there. */
#include "space.h"

__attribute__((weak)) struct vm_counters vm_counters;

__attribute__((weak)) bool
space_unmap_page(struct area *area, uintptr_t va, pfn_t page, bool only_old, bool *referenced)
{
    (void)area, (void)va, (void)page, (void)only_old, (void)referenced;
    return false;
}
