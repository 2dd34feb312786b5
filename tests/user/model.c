/* model.c - random memory calls against a model, from inside: the program is its own subject.
 *
 * The same idea as tests/mm/test_space_model.c, through int 0x80. Areas come and go in one window
 * of addresses and in the heap; of each page the model knows protection, backing and four words.
 * Loads and stores that must fault do, and the signal's number, code and address are what they must
 * be. fork makes copies of program and model alike; what shared pages hold is modelled in shared
 * memory. Now and then /proc/self/maps is compared.
 *
 * Each round runs in a child. When one fails, its list of operations is cut down, and what is left
 * is printed. Only what the manual pages promise is asked for: on Linux it passes as well.
 *
 *   model [OPERATIONS [SEED]]
 */
#include "tap.h"

#define WINDOW       0x20000000ul
#define WINDOW_START (WINDOW - 32 * PG) /* over the border of a page table */
#define WINDOW_PAGES 64u
#define HEAP_PAGES   40u
#define PAGES        (WINDOW_PAGES + HEAP_PAGES)
#define FILE_PAGES   40u
#define OBJECTS      6 /* 0: the file; others: shared memory */
#define NONE         0xff
#define WORDS        4
#define OPERATIONS   120
#define DEPTH        3 /* generations */

enum { SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRERR = 2 };
enum { NR_open_ = 5, NR_pread = 180, NR_pwrite = 181 };

struct page {
    u8 mapped, copied, lazy, shared, prot, object, dontfork, wipe;
    u32 index, cuts /* of the file, when it was copied */, words[WORDS];
};

struct object {
    ulong size;
    u32 words[FILE_PAGES][WORDS];
    u32 cuts[FILE_PAGES]; /* how often the page was cut off */
};

enum kind {
    LOAD, STORE, MAP, ANYWHERE, UNMAP, PROTECT, REMAP, BRK, ADVISE, FORK, FORK_WAIT, FILE_READ,
    FILE_WRITE, FILE_SIZE, MAPS, KINDS
};

static const u8 weight[KINDS] = {60, 76, 34, 6, 16, 20, 16, 6, 12, 1, 2, 2, 2, 2, 1};
static const char *const kind_name[KINDS] = {
    "load", "store", "mmap", "mmap anywhere", "munmap", "mprotect", "mremap", "brk", "madvise",
    "fork", "fork and wait", "read", "write", "ftruncate", "maps"};

struct operation {
    u32 kind, page, count, target, new_count, bits;
};

static struct page pages[PAGES];
static struct object *objects; /* in memory that all share */
static struct operation list[OPERATIONS], whole[OPERATIONS];
static ulong heap_start, heap_end;
static int file = -1;
static u32 length; /* of the list */
static int verbose, wrong, depth;

#define COMPLAIN(...)              \
    do {                           \
        wrong = 1;                 \
        if (verbose)               \
            note(__VA_ARGS__);     \
    } while (0)

static ulong
address_of(u32 page)
{
    return page < WINDOW_PAGES ? WINDOW_START + page * PG : heap_start + (page - WINDOW_PAGES) * PG;
}

static ulong
word_offset(u32 word)
{
    return word * 1364;
}

/* ---- accesses that may fault ---- */

static volatile int fault_signal, fault_code;
static volatile ulong fault_address;
extern char probe_failed[], signal_return[];
u32 probe_load(const void *from);
void probe_store(void *to, u32 value);

__asm__(".text\n"
        "probe_load: mov 4(%esp),%ecx\n mov (%ecx),%eax\n ret\n"
        "probe_store: mov 4(%esp),%ecx\n mov 8(%esp),%eax\n mov %eax,(%ecx)\n ret\n"
        "probe_failed: ret\n"
        "signal_return: mov $173,%eax\n int $0x80\n");

/* Of the saved registers, EIP is at byte 76 of the context; the probes have an empty stack. */
static void
on_fault(int signal, const int *info, char *context)
{
    fault_signal = signal;
    fault_code = info[2];
    fault_address = (ulong)info[3];
    *(ulong *)(context + 76) = (ulong)probe_failed;
}

