/* usercopy.h - the only way in and out of a program's memory.
 *
 * Every function takes any pointer and any size, at any moment: what is not the program's memory,
 * or is not mapped, or is read-only, gives -EFAULT, never a fault of the kernel. The copy itself
 * may fault and so may allocate memory, and sleep while other threads change the space. While a
 * window is open (page.h) it may not: it ends at the first page that is not there (user_bring).
 * Meant for the active address space.
 */
#ifndef OCTAVO_USERCOPY_H
#define OCTAVO_USERCOPY_H

#include "space.h"

/* True when [at, at + size) lies below USER_END, without wrapping round. */
static inline bool
user_range_ok(uintptr_t at, size_t size)
{
    return size <= USER_END && at <= USER_END - size;
}

/* Copies from or to a range of the program that user_range_ok has allowed (usercopy.asm). Returns
 * how many bytes could not be copied: 0 when all were. */
size_t user_copy(void *to, const void *from, size_t size);

/* 0 or -EFAULT; on a fault some bytes may have been copied. */
MUST_CHECK int copy_from_user(void *to, const void *from, size_t size);
MUST_CHECK int copy_to_user(void *to, const void *from, size_t size);
/* The same, telling how many bytes could not be copied: 0 when all were. */
size_t copy_from_user_partial(void *to, const void *from, size_t size);
size_t copy_to_user_partial(void *to, const void *from, size_t size);
/* Fills with zeros. */
MUST_CHECK int clear_user(void *to, size_t size);

/* Copies a string with its zero, at most `size` bytes with it. Its length without the zero,
 * -EFAULT, or -ENAMETOOLONG when there is no zero within `size` bytes. */
MUST_CHECK long copy_string_from_user(char *to, const char *from, size_t size);

/* One 32-bit word, any alignment. 0 or -EFAULT. */
MUST_CHECK int get_user_u32(uint32_t *value, const void *from);
MUST_CHECK int put_user_u32(uint32_t value, void *to);
/* Stores `value` in one step if the word is *expected; *expected becomes what it was, so the same
 * value means that it was stored. 0 or -EFAULT. */
MUST_CHECK int exchange_user_u32(uint32_t *expected, uint32_t value, void *to);

/* Has the page at an address that user_range_ok has allowed come, as a copy would that reads it or
 * writes to it. False: it cannot be had. May sleep. */
MUST_CHECK bool user_bring(const void *at, bool write);

/* The address at which to go on after a fault of the kernel at `eip`; 0: none, it is a bug. */
uintptr_t usercopy_fixup(uintptr_t eip);

/* True when the CPU keeps the kernel from writing to read-only pages, as CR0.WP promises since the
 * 486 (Intel SDM volume 3, 4.6). DOSBox 0.74 does not: a copy to a program would write to pages
 * that are shared until written to. To be asked with the kernel's page tables in use. */
bool usercopy_is_protected(void);

/* While that is tried: a fault at a kernel address is no bug. */
extern bool usercopy_probing;

#endif
