/* modfs.c - the boot modules as read-only files.
 *
 * Where a module appears, by the words of its string:
 *
 *   "... path=/bin/x ..."      /bin/x, whoever loaded it
 *   "FILE.EXT /bin/x args"     /bin/x, from our own loader (module= lines of OCTAVO.CFG)
 *   "dir/FILE.EXT args"        /file.ext, found in any case, as on the FAT volume it came from
 *   ""                         /moduleN
 *
 * The bytes stay where the loader put them; the page cache copies a page when it is first wanted,
 * and may drop it again. So a module takes its memory twice only as far as it is in use.
 */
#include <string.h>
#include "boot.h"
#include "files_private.h"
#include "format.h"
#include "kmalloc.h"

#define MODULE_MODE 0555u

/* ---- bytes ---- */

static void
copy_physical(char *to, paddr_t from, size_t size)
{
    while (size > 0) {
        pfn_t frame = paddr_to_pfn(from);
        size_t offset = (size_t)from & PAGE_MASK;
        size_t piece = size < PAGE_SIZE - offset ? size : PAGE_SIZE - offset;
        char *bytes = frame_map(frame);

        memcpy(to, bytes + offset, piece);
        frame_unmap(frame, bytes);
        to += piece;
        from += piece;
        size -= piece;
    }
}

static int
module_fill(struct object *object, uint32_t index, void *page)
{
    const struct boot_module *module = (const void *)node_of_object(object)->value;
    paddr_t at = module->start + ((uint64_t)index << PAGE_SHIFT);
    size_t size = module->end - at < PAGE_SIZE ? (size_t)(module->end - at) : PAGE_SIZE;

    copy_physical(page, at, size);
    memset((char *)page + size, 0, PAGE_SIZE - size);
    return 0;
}

static const struct object_ops module_ops = {module_fill, node_release_object};

/* ---- names ---- */

static size_t
word_length(const char *word)
{
    size_t length = 0;

    while (word[length] != '\0' && word[length] != ' ' && word[length] != '\t')
        length++;
    return length;
}

/* The next word of a string, "" at its end. */
static const char *
next_word(const char *word)
{
    word += word_length(word);
    while (*word == ' ' || *word == '\t')
        word++;
    return word;
}

/* The path that the string gives explicitly; NULL when it gives none. */
static const char *
explicit_path(const char *string, bool own_loader)
{
    static const char option[] = "path=";
    const char *second = next_word(string);

    for (const char *word = string; *word != '\0'; word = next_word(word)) {
        if (strncmp(word, option, sizeof(option) - 1) == 0 && word[sizeof(option) - 1] == '/')
            return word + sizeof(option) - 1;
    }
    return own_loader && *second == '/' ? second : NULL;
}

static const char *
base_name(const char *word, size_t *length)
{
    const char *base = word;

    for (size_t i = 0; i < *length; i++) {
        if (word[i] == '/')
            base = word + i + 1;
    }
    *length -= (size_t)(base - word);
    return base;
}

/* Writes the path for a module; true when it is a FAT name, without regard to case. */
bool
module_path(const char *string, unsigned number, bool own_loader, char *path, size_t size)
{
    const char *word = explicit_path(string, own_loader);
    size_t length = word_length(word != NULL ? word : string);

    if (word != NULL) {
        format_text(path, size, "%.*s", (int)length, word);
        return false;
    }
    word = base_name(string, &length);
    if (length == 0) {
        format_text(path, size, "/module%u", number);
        return false;
    }
    format_text(path, size, "/%.*s", (int)length, word);
    for (char *at = path; *at != '\0'; at++)
        *at |= *at >= 'A' && *at <= 'Z' ? 0x20 : 0;
    return true;
}

/* ---- the tree ---- */

static int
add_module(const struct boot_module *module, const char *path, bool any_case)
{
    struct node *folder;
    const char *name;
    struct node *node;
    int error = tree_make_folders(path, &folder, &name);

    if (error != 0)
        return error;
    if (node_child(folder, name) != NULL)
        return -EEXIST;
    node = node_create_file(&root_mount, MODULE_MODE, module->end - module->start, &module_ops,
                            (uintptr_t)module);
    if (node == NULL)
        return -ENOMEM;
    error = node_attach(folder, node, name);
    node->any_case = any_case;
    node_put(node);
    return error;
}

void
modfs_init(void)
{
    bool own_loader = strncmp(boot_info.loader, "Octavo", 6) == 0;

    for (unsigned i = 0; i < boot_info.module_count; i++) {
        const struct boot_module *module = &boot_info.modules[i];
        size_t size = strlen(module->string) + sizeof("/module4294967295");
        char *path = kmalloc(size);
        int error = -ENOMEM;

        if (path != NULL) {
            bool any_case = module_path(module->string, i, own_loader, path, size);

            error = add_module(module, path, any_case);
        }
        if (error != 0)
            klog("files: module '%s' is left out, error %d\n", module->string, -error);
        kfree(path);
    }
}