static void
catch_faults(void)
{
    struct {
        void *handler;
        ulong flags;
        void *restorer;
        u32 mask[2];
    } action = {on_fault, 4 /* SIGINFO */ | 0x04000000 /* RESTORER */, signal_return, {0, 0}};

    SC4(NR_rt_sigaction, SIG_SEGV, &action, 0, 8);
    SC4(NR_rt_sigaction, SIG_BUS, &action, 0, 8);
}

/* ---- the model ---- */

static u32
pages_in(const struct object *object)
{
    return (u32)((object->size + PG - 1) / PG);
}

static u32
behind(const struct page *page, u32 word)
{
    return page->object == NONE ? 0 : objects[page->object].words[page->index][word];
}

static u32
expected(const struct page *page, u32 word)
{
    return page->copied ? page->words[word] : behind(page, word);
}

static int
may_hold(struct page *page, u32 word, u32 value)
{
    if (value == expected(page, word))
        return 1;
    if (!page->lazy || value != behind(page, word))
        return 0;
    page->copied = page->lazy = 0;
    return 1;
}

/* A copy of a page that was cut off the file since, by whomever: it may be there still, or not. */
static int
is_lost(const struct page *page)
{
    return page->copied && page->object == 0 && page->cuts != objects[0].cuts[page->index];
}

static void
note_copy(struct page *page)
{
    for (u32 i = 0; i < WORDS; i++)
        page->words[i] = expected(page, i);
    if (!page->copied && page->object != NONE)
        page->cuts = objects[page->object].cuts[page->index];
    page->copied = 1;
}

static void
note_store(struct page *page, u32 word, u32 value)
{
    if (page->shared) {
        objects[page->object].words[page->index][word] = value;
        return;
    }
    note_copy(page);
    page->words[word] = value;
    page->lazy = 0;
}

static void
clear_pages(struct page *page, u32 count)
{
    for (; count--; page++) {
        *page = (struct page){0};
        page->object = NONE;
    }
}

static void
set_pages(struct page *page, u32 count, const struct page *model)
{
    for (u32 i = 0; i < count; i++) {
        page[i] = *model;
        if (model->object != NONE)
            page[i].index = model->index + i;
    }
}

static u32
mapped(const struct page *page, u32 count)
{
    u32 n = 0;

    while (count--)
        n += page++->mapped;
    return n;
}

static int
is_used(u8 object)
{
    for (u32 i = 0; i < PAGES; i++)
        if (pages[i].object == object)
            return 1;
    return 0;
}

/* Objects belong to the generation that made them: a child's must not be its parent's. */
static u8
new_object(void)
{
    for (u8 i = 1; i < OBJECTS; i++)
        if (!is_used(i) && depth == 0)
            return i;
    return NONE;
}

/* Pages of a private mapping that were brought in early may be copies of what was there then. */
static void
may_be_copied(struct page *page, u32 count)
{
    for (; count--; page++) {
        if (page->shared || page->copied || page->object == NONE || !(page->prot & P_W))
            continue;
        note_copy(page);
        page->lazy = 1;
    }
}

/* ---- loads and stores ---- */

static void
judge(const struct page *page, ulong at, int store)
{
    int signal = 0, code = 0;

    if (!page->mapped)
        signal = SIG_SEGV, code = SEGV_MAPERR;
    else if (store ? !(page->prot & P_W) : !page->prot)
        signal = SIG_SEGV, code = SEGV_ACCERR;
    else if (page->object != NONE && page->index >= pages_in(&objects[page->object]))
        signal = SIG_BUS, code = BUS_ADRERR;
    if (fault_signal != signal || (signal && (fault_code != code || fault_address != at)))
        COMPLAIN("%s %lx: signal %d code %d address %lx; wanted %d, %d", store ? "store" : "load",
                 at, fault_signal, fault_code, fault_address, signal, code);
}

