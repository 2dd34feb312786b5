/* paging.c - what the two formats of page tables share: which one is in use, and the CPU's memory
 * of them. */
#include "paging.h"

#define FLUSH_ALL 32 /* pages from which on forgetting everything is cheaper */

const struct paging *paging = &paging_two;
uint64_t paging_noexec;
pfn_t vm_zero_page;
struct vm_counters vm_counters[CPU_MAX];

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

/* Whoever holds it may be asking this CPU to forget a translation. */
void
table_wait(struct frame *table)
{
    do {
        while (__atomic_load_n(&table->flags, __ATOMIC_RELAXED) != 0)
            spin_relax();
    } while (!table_try_lock(table));
}

unsigned long
vm_sum(size_t offset)
{
    unsigned long sum = 0;

    for (unsigned i = 0; i < CPU_MAX; i++)
        sum += *(const unsigned long *)((const char *)&vm_counters[i] + offset);
    return sum;
}

/* ---- what CPUs remember ---- */

static void
forget_all(void)
{
    vm_count(tlb_flush_all);
    tlb_flush_all();
}

void
user_flush_range_here(const struct address_space *space, uintptr_t start, uintptr_t end)
{
    if (!space_is_here(space))
        return;
    if (end - start > FLUSH_ALL * PAGE_SIZE) {
        forget_all();
        return;
    }
    vm_count_by(tlb_flush_page, (end - start) / PAGE_SIZE);
    for (; start < end; start += PAGE_SIZE)
        tlb_flush_page(start);
}

void
user_flush_all(struct address_space *space)
{
    if (space_is_here(space))
        forget_all();
    if (UNLIKELY(space_is_elsewhere(space)))
        tlb_shoot(space, 0, USER_END, false);
}

void
directories_set_kernel(unsigned index, uint32_t entry)
{
    paging->set_kernel(index, entry);
}
