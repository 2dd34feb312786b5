/* tlb_watch.c - a missing flush of the TLB, found where it is made.
 *
 * The TLB cannot be read, but it can be asked: touch an address and see whether the CPU does what
 * the page table says. So the calls that change tables get a second step in front:
 *
 *   zap, cut, empty, protect, move, share
 *     before: up to WATCHED_MAX pages of the range are touched, so that the TLB knows them, and
 *             noted with who asked for the change
 *     the change itself, and the caller's flushes
 *   on the way back to ring 3 each noted page is touched again:
 *     the table says                        the CPU
 *     not present                           must refuse
 *     read-only                             must refuse to write
 *     another frame                         must show the other frame's first word
 *
 * A touch is a copy from and to the program that nobody repairs; a write puts back what was read,
 * in one step with the look whether it is still that. The other direction (the CPU refuses what the
 * table allows) is no bug: the fault is spurious and repairs itself.
 *
 * Each CPU has notes of its own, which it forgets when it looks at them. With several CPUs a table
 * may just be changed by another one, whose question to forget is still on its way, or a page
 * written to: only what stays wrong is a bug.
 *
 * Lock: the space's, shared, while its tables are looked at.
 *
 * It costs nothing when it is off: the watch takes the place of the format's calls (paging.h),
 * which are made through a table anyway.
 */
#include "../paging.h"
#include "kmalloc.h"
#include "platform.h"
#include "tlb.h"
#include "tlb_watch.h"

#define WATCHED_MAX 64u
#define PATIENCE    (1u << 22) /* looks until what is wrong stays wrong */

struct watched {
    const struct address_space *space;
    uintptr_t va;
    const char *change;
    const void *caller;
};

/* There only while the option is on. */
static struct watch {
    struct paging calls; /* the format's, with ours in front */
    const struct paging *actual;
    const struct tlb_watch_ops *probes;
    struct notes {
        unsigned count;
        struct watched pages[WATCHED_MAX];
    } notes[CPU_MAX];
} *watch;

/* ---- before a change ---- */

struct note {
    const struct address_space *space;
    const char *change;
    const void *caller;
};

static void
note_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    const struct note *note = arg;
    struct notes *notes = &watch->notes[cpu_current()];
    uint32_t value;
    bool own;

    (void)page;
    if (notes->count == WATCHED_MAX || !(flags & PT_PRESENT))
        return;
    (void)watch->actual->table_at(note->space, va, &own);
    if (!watch->probes->probe(va, flags & PT_WRITE && own, &value))
        return;
    notes->pages[notes->count++] = (struct watched){note->space, va, note->change, note->caller};
}

static void
touch(const struct address_space *space, uintptr_t start, uintptr_t end, const char *change,
      const void *caller)
{
    const struct notes *notes = &watch->notes[cpu_current()];
    struct note note = {space, change, caller};

    if (!watch->probes->in_use(space))
        return;
    for (uintptr_t va = start; va < end && notes->count < WATCHED_MAX; va = table_end(va, end))
        watch->actual->walk(space, va, table_end(va, end), note_entry, &note);
    watch->probes->due();
}

#define CALLER __builtin_return_address(0)

static void
watch_zap(struct address_space *space, uintptr_t start, uintptr_t end)
{
    touch(space, start, end, "unmapped", CALLER);
    watch->actual->zap(space, start, end);
}

static void
watch_cut(struct address_space *space, uintptr_t start, uintptr_t end)
{
    touch(space, start, end, "cut off with its file", CALLER);
    watch->actual->cut(space, start, end);
}

static void
watch_empty(struct address_space *space, uintptr_t start, uintptr_t end)
{
    touch(space, start, end, "emptied", CALLER);
    watch->actual->empty(space, start, end);
}

static void
watch_protect(struct address_space *space, uintptr_t start, uintptr_t end, unsigned flags)
{
    touch(space, start, end, "protected", CALLER);
    watch->actual->protect(space, start, end, flags);
}