static void
load(u32 number, u32 word)
{
    struct page *page = &pages[number];
    ulong at = address_of(number) + word_offset(word);
    u32 value;

    if (is_lost(page))
        return;
    fault_signal = 0;
    value = probe_load((void *)at);
    judge(page, at, 0);
    if (!fault_signal && !wrong && !may_hold(page, word, value))
        COMPLAIN("%lx holds %x, wanted %x", at, value, expected(page, word));
}

/* In the last page of the file, not wholly before its end: nobody promises anything. */
static int
is_past_the_end(const struct page *page, u32 word)
{
    ulong at = page->index * PG + word_offset(word);

    return page->shared && page->index < pages_in(&objects[page->object]) &&
           at + 4 > objects[page->object].size;
}

/* What a page holds that was given back must be known before part of it changes. */
static void
settle(u32 number)
{
    for (u32 word = 0; word < WORDS && !wrong; word++)
        load(number, word);
}

static void
store(u32 number, u32 word, u32 value)
{
    ulong at = address_of(number) + word_offset(word);

    if (is_lost(&pages[number]) || is_past_the_end(&pages[number], word))
        return;
    if (pages[number].lazy)
        settle(number);

    fault_signal = 0;
    probe_store((void *)at, value);
    judge(&pages[number], at, 1);
    if (!fault_signal && !wrong)
        note_store(&pages[number], word, value);
}

static void
load_all(void)
{
    for (u32 i = 0; i < PAGES && !wrong; i++)
        for (u32 word = 0; word < WORDS && !wrong; word++)
            load(i, word);
}

/* ---- calls ---- */

static void
do_map(const struct operation *o)
{
    static const u8 prots[] = {P_RW, P_RW, P_RW, P_R, P_NONE, P_R | P_X, P_RW | P_X, P_W};
    struct page page = {.mapped = 1, .prot = prots[o->bits % 8], .object = NONE};
    int flags = o->bits & 8 ? M_SHARED : M_PRIVATE;
    int noreplace = o->bits >> 8 & 1, occupied = mapped(&pages[o->page], o->count) != 0;
    long r;

    if (o->bits & 16 && file >= 0)
        page.object = 0, page.index = o->target % 16;
    page.shared = flags == M_SHARED;
    if (page.shared && page.object == NONE) {
        page.object = new_object();
        if (page.object == NONE)
            return;
    }
    flags |= page.object == 0 ? 0 : M_ANON;
    flags |= noreplace ? M_FIXED_NOREPLACE : M_FIXED;
    flags |= o->bits & 0x600 ? 0 : M_POPULATE;
    r = k_mmap((void *)address_of(o->page), o->count * PG - o->bits % 4000, page.prot, flags,
               page.object == 0 ? file : -1, page.object == 0 ? page.index : 0);
    if (noreplace && occupied) {
        if (r != -EEXIST_)
            COMPLAIN("NOREPLACE over a mapping answered %ld", r);
        return;
    }
    if (r != (long)address_of(o->page)) {
        COMPLAIN("mmap at %lx answered %ld", address_of(o->page), r);
        return;
    }
    if (page.object != NONE && page.object != 0) {
        objects[page.object].size = o->count * PG;
        set_all(objects[page.object].words, 0, sizeof objects[page.object].words);
    }
    set_pages(&pages[o->page], o->count, &page);
    if (flags & M_POPULATE)
        may_be_copied(&pages[o->page], o->count);
}

/* The kernel chooses: nothing that is there may be hit. */
static void
do_anywhere(const struct operation *o)
{
    long r = k_anon(o->count * PG, P_RW);
    ulong at = (ulong)r;

    if (is_err(r)) {
        COMPLAIN("mmap anywhere answered %ld", r);
        return;
    }
    for (u32 i = 0; i < PAGES; i++)
        if (pages[i].mapped && address_of(i) >= at && address_of(i) < at + o->count * PG)
            COMPLAIN("mmap gave %lx, in use", at);
    if (!all_eq((void *)at, 0, o->count * PG))
        COMPLAIN("new memory is not zero");
    set_all((void *)at, 0xa5, o->count * PG);
    k_munmap((void *)at, o->count * PG);
}

