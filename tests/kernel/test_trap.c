/* test_trap.c - exceptions are caught, named and explained. */
#include "ktest.h"
#include "cpu.h"
#include "platform.h"
#include "symbols.h"
#include "trap.h"

static volatile uintptr_t nowhere;

static void
read_null(void *unused)
{
    (void)unused;
    (void)*(volatile uint32_t *)nowhere;
}

static void
write_text(void *unused)
{
    (void)unused;
    *(volatile char *)text_start = 0;
}

static void
write_rodata(void *unused)
{
    (void)unused;
    *(volatile char *)rodata_start = 0;
}

static void
jump_nowhere(void *unused)
{
    (void)unused;
    ((void (*)(void))nowhere)();
}

static void
divide(void *quotient)
{
    *(volatile unsigned *)quotient = 1000 / nowhere;
}

static void
load_bad_selector(void *unused)
{
    (void)unused;
    __asm__ volatile("mov %0, %%gs" : : "r"(0x1230));
}

static void
use_fpu(void *unused)
{
    (void)unused;
    __asm__ volatile("fnop");
}

static void
bad_opcode(void *unused)
{
    (void)unused;
    __asm__ volatile("ud2");
}

KTEST(trap, page_faults)
{
    CHECK(ktest_panics(read_null, NULL, "read of 0x00000000, a page that is not present"));
    CHECK(ktest_panics(write_text, NULL, "a page that does not allow it"));
    CHECK(ktest_panics(write_rodata, NULL, "a page that does not allow it"));
    CHECK(ktest_panics(jump_nowhere, NULL, "page fault (14) at 0x00000000"));
}

KTEST(trap, other_exceptions)
{
    unsigned quotient;

    CHECK(ktest_panics(divide, &quotient, "divide error (0)"));
    CHECK(ktest_panics(load_bad_selector, NULL, "GDT entry 582"));
    CHECK(ktest_panics(use_fpu, NULL, "device not available (7)"));
    CHECK(ktest_panics(bad_opcode, NULL, "invalid opcode (6)"));
}

/* A handler of one's own: steps over the two bytes of `ud2`. */
static void
step_over(struct trap_frame *frame)
{
    frame->eip += 2;
    frame->ebx ^= 0xFFFFFFFF;
}

KTEST(trap, handler)
{
    uint32_t changed = 0x0F0F0F0F, kept = 0x12345678;

    trap_register(6, step_over);
    __asm__ volatile("ud2" : "+b"(changed), "+c"(kept));
    trap_register(6, NULL);
    CHECK_EQ(changed, 0xF0F0F0F0);
    CHECK_EQ(kept, 0x12345678);
}

static void
take_lock_twice(void *lock)
{
    unsigned long flags = spin_lock(lock);

    flags |= spin_lock(lock);
    spin_unlock(lock, flags);
}

KTEST(trap, lock_taken_twice)
{
    struct spinlock lock = SPINLOCK_INIT;
    unsigned long flags = interrupts_disable();

    interrupts_restore(flags);
    CHECK(ktest_panics(take_lock_twice, &lock, "taken twice"));
    interrupts_restore(flags);
}

KTEST(trap, lock_keeps_interrupts_off)
{
    struct spinlock lock = SPINLOCK_INIT;
    unsigned long before = interrupts_disable(), flags;

    interrupts_restore(EFLAGS_IF);
    flags = spin_lock(&lock);
    CHECK(flags & EFLAGS_IF);
    CHECK(spin_is_locked(&lock));
    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    CHECK(!(flags & EFLAGS_IF));
    spin_unlock(&lock, EFLAGS_IF);
    CHECK(!spin_is_locked(&lock));
    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    CHECK(flags & EFLAGS_IF);
    if (!(before & EFLAGS_IF))
        interrupts_disable();
}

KTEST(trap, symbols)
{
    uint32_t offset = 1;
    const char *name;

    if (symbol_count() == 0)
        SKIP("the loader left no symbols");
    CHECK_EQ(symbol_lookup("cpu_init"), (uintptr_t)cpu_init);
    CHECK_EQ(symbol_lookup("no such name"), 0);
    name = symbol_find((uintptr_t)cpu_init, &offset);
    CHECK(name != NULL);
    CHECK_EQ(offset, 0);
    CHECK(symbol_find((uintptr_t)cpu_init + 2, &offset) == name);
    CHECK_EQ(offset, 2);
    CHECK(symbol_find(0, &offset) == NULL && symbol_find(UINTPTR_MAX, &offset) == NULL);
}