static void
watch_move(struct address_space *space, uintptr_t from, uintptr_t to, size_t length)
{
    touch(space, from, from + length, "moved away", CALLER);
    watch->actual->move(space, from, to, length);
}

static void
watch_share(struct address_space *child, struct address_space *parent)
{
    touch(parent, 0, USER_END, "shared by fork", CALLER);
    watch->actual->share(child, parent);
}

/* ---- after it ---- */

/* What the table says of one page now. */
struct state {
    pfn_t page; /* frame 0: not present */
    bool writable;
};

static void
read_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    struct state *state = arg;

    (void)va;
    if (flags & PT_PRESENT)
        *state = (struct state){page, (flags & PT_WRITE) != 0};
}

static struct state
state_of(const struct watched *at)
{
    struct state state = {pfn(0), false};
    bool own;

    watch->actual->walk(at->space, at->va, at->va + PAGE_SIZE, read_entry, &state);
    (void)watch->actual->table_at(at->space, at->va, &own);
    state.writable &= own;
    return state;
}

static _Noreturn void
stale(const struct watched *at, const char *what, pfn_t page)
{
    char who[80];

    symbol_name(at->caller, who, sizeof(who));
    klog("tlb: page 0x%08lx was %s by a call from %s\n", (unsigned long)at->va, at->change, who);
    if (space_print_owner != NULL) {
        klog("tlb: of process ");
        space_print_owner(&klog_printer, at->space);
        klog("\n");
    }
    pagetable_print_walk_of(&klog_printer, at->space, at->va);
    kpanic("tlb: a flush is missing: 0x%08lx (%s by %s) %s (frame %#lx)", (unsigned long)at->va,
           at->change, who, what, page.n);
}

/* What is wrong with a page; NULL: nothing. *page is the frame that the table leads to. */
static const char *
what_is_wrong(const struct watched *at, pfn_t *page)
{
    struct state state = state_of(at);
    uint32_t value, wanted;
    const uint32_t *window;

    *page = state.page;
    if (!watch->probes->probe(at->va, false, &value))
        return NULL;
    if (state.page.n == 0)
        return "is not present, but the CPU still reads it";
    window = frame_map(state.page);
    wanted = *window;
    frame_unmap(state.page, window);
    if (value != wanted)
        return "leads to another frame than the CPU still reads";
    if (!state.writable && watch->probes->probe(at->va, true, &value))
        return "is read-only, but the CPU still writes to it";
    return NULL;
}

static void
check_page(const struct watched *at)
{
    unsigned looks = (cpus_online() & (cpus_online() - 1)) != 0 ? PATIENCE : 1;
    const char *wrong;
    pfn_t page;

    while ((wrong = what_is_wrong(at, &page)) != NULL && --looks != 0)
        spin_relax();
    if (wrong != NULL)
        stale(at, wrong, page);
}

/* A note may be of a space that is gone: only those of the space in use are looked at. */
void
tlb_watch_check(void)
{
    struct address_space *space = space_here();
    struct notes *notes;

    rw_lock_shared(&space->lock);
    notes = &watch->notes[cpu_current()];
    for (unsigned i = 0; i < notes->count; i++) {
        if (notes->pages[i].space == space)
            check_page(&notes->pages[i]);
    }
    notes->count = 0;
    rw_unlock_shared(&space->lock);
}

void
tlb_watch_start(const struct tlb_watch_ops *ops)
{
    watch = kzalloc(sizeof(*watch));
    if (watch == NULL)
        kpanic("no memory for debug=tlb");
    watch->probes = ops;
    watch->actual = paging;
    watch->calls = *paging;
    watch->calls.zap = watch_zap;
    watch->calls.cut = watch_cut;
    watch->calls.empty = watch_empty;
    watch->calls.protect = watch_protect;
    watch->calls.move = watch_move;
    watch->calls.share = watch_share;
    paging = &watch->calls;
}