static void
do_unmap(const struct operation *o)
{
    long r = k_munmap((void *)address_of(o->page), o->count * PG - o->bits % 4000);

    if (r != 0)
        COMPLAIN("munmap answered %ld", r);
    clear_pages(&pages[o->page], o->count);
}

static void
do_protect(const struct operation *o)
{
    u8 prot = (u8)(o->bits & 7);
    long r;

    if (mapped(&pages[o->page], o->count) < o->count)
        return;
    r = k_mprotect((void *)address_of(o->page), o->count * PG, prot);
    if (r != 0)
        COMPLAIN("mprotect answered %ld", r);
    for (u32 i = 0; i < o->count; i++)
        pages[o->page + i].prot = prot;
}

static int
same_kind(const struct page *a, const struct page *b)
{
    return b->mapped && a->prot == b->prot && a->shared == b->shared && a->object == b->object &&
           a->dontfork == b->dontfork && a->wipe == b->wipe &&
           (a->object == NONE || a->index + 1 == b->index);
}

/* Pages from `page` on, at most `count`, that are one area whoever keeps areas. */
static u32
alike(u32 page, u32 count)
{
    u32 n = pages[page].mapped;

    while (n && n < count && same_kind(&pages[page + n - 1], &pages[page + n]))
        n++;
    return n;
}

static void
note_remap(const struct operation *o, u32 count, u32 new_count, u32 to)
{
    static struct page moved[PAGES];
    u32 kept = count < new_count ? count : new_count;

    for (u32 i = 0; i < kept; i++)
        moved[i] = pages[o->page + i];
    for (u32 i = kept; i < new_count; i++) {
        moved[i] = moved[kept - 1];
        moved[i].index += moved[i].object == NONE ? 0 : i - kept + 1;
        moved[i].copied = moved[i].lazy = 0;
    }
    clear_pages(&pages[o->page], count);
    for (u32 i = 0; i < new_count; i++)
        pages[to + i] = moved[i];
}

static void
do_remap(const struct operation *o)
{
    u32 count = alike(o->page, o->count), new_count = o->new_count;
    int fixed = o->bits & 1;
    u32 to = fixed ? o->target : o->page;
    u32 room = WINDOW_PAGES - to;
    long r, at = (long)address_of(to);

    if (o->page >= WINDOW_PAGES || !count)
        return;
    new_count = new_count < room ? new_count : room;
    if (pages[o->page + count - 1].index + new_count > FILE_PAGES)
        return;
    r = k_mremap((void *)address_of(o->page), count * PG, new_count * PG,
                 fixed ? MR_FIXED | MR_MAYMOVE : 0, (void *)at);
    if (r == -EFAULT_ && count > 1) /* areas that were not put together again */
        return;
    if (fixed && to < o->page + count && o->page < to + new_count) {
        if (r != -EINVAL_)
            COMPLAIN("mremap onto itself answered %ld", r);
        return;
    }
    if (!fixed && r == -ENOMEM_ && new_count > count &&
        mapped(&pages[o->page + count], new_count - count))
        return;
    if (r == at)
        note_remap(o, count, new_count, to);
    else if (!(r == -ENOMEM_ && !fixed && new_count > count))
        COMPLAIN("mremap answered %ld", r);
}

static void
do_brk(const struct operation *o)
{
    ulong wanted = heap_start + o->bits % ((HEAP_PAGES - 2) * PG);
    u32 before = (u32)((heap_end - heap_start + PG - 1) / PG);
    u32 after = (u32)((wanted - heap_start + PG - 1) / PG);
    struct page page = {.mapped = 1, .prot = P_RW, .object = NONE};
    ulong got = k_brk(wanted);

    if (got == heap_end && after >= before &&
        mapped(&pages[WINDOW_PAGES + before], after + 1 - before))
        return;
    if (got == heap_end && mapped(&pages[WINDOW_PAGES + after], before - after) < before - after)
        return; /* a hole in the heap may stop a break that goes down */
    if (got != wanted)
        COMPLAIN("brk(%lx) answered %lx", wanted, got);
    if (after > before)
        set_pages(&pages[WINDOW_PAGES + before], after - before, &page);
    else
        clear_pages(&pages[WINDOW_PAGES + after], before - after);
    heap_end = wanted;
}

