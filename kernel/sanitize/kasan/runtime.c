/* runtime.c - the functions that the compiler calls with -fsanitize=kernel-address.
 *
 * Before each load and store of instrumented code stands a call of __asan_loadN or __asan_storeN
 * with the address; the access itself follows. A look at the shadow decides:
 *
 *   address  0xC0123456 ──► shadow 0xE802468A: 0     all 8 bytes around it may be used
 *                                              1..7  the first so many of them
 *                                              other none: why (shadow.h)
 *
 * Addresses of programs are not judged: the page tables do that.
 */
#include "platform.h"
#include "shadow.h"
#include "task.h"

extern char boot_stack_guard[], boot_stack_top[];

#define CALLER (__builtin_return_address(0))

/* True when the byte at `at` may be used. */
static inline bool
is_allowed(uintptr_t at)
{
    int8_t shadow = (int8_t)*shadow_of(at);

    return shadow == 0 || (int8_t)(at & 7) < shadow;
}

/* Looks at each byte; for what does not fit into one byte of shadow. */
static __attribute__((noinline)) void
check_bytes(uintptr_t at, size_t size, bool write, const void *caller)
{
    for (uintptr_t byte = at; byte < at + size; byte++) {
        if (byte % 8 == 0 && at + size - byte >= 8 && *shadow_of(byte) == 0)
            byte += 7;
        else if (!is_allowed(byte))
            kasan_report(at, size, write, byte, caller);
    }
}

static inline void
check(uintptr_t at, size_t size, bool write, const void *caller)
{
    if (!kasan_on || at < KERNEL_BASE || size == 0)
        return;
    if (LIKELY((at & 7) + size <= 8 && *shadow_of(at) == 0))
        return;
    check_bytes(at, size, write, caller);
}

/* ---- loads and stores ---- */

#define ACCESS(size)                                                                               \
    void __asan_load##size##_noabort(uintptr_t at);                                                \
    void __asan_store##size##_noabort(uintptr_t at);                                               \
    void __asan_load##size##_noabort(uintptr_t at)                                                 \
    {                                                                                              \
        check(at, size, false, CALLER);                                                            \
    }                                                                                              \
    void __asan_store##size##_noabort(uintptr_t at)                                                \
    {                                                                                              \
        check(at, size, true, CALLER);                                                             \
    }

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __asan_loadN_noabort(uintptr_t at, size_t size);
void __asan_storeN_noabort(uintptr_t at, size_t size);

void
__asan_loadN_noabort(uintptr_t at, size_t size)
{
    check(at, size, false, CALLER);
}

void
__asan_storeN_noabort(uintptr_t at, size_t size)
{
    check(at, size, true, CALLER);
}

/* ---- stacks ---- */

void __asan_handle_no_return(void);
void __asan_poison_stack_memory(uintptr_t at, size_t size);
void __asan_unpoison_stack_memory(uintptr_t at, size_t size);

/* The end of the stack that has `here`; `here` itself when it is none we know. */
static uintptr_t
end_of_stack(uintptr_t here)
{
    uintptr_t own = (uintptr_t)task_current()->stack;

    if (own != 0 && here - own < KERNEL_STACK_SIZE)
        return own + KERNEL_STACK_SIZE;
    if (here > (uintptr_t)boot_stack_guard && here < (uintptr_t)boot_stack_top)
        return (uintptr_t)boot_stack_top;
    return here;
}

/* Before a call that does not come back: nobody needs the stack from here up any more. */
void
__asan_handle_no_return(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)7;

    if (kasan_on)
        shadow_allow(here, end_of_stack(here) - here);
}

/* A variable's block ends, and begins. */
void
__asan_poison_stack_memory(uintptr_t at, size_t size)
{
    if (kasan_on)
        shadow_set(at, size, SHADOW_SCOPE);
}

void
__asan_unpoison_stack_memory(uintptr_t at, size_t size)
{
    if (kasan_on)
        shadow_allow(at, size);
}

/* ---- variables ---- */

/* What each file registered, for reports. */
#define FILES_MAX 512u

