/* paging.c - what the two formats of page tables share: which one is in use, and the CPU's memory
 * of them. */
#include "paging.h"

#define FLUSH_ALL 32 /* pages from which on forgetting everything is cheaper */

const struct paging *paging = &paging_two;
uint64_t paging_noexec;
pfn_t vm_zero_page;
struct address_space *space_active;
struct vm_counters vm_counters;

void
space_choose_format(bool pae, uint64_t noexec)
{
    paging = pae ? &paging_pae : &paging_two;
    paging_noexec = noexec;
}

bool
space_obeys_exec(void)
{
    return paging_noexec != 0;
}

unsigned long
tables_drain(unsigned long frames)
{
    (void)frames;
    return paging->drain();
}

void
user_flush_all(const struct address_space *space)
{
    if (space != space_active)
        return;
    vm_counters.tlb_flush_all++;
    tlb_flush_all();
}

void
user_flush(const struct address_space *space, uintptr_t start, uintptr_t end)
{
    if (space != space_active)
        return;
    if (end - start > FLUSH_ALL * PAGE_SIZE) {
        user_flush_all(space);
        return;
    }
    vm_counters.tlb_flush_page += (end - start) / PAGE_SIZE;
    for (; start < end; start += PAGE_SIZE)
        tlb_flush_page(start);
}

void
directories_set_kernel(unsigned index, uint32_t entry)
{
    paging->set_kernel(index, entry);
}