static void
do_advise(const struct operation *o)
{
    static const u8 advices[] = {ADV_DONTNEED, ADV_DONTNEED, ADV_FREE, ADV_DONTFORK, ADV_DOFORK,
                                 ADV_WIPEONFORK, ADV_KEEPONFORK, ADV_NORMAL};
    int advice = advices[o->bits % sizeof advices];
    long r, want = mapped(&pages[o->page], o->count) < o->count ? -ENOMEM_ : 0;

    for (u32 i = 0; i < o->count; i++)
        if (pages[o->page + i].object != NONE && (advice == ADV_FREE || advice == ADV_WIPEONFORK))
            return;
    r = k_madvise((void *)address_of(o->page), o->count * PG, advice);
    if (r != want)
        COMPLAIN("madvise %d answered %ld, wanted %ld", advice, r, want);
    for (u32 i = 0; i < o->count; i++) {
        struct page *page = &pages[o->page + i];

        if (!page->mapped)
            continue;
        switch (advice) {
        case ADV_DONTNEED: page->copied = page->lazy = 0; break;
        case ADV_FREE: page->lazy = 1; break;
        case ADV_DONTFORK: page->dontfork = 1; break;
        case ADV_DOFORK: page->dontfork = 0; break;
        case ADV_WIPEONFORK: page->wipe = 1; break;
        case ADV_KEEPONFORK: page->wipe = 0; break;
        }
    }
}

/* ---- the file ---- */

/* The word at `at` of a file that ends at `size` now: the end may go through it. */
static void
cut_word(u32 *word, ulong at, ulong size)
{
    if (at >= size)
        *word = 0;
    else if (at + 4 > size)
        *word &= (1u << (size - at) * 8) - 1;
}

static void
do_file(const struct operation *o)
{
    u32 index = o->page % FILE_PAGES, word = o->bits % WORDS, value = o->bits;
    ulong at = index * PG + word_offset(word), size = (o->bits >> 4) % (FILE_PAGES * PG);
    u32 *known = &objects[0].words[index][word];

    if (file < 0)
        return;
    if (o->kind == FILE_SIZE) {
        SC2(NR_ftruncate, file, size);
        objects[0].size = size;
        for (u32 i = 0; i < FILE_PAGES * WORDS; i++)
            cut_word(&objects[0].words[i / WORDS][i % WORDS],
                     i / WORDS * PG + word_offset(i % WORDS), size);
        for (u32 i = pages_in(&objects[0]); i < FILE_PAGES; i++)
            objects[0].cuts[i]++;
    } else if (at + 4 > objects[0].size) {
        return;
    } else if (o->kind == FILE_WRITE) {
        if (SC5(NR_pwrite, file, &value, 4, at, 0) != 4)
            COMPLAIN("pwrite failed");
        *known = value;
    } else if (SC5(NR_pread, file, &value, 4, at, 0) != 4 || value != *known) {
        COMPLAIN("the file holds %x at %lx, wanted %x", value, at, *known);
    }
}

/* ---- maps ---- */

static ulong
parse_hex(const char **text)
{
    ulong value = 0;

    for (;; ++*text) {
        char c = **text;

        if (c >= '0' && c <= '9')
            value = value * 16 + (ulong)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (ulong)(c - 'a' + 10);
        else
            return value;
    }
}

static void
check_line(const char *text)
{
    ulong start = parse_hex(&text), end = (text++, parse_hex(&text));
    u8 prot = 0;

    text++;
    prot = (u8)((text[0] == 'r' ? P_R : 0) | (text[1] == 'w' ? P_W : 0) |
                (text[2] == 'x' ? P_X : 0));
    for (u32 i = 0; i < PAGES; i++) {
        const struct page *page = &pages[i];

        if (address_of(i) < start || address_of(i) >= end)
            continue;
        if (!page->mapped || page->prot != prot || page->shared != (text[3] == 's'))
            COMPLAIN("maps: page %lx is %d%c; the model says %d, %d%c", address_of(i), prot,
                     text[3], page->mapped, page->prot, page->shared ? 's' : 'p');
    }
}