static struct {
    const struct global *globals;
    size_t count;
} files[FILES_MAX];
static size_t file_count;

void __asan_register_globals(const struct global *globals, size_t count);
void __asan_unregister_globals(const struct global *globals, size_t count);

void
__asan_register_globals(const struct global *globals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        shadow_set(globals[i].at, globals[i].size_with_red_zone, SHADOW_GLOBAL);
        shadow_allow(globals[i].at, globals[i].size);
    }
    if (file_count < FILES_MAX) {
        files[file_count].globals = globals;
        files[file_count++].count = count;
    }
}

const struct global *
kasan_find_global(uintptr_t address)
{
    for (size_t i = 0; i < file_count; i++) {
        for (size_t j = 0; j < files[i].count; j++) {
            const struct global *global = &files[i].globals[j];

            if (address - global->at < global->size_with_red_zone)
                return global;
        }
    }
    return NULL;
}

/* For modules that are unloaded; the kernel never is. */
void
__asan_unregister_globals(const struct global *globals, size_t count)
{
    (void)globals;
    (void)count;
}

/* ---- the C library's functions, checked ---- */

/* kernel/text/string.c, under these names in this build. */
void *raw_memcpy(void *restrict to, const void *restrict from, size_t size);
void *raw_memmove(void *to, const void *from, size_t size);
void *raw_memset(void *at, int byte, size_t size);
int raw_memcmp(const void *a, const void *b, size_t size);
void *raw_memchr(const void *at, int byte, size_t size);
size_t raw_strlen(const char *text);
size_t raw_strnlen(const char *text, size_t size);
int raw_strcmp(const char *a, const char *b);
int raw_strncmp(const char *a, const char *b, size_t size);
char *raw_strchr(const char *text, int character);
char *raw_strrchr(const char *text, int character);
char *raw_strstr(const char *text, const char *part);

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

#include <string.h>

#define CHECK_READ(at, size)  check((uintptr_t)(at), size, false, CALLER)
#define CHECK_WRITE(at, size) check((uintptr_t)(at), size, true, CALLER)
#define CHECK_TEXT(text)      CHECK_READ(text, raw_strlen(text) + 1)

void *
memcpy(void *restrict to, const void *restrict from, size_t size)
{
    CHECK_READ(from, size);
    CHECK_WRITE(to, size);
    return raw_memcpy(to, from, size);
}

void *
memmove(void *to, const void *from, size_t size)
{
    CHECK_READ(from, size);
    CHECK_WRITE(to, size);
    return raw_memmove(to, from, size);
}

void *
memset(void *at, int byte, size_t size)
{
    CHECK_WRITE(at, size);
    return raw_memset(at, byte, size);
}

int
memcmp(const void *a, const void *b, size_t size)
{
    CHECK_READ(a, size);
    CHECK_READ(b, size);
    return raw_memcmp(a, b, size);
}

void *
memchr(const void *at, int byte, size_t size)
{
    return raw_memchr(at, byte, size);
}

size_t
strlen(const char *text)
{
    CHECK_TEXT(text);
    return raw_strlen(text);
}

size_t
strnlen(const char *text, size_t size)
{
    CHECK_READ(text, raw_strnlen(text, size));
    return raw_strnlen(text, size);
}

int
strcmp(const char *a, const char *b)
{
    CHECK_TEXT(a);
    CHECK_TEXT(b);
    return raw_strcmp(a, b);
}

int
strncmp(const char *a, const char *b, size_t size)
{
    CHECK_READ(a, raw_strnlen(a, size));
    CHECK_READ(b, raw_strnlen(b, size));
    return raw_strncmp(a, b, size);
}

char *
strchr(const char *text, int character)
{
    CHECK_TEXT(text);
    return raw_strchr(text, character);
}

char *
strrchr(const char *text, int character)
{
    CHECK_TEXT(text);
    return raw_strrchr(text, character);
}

char *
strstr(const char *text, const char *part)
{
    CHECK_TEXT(text);
    CHECK_TEXT(part);
    return raw_strstr(text, part);
}
