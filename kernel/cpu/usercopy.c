/* usercopy.c - in and out of a program's memory: the check of addresses, and what follows a fault.
 *
 * The range is checked first, so that a program cannot make the kernel read or write its own memory
 * for it. The rest is left to paging: a copy (usercopy.asm) simply begins, and the page-fault
 * handler either repairs what was missing or goes on at the fixup of the table `extable`, which the
 * linker collects in the order of the code.
 */
#include <string.h>
#include "sections.h"
#include "usercopy.h"

struct fixup {
    uint32_t instruction, target;
};

extern const struct fixup __start_extable[], __stop_extable[];

size_t user_clear(void *to, size_t size);
long user_string(char *to, const char *from, size_t size);
bool user_load(uint32_t *value, const void *from);
bool user_store(uint32_t value, void *to);
bool user_exchange(uint32_t *expected, uint32_t value, void *to);

uintptr_t
usercopy_fixup(uintptr_t eip)
{
    for (const struct fixup *fixup = __start_extable; fixup < __stop_extable; fixup++) {
        if (fixup->instruction == eip)
            return fixup->target;
    }
    return 0;
}

bool usercopy_probing;

bool
usercopy_is_protected(void)
{
    uint32_t value;

    usercopy_probing = true;
    memcpy(&value, text_start, sizeof(value));
    bool stored = user_store(value, text_start);
    usercopy_probing = false;
    return !stored;
}

size_t
copy_from_user_partial(void *to, const void *from, size_t size)
{
    if (!user_range_ok((uintptr_t)from, size))
        return size;
    return user_copy(to, from, size);
}

size_t
copy_to_user_partial(void *to, const void *from, size_t size)
{
    if (!user_range_ok((uintptr_t)to, size))
        return size;
    return user_copy(to, from, size);
}

int
copy_from_user(void *to, const void *from, size_t size)
{
    return copy_from_user_partial(to, from, size) == 0 ? 0 : -EFAULT;
}

int
copy_to_user(void *to, const void *from, size_t size)
{
    return copy_to_user_partial(to, from, size) == 0 ? 0 : -EFAULT;
}

int
clear_user(void *to, size_t size)
{
    if (!user_range_ok((uintptr_t)to, size))
        return -EFAULT;
    return user_clear(to, size) == 0 ? 0 : -EFAULT;
}

long
copy_string_from_user(char *to, const char *from, size_t size)
{
    uintptr_t at = (uintptr_t)from;
    size_t room = at < USER_END ? USER_END - at : 0, most = size < room ? size : room;
    long length;

    if (room == 0)
        return -EFAULT;
    length = user_string(to, from, most);
    if (length < 0)
        return -EFAULT;
    if ((size_t)length < most)
        return length;
    return most < size ? -EFAULT : -ENAMETOOLONG;
}

int
get_user_u32(uint32_t *value, const void *from)
{
    if (!user_range_ok((uintptr_t)from, sizeof(*value)) || !user_load(value, from))
        return -EFAULT;
    return 0;
}

int
put_user_u32(uint32_t value, void *to)
{
    return user_range_ok((uintptr_t)to, sizeof(value)) && user_store(value, to) ? 0 : -EFAULT;
}

int
exchange_user_u32(uint32_t *expected, uint32_t value, void *to)
{
    if (!user_range_ok((uintptr_t)to, sizeof(value)) || !user_exchange(expected, value, to))
        return -EFAULT;
    return 0;
}