/* Each line of the window, and as many pages as the model has. */
static void
check_maps(void)
{
    static char text[65536];
    long fd = SC3(NR_open_, "/proc/self/maps", 0, 0), length = 0, r;
    ulong found = 0;

    if (fd < 0)
        return;
    while ((r = k_read((int)fd, text + length, sizeof text - 1 - (ulong)length)) > 0)
        length += r;
    k_close((int)fd);
    text[length] = 0;
    for (const char *line = text; *line; line++) {
        const char *at = line;
        ulong start = parse_hex(&at), end = (at++, parse_hex(&at));

        check_line(line);
        if (start >= WINDOW_START && end <= WINDOW_START + WINDOW_PAGES * PG)
            found += (end - start) / PG;
        while (*line && *line != '\n')
            line++;
        if (!*line)
            break;
    }
    if (found != mapped(pages, WINDOW_PAGES))
        COMPLAIN("maps: %lu pages, the model has %u", found, mapped(pages, WINDOW_PAGES));
}

/* ---- generations ---- */

static void run_operation(u32 number);

static void
become_child(void)
{
    depth++;
    for (u32 i = 0; i < PAGES; i++) {
        if (pages[i].dontfork)
            clear_pages(&pages[i], 1);
        if (pages[i].wipe)
            pages[i].copied = pages[i].lazy = 0;
    }
}

/* The child does `bits % 16` operations of its own first; or it waits until its parent did them. */
static void
do_fork(const struct operation *o, u32 number)
{
    int parent_first = o->kind == FORK_WAIT, status = 0, fds[2] = {-1, -1};
    u32 steps = o->bits % 16;
    long pid;

    if (depth >= DEPTH || (parent_first && k_pipe(fds) != 0))
        return;
    pid = k_fork();
    if (pid == 0) {
        char c;

        become_child();
        k_close(fds[1]);
        if (parent_first)
            k_read(fds[0], &c, 1);
        for (u32 i = 1; !parent_first && i <= steps && number + i < length && !wrong; i++)
            run_operation(number + i);
        load_all();
        check_maps();
        k_exit(wrong);
    }
    if (pid < 0) {
        COMPLAIN("fork answered %ld", pid);
        return;
    }
    if (parent_first) {
        k_close(fds[0]);
        for (u32 i = 1; i <= steps && number + i < length && !wrong; i++)
            if (list[number + i].kind == LOAD || list[number + i].kind == STORE)
                run_operation(number + i);
        k_close(fds[1]);
    }
    while (k_wait(pid, &status) == -EINTR_)
        ;
    if (status != 0)
        COMPLAIN("a child ended with status %x", status);
}

/* ---- a round ---- */

static void
run_operation(u32 number)
{
    struct operation *o = &list[number];

    if (o->page >= WINDOW_PAGES && o->kind > STORE && o->kind != PROTECT && o->kind != ADVISE &&
        o->kind != BRK && o->kind != UNMAP)
        return;
    switch (o->kind) {
    case LOAD: load(o->page, o->bits % WORDS); break;
    case STORE: store(o->page, o->bits % WORDS, o->bits); break;
    case MAP: do_map(o); break;
    case ANYWHERE: do_anywhere(o); break;
    case UNMAP: do_unmap(o); break;
    case PROTECT: do_protect(o); break;
    case REMAP: do_remap(o); break;
    case BRK: do_brk(o); break;
    case ADVISE: do_advise(o); break;
    case FORK: case FORK_WAIT: do_fork(o, number); break;
    case FILE_READ: case FILE_WRITE: case FILE_SIZE: do_file(o); break;
    case MAPS: check_maps(); break;
    }
    if (wrong && verbose)
        note("at operation %u, generation %d", number, depth);
}

static void
begin_round(void)
{
    clear_pages(pages, PAGES);
    k_munmap((void *)WINDOW_START, WINDOW_PAGES * PG);
    set_all(objects, 0, OBJECTS * sizeof *objects);
    heap_start = (k_brk(0) + PG - 1) / PG * PG;
    heap_end = k_brk(heap_start);
    if (file >= 0) {
        SC2(NR_ftruncate, file, 0);
        objects[0].size = FILE_PAGES / 2 * PG;
        SC2(NR_ftruncate, file, objects[0].size);
    }
}

/* In a child of its own. */
static int
run_round(void *count)
{
    length = *(u32 *)count;
    begin_round();
    for (u32 i = 0; i < length && !wrong; i++)
        run_operation(i);
    if (!wrong)
        load_all();
    if (!wrong)
        check_maps();
    return wrong;
}

static int
passes(u32 count)
{
    return in_child(run_round, &count) == 0;
}

static void
draw(u32 *state, struct operation *o)
{
    u32 choice = rnd(state) >> 8 & 255, space;

    *o = (struct operation){0};
    while (choice >= weight[o->kind])
        choice -= weight[o->kind++];
    o->page = (rnd(state) >> 8) % (rnd(state) & 0x300 ? WINDOW_PAGES : PAGES);
    space = o->page < WINDOW_PAGES ? WINDOW_PAGES - o->page : PAGES - o->page;
    o->count = 1 + (rnd(state) >> 8) % (rnd(state) & 0x300 ? 8 : WINDOW_PAGES);
    o->count = o->count < space ? o->count : space;
    o->count = o->count < FILE_PAGES - 16 ? o->count : FILE_PAGES - 16;
    o->target = (rnd(state) >> 8) % WINDOW_PAGES;
    o->new_count = 1 + (rnd(state) >> 8) % (rnd(state) & 0x300 ? 8 : 24);
    o->bits = rnd(state);
}

/* ---- cutting a failing list down ---- */

static int
drop(u32 *count, u32 at, u32 length)
{
    for (u32 i = 0; i < *count; i++)
        whole[i] = list[i];
    for (u32 i = at; i + length < *count; i++)
        list[i] = whole[i + length];
    if (!passes(*count - length)) {
        *count -= length;
        return 1;
    }
    for (u32 i = 0; i < *count; i++)
        list[i] = whole[i];
    return 0;
}

static void
explain(void)
{
    u32 count = OPERATIONS;

    for (u32 length = count / 2; length; length /= 2)
        for (u32 at = 0; at + length <= count;)
            if (!drop(&count, at, length))
                at += length;
    for (u32 i = 0; i < count; i++)
        note("%u %s page %lx count %u target %lx count %u bits %x", i, kind_name[list[i].kind],
             address_of(list[i].page), list[i].count, address_of(list[i].target), list[i].new_count,
             list[i].bits);
    verbose = 1;
    passes(count);
}

int
main(int argc, char **argv)
{
    u32 operations = (u32)parse_num(argc > 1 ? argv[1] : 0, 60000);
    u32 seed = (u32)parse_num(argc > 2 ? argv[2] : 0, 20261121), rounds = 0;

    objects = (struct object *)k_mmap(0, OBJECTS * sizeof *objects, P_RW, M_SHARED | M_ANON, -1, 0);
    file = (int)SC3(NR_open_, "/tmp/model.data", 0102, 0600);
    if (file < 0)
        note("no file: /tmp/model.data cannot be made");
    else
        SC1(NR_unlink, "/tmp/model.data");
    heap_start = (k_brk(0) + PG - 1) / PG * PG;
    catch_faults();
    note("seed %u", seed);
    for (; rounds * OPERATIONS < operations; rounds++) {
        u32 state = (seed + rounds) * 2654435761u | 1;

        for (u32 i = 0; i < OPERATIONS; i++)
            draw(&state, &list[i]);
        if (passes(OPERATIONS))
            continue;
        note("round %u fails", rounds);
        explain();
        break;
    }
    ok(rounds * OPERATIONS >= operations, "%u random operations agree with the model",
       rounds * OPERATIONS);
    return done("model");
}
