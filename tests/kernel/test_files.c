/* test_files.c - the tree, the files in it and the tables of descriptors. */
#include <string.h>
#include "console.h"
#include "file.h"
#include "files_private.h"
#include "ktest.h"
#include "mm.h"

#define MANY_FILES 40

static struct place place;

/* Makes a file and closes it. 0 or -errno. */
static int
touch(const char *path)
{
    struct file *file;
    int error = file_open(path, O_CREAT | O_EXCL | O_RDWR, 0644, &file);

    if (error == 0)
        file_put(file);
    return error;
}

/* Runs one change of the tree on a path. */
static int
change(const char *path, int (*call)(struct place *))
{
    int error = path_place(tree_root, path, PATH_NAME, &place);

    if (error != 0)
        return error;
    error = call(&place);
    place_put(&place);
    return error;
}

static int
make_folder(struct place *at)
{
    return tree_mkdir(at, 0755);
}

static int
make_link_to_self(struct place *at)
{
    return tree_symlink(at, at->name);
}

static int
make_link_to_tmp(struct place *at)
{
    return tree_symlink(at, "/tmp/");
}

static int
make_dangling_link(struct place *at)
{
    return tree_symlink(at, "a/./new");
}

static int
rename_file(const char *from, const char *to, unsigned flags)
{
    static struct place source, target;
    int error = path_place(tree_root, from, PATH_NAME, &source);

    if (error != 0)
        return error;
    error = path_place(tree_root, to, PATH_NAME, &target);
    if (error == 0) {
        error = tree_rename(&source, &target, flags);
        place_put(&target);
    }
    place_put(&source);
    return error;
}

/* What looking a path up answers. */
static int
find(const char *path, unsigned flags)
{
    struct node *node;
    int error = path_find(tree_root, path, flags, &node);

    if (error == 0)
        node_put(node);
    return error;
}

static int
open_error(const char *path, unsigned flags)
{
    struct file *file;
    int error = file_open(path, flags, 0600, &file);

    if (error == 0)
        file_put(file);
    return error;
}

/* Only the root's list holds it. */
static bool
tmp_is_empty(void)
{
    const struct node *tmp = node_child(tree_root, "tmp");

    return node_is_empty(tmp) && tmp->refs == 1;
}

/* ---- paths ---- */

KTEST(files, paths_lead_where_they_say)
{
    static char longest[PATH_MAX];

    CHECK_EQ(find("/", 0), 0);
    CHECK_EQ(find("", 0), -ENOENT);
    CHECK_EQ(find("", PATH_EMPTY), 0);
    CHECK_EQ(find("//tmp//.//../tmp/", 0), 0);
    CHECK_EQ(find("/../../tmp/..", 0), 0);
    CHECK_EQ(find("/none", 0), -ENOENT);
    CHECK_EQ(find("/none/more", 0), -ENOENT);
    CHECK_EQ(find("/dev/null", 0), 0);
    CHECK_EQ(find("/dev/null/", 0), -ENOTDIR);
    CHECK_EQ(find("/dev/null/.", 0), -ENOTDIR);
    CHECK_EQ(find("/dev/null/..", 0), -ENOTDIR);
    CHECK_EQ(find("/dev/NULL", 0), -ENOENT);
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[1 + NAME_MAX] = '\0';
    CHECK_EQ(find(longest, 0), -ENOENT);
    longest[1 + NAME_MAX] = 'x';
    longest[2 + NAME_MAX] = '\0';
    CHECK_EQ(find(longest, 0), -ENAMETOOLONG);
}

KTEST(files, links_are_followed_but_not_for_ever)
{
    CHECK_EQ(change("/tmp/loop", make_link_to_self), 0);
    CHECK_EQ(find("/tmp/loop", 0), -ELOOP);
    CHECK_EQ(find("/tmp/loop", PATH_NO_FOLLOW), 0);
    CHECK_EQ(find("/tmp/loop/", PATH_NO_FOLLOW), -ELOOP);
    CHECK_EQ(change("/tmp/back", make_link_to_tmp), 0);
    CHECK_EQ(find("/tmp/back/back/back/loop", PATH_NO_FOLLOW), 0);
    CHECK_EQ(find("/tmp/back/../tmp/back", 0), 0);
    CHECK_EQ(open_error("/tmp/back", O_RDONLY | O_NOFOLLOW), -ELOOP);
    CHECK_EQ(open_error("/tmp/back", O_RDONLY | O_DIRECTORY), 0);
    CHECK_EQ(change("/tmp/back/", tree_unlink), -ENOTDIR);
    CHECK_EQ(change("/tmp/a", make_folder), 0);
    CHECK_EQ(change("/tmp/made", make_dangling_link), 0);
    CHECK_EQ(open_error("/tmp/made", O_RDONLY), -ENOENT);
    CHECK_EQ(open_error("/tmp/made", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
    CHECK_EQ(open_error("/tmp/made", O_RDWR | O_CREAT), 0);
    CHECK_EQ(change("/tmp/a/new", tree_unlink), 0);
    CHECK_EQ(change("/tmp/a", tree_rmdir), 0);
    CHECK_EQ(change("/tmp/made", tree_unlink), 0);
    CHECK_EQ(change("/tmp/back", tree_unlink), 0);
    CHECK_EQ(change("/tmp/loop", tree_unlink), 0);
    CHECK(tmp_is_empty());
}

/* ---- changes ---- */

KTEST(files, folders_come_and_go)
{
    CHECK_EQ(change("/tmp/d/", make_folder), 0);
    CHECK_EQ(change("/tmp/d", make_folder), -EEXIST);
    CHECK_EQ(change("/tmp/d/.", make_folder), -EEXIST);
    CHECK_EQ(change("/", make_folder), -EEXIST);
    CHECK_EQ(change("/d", make_folder), -EROFS);
    CHECK_EQ(change("/d", make_link_to_tmp), -EROFS);
    CHECK_EQ(change("/d/", make_link_to_tmp), -ENOENT);
    CHECK_EQ(change("/tmp/none/d", make_folder), -ENOENT);
    CHECK_EQ(touch("/tmp/d/f"), 0);
    CHECK_EQ(touch("/tmp/d/f"), -EEXIST);
    CHECK_EQ(touch("/tmp/d/g/"), -EISDIR);
    CHECK_EQ(change("/tmp/d/f/g", make_folder), -ENOTDIR);
    CHECK_EQ(change("/tmp/d", tree_rmdir), -ENOTEMPTY);
    CHECK_EQ(change("/tmp/d", tree_unlink), -EISDIR);
    CHECK_EQ(change("/tmp/d/f", tree_rmdir), -ENOTDIR);
    CHECK_EQ(change("/tmp/d/f/", tree_unlink), -ENOTDIR);
    CHECK_EQ(change("/tmp/d/.", tree_rmdir), -EINVAL);
    CHECK_EQ(change("/tmp/d/..", tree_rmdir), -ENOTEMPTY);
    CHECK_EQ(change("/tmp", tree_rmdir), -EBUSY);
    CHECK_EQ(change("/dev/null", tree_unlink), -EROFS);
    CHECK_EQ(change("/tmp/d/f", tree_unlink), 0);
    CHECK_EQ(change("/tmp/d/f", tree_unlink), -ENOENT);
    CHECK_EQ(change("/tmp/d", tree_rmdir), 0);
    CHECK(tmp_is_empty());
}

KTEST(files, names_move)
{
    CHECK_EQ(change("/tmp/a", make_folder), 0);
    CHECK_EQ(change("/tmp/a/b", make_folder), 0);
    CHECK_EQ(touch("/tmp/f"), 0);
    CHECK_EQ(touch("/tmp/g"), 0);
    CHECK_EQ(rename_file("/tmp/a", "/tmp/a/b/c", 0), -EINVAL);
    CHECK_EQ(rename_file("/tmp/a/b", "/tmp/a", 0), -ENOTEMPTY);
    CHECK_EQ(rename_file("/tmp/f", "/tmp/a", 0), -EISDIR);
    CHECK_EQ(rename_file("/tmp/a", "/tmp/f", 0), -ENOTDIR);
    CHECK_EQ(rename_file("/tmp/f", "/tmp/x/", 0), -ENOTDIR);
    CHECK_EQ(rename_file("/tmp/f", "/f", 0), -EXDEV);
    CHECK_EQ(rename_file("/tmp/f", "/tmp/g", RENAME_NOREPLACE), -EEXIST);
    CHECK_EQ(rename_file("/tmp/f", "/tmp/.", 0), -EBUSY);
    CHECK_EQ(rename_file("/tmp/none", "/tmp/f", 0), -ENOENT);
    CHECK_EQ(rename_file("/tmp/f", "/tmp/f", 0), 0);
    CHECK_EQ(rename_file("/tmp/f", "/tmp/a/b/g", 0), 0);
    CHECK_EQ(find("/tmp/f", 0), -ENOENT);
    CHECK_EQ(rename_file("/tmp/a/b/g", "/tmp/g", 0), 0);
    CHECK_EQ(rename_file("/tmp/a/b", "/tmp/b", 0), 0);
    CHECK_EQ(rename_file("/tmp/b", "/tmp/a", 0), 0);
    CHECK_EQ(find("/tmp/a/..", 0), 0);
    CHECK_EQ(change("/tmp/a", tree_rmdir), 0);
    CHECK_EQ(change("/tmp/g", tree_unlink), 0);
    CHECK(tmp_is_empty());
}

/* Each child once, although children go while the folder is listed. */
KTEST(files, folders_are_listed)
{
    struct node *tmp = node_child(tree_root, "tmp");
    static struct tree_entry entry;
    char path[] = "/tmp/aa";
    unsigned seen = 0;
    uint32_t index = 0;

    for (unsigned i = 0; i < MANY_FILES; i++) {
        path[5] = (char)('a' + i / 26);
        path[6] = (char)('a' + i % 26);
        CHECK_EQ(touch(path), 0);
    }
    while (node_list(tmp, &index, &entry)) {
        CHECK(S_ISREG(entry.mode));
        memcpy(path + 5, entry.name, 3);
        CHECK_EQ(change(path, tree_unlink), 0);
        seen++;
    }
    CHECK_EQ(seen, MANY_FILES);
    CHECK(tmp_is_empty());
}

/* ---- modules ---- */

KTEST(files, modules_have_paths)
{
    static const struct {
        const char *string;
        bool own_loader, any_case;
        const char *path;
    } cases[] = {
        {"HELLO.ELF", true, true, "/hello.elf"},
        {"HELLO.ELF /bin/Hello one two", true, false, "/bin/Hello"},
        {"HELLO.ELF one /two", true, true, "/hello.elf"},
        {"/boot/dir/Hello x", false, true, "/hello"},
        {"/boot/hello /x", false, true, "/hello"},
        {"/some/where/module3 path=/bin/Prog arg", false, false, "/bin/Prog"},
        {"path=/p", false, false, "/p"},
        {"", false, false, "/module7"},
        {"/boot/", false, false, "/module7"},
    };
    char path[64];

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        CHECK_EQ(module_path(cases[i].string, 7, cases[i].own_loader, path, sizeof(path)),
                 cases[i].any_case);
        CHECK(strcmp(path, cases[i].path) == 0);
    }
}

/* ---- bytes ---- */

static const char greeting[] = "the quick brown fox";

static long
write_at(struct file *file, const void *from, size_t size, uint64_t position)
{
    struct buffer buffer = {(char *)(uintptr_t)from, size, true, false};

    return file->ops->write(file, &buffer, &position);
}

static bool
reads(struct file *file, uint64_t position, const void *wanted, size_t size)
{
    uint8_t *bytes = ktest_scratch;

    return file_read(file, bytes, size, position) == (long)size && memcmp(bytes, wanted, size) == 0;
}

static bool
reads_zeros(struct file *file, uint64_t position, size_t size)
{
    if (file_read(file, ktest_scratch, size, position) != (long)size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (ktest_scratch[i] != 0)
            return false;
    }
    return true;
}

KTEST(files, what_is_written_is_read)
{
    const size_t size = sizeof(greeting);
    struct file *file;

    CHECK_EQ(file_open("/tmp/f", O_CREAT | O_RDWR, 0600, &file), 0);
    CHECK_EQ(file_read(file, ktest_scratch, 100, 0), 0);
    CHECK_EQ(write_at(file, greeting, size, PAGE_SIZE - 5), size);
    CHECK_EQ(file_size(file), PAGE_SIZE - 5 + size);
    CHECK(reads(file, PAGE_SIZE - 5, greeting, size));
    CHECK(reads_zeros(file, 0, PAGE_SIZE - 5));
    CHECK_EQ(file_read(file, ktest_scratch, 100, file_size(file) - 3), 3);
    CHECK_EQ(file_read(file, ktest_scratch, 100, file_size(file)), 0);
    file->flags |= O_APPEND;
    CHECK_EQ(write_at(file, greeting, size, 0), size);
    CHECK_EQ(file_size(file), PAGE_SIZE - 5 + 2 * size);
    CHECK(reads(file, PAGE_SIZE - 5 + size, greeting, size));
    CHECK_EQ(change("/tmp/f", tree_unlink), 0);
    CHECK(reads(file, PAGE_SIZE - 5, greeting, size));
    file_put(file);
    CHECK(tmp_is_empty());
}

KTEST(files, holes_cost_nothing)
{
    const uint64_t far = (uint64_t)1 << 40;
    unsigned long before = object_cached_pages();
    struct file *file;

    CHECK_EQ(file_open("/tmp/sparse", O_CREAT | O_RDWR | O_LARGEFILE, 0600, &file), 0);
    CHECK_EQ(write_at(file, greeting, sizeof(greeting), far), sizeof(greeting));
    CHECK(reads_zeros(file, far - KTEST_SCRATCH_BYTES, KTEST_SCRATCH_BYTES));
    CHECK(reads(file, far, greeting, sizeof(greeting)));
    CHECK_EQ(object_cached_pages(), before + 1);
    CHECK_EQ(node_set_size(file->node, far + 4), 0);
    CHECK_EQ(node_set_size(file->node, far + 8), 0);
    CHECK_EQ(file_read(file, ktest_scratch, 100, far), 8);
    CHECK(memcmp(ktest_scratch, "the \0\0\0", 8) == 0);
    CHECK_EQ(node_set_size(file->node, 1), 0);
    CHECK_EQ(object_cached_pages(), before);
    CHECK_EQ(node_set_size(file->node, (uint64_t)1 << 60), -EFBIG);
    CHECK_EQ(write_at(file, greeting, 1, (uint64_t)1 << 60), -EFBIG);
    CHECK_EQ(file_size(file), 1);
    file_put(file);
    CHECK_EQ(open_error("/tmp/sparse", O_WRONLY | O_TRUNC), 0);
    CHECK_EQ(change("/tmp/sparse", tree_unlink), 0);
}

/* A file may have half of the memory; then it is full, keeps what it has, and can be removed. */
KTEST(files, space_ends)
{
    unsigned long before = pmm_free_frames();
    uint64_t position = 0;
    struct file *file;
    long done;

    if (file_space_free() > 8192)
        SKIP("too much memory to fill");
    CHECK_EQ(file_open("/tmp/large", O_CREAT | O_RDWR, 0600, &file), 0);
    memset(ktest_scratch, 0x5A, PAGE_SIZE);
    while ((done = write_at(file, ktest_scratch, PAGE_SIZE, position)) == (long)PAGE_SIZE)
        position += PAGE_SIZE;
    CHECK_EQ(done, -ENOSPC);
    CHECK_EQ(file_space_free(), 0);
    CHECK_EQ(file_size(file), position);
    CHECK_EQ(write_at(file, greeting, 4, 0), 4);
    CHECK_EQ(change("/tmp/large", tree_unlink), 0);
    file_put(file);
    CHECK(pmm_free_frames() + 64 > before);
}

/* What is written through a mapping counts as well: a touch then finds no page, and is a bus error.
 */
KTEST(files, space_ends_for_mappings)
{
    uint32_t index = 0;
    struct file *file;
    pfn_t page;
    int error;

    if (file_space_free() > 8192)
        SKIP("too much memory to fill");
    CHECK_EQ(file_open("/tmp/mapped", O_CREAT | O_RDWR | O_LARGEFILE, 0600, &file), 0);
    CHECK_EQ(node_set_size(file->node, (uint64_t)1 << 32), 0);
    while ((error = object_page(file->node->object, index, &page)) == 0) {
        page_put(page);
        index++;
    }
    CHECK_EQ(error, -ENOSPC);
    CHECK_EQ(file_space_free(), 0);
    CHECK_EQ(index + 0ul, file_space_pages());
    CHECK_EQ(change("/tmp/mapped", tree_unlink), 0);
    file_put(file);
    CHECK_EQ(file_space_free(), file_space_pages());
}

/* Names and open files are limited too: a program cannot have all the kernel's memory by them. */
KTEST(files, numbers_end)
{
    static struct file *opened[4096];
    unsigned long limit = file_limit(), count = 0;
    int error = 0;

    if (limit > ARRAY_LENGTH(opened))
        SKIP("too much memory to fill");
    while (count < limit && error == 0)
        error = file_open("/dev/null", O_RDONLY, 0, &opened[count++]);
    if (error != 0)
        count--;
    else
        error = open_error("/dev/null", O_RDONLY);
    while (count-- > 0)
        file_put(opened[count]);
    CHECK_EQ(error, -ENFILE);
    CHECK_EQ(open_error("/dev/null", O_RDONLY), 0);
}

KTEST(files, names_end)
{
    unsigned long count = 0, left = file_space_pages() - node_count_changeable();
    char path[] = "/tmp/aaaa";
    int error;

    if (left > 26 * 26 * 26)
        SKIP("too much memory to fill");
    do {
        for (unsigned long i = 0, number = count; i < 4; i++, number /= 26)
            path[5 + i] = (char)('a' + number % 26);
        error = change(path, make_folder);
    } while (error == 0 && ++count <= left);
    while (!node_is_empty(node_child(tree_root, "tmp")))
        node_detach(node_child(tree_root, "tmp")->last);
    CHECK_EQ(error, -ENOSPC);
    CHECK_EQ(count, left);
}

/* An error leaves no file behind: a thousand would take some frames. */
KTEST(files, errors_cost_nothing)
{
    unsigned long before = pmm_free_frames();

    for (unsigned i = 0; i < 2000; i++)
        CHECK_EQ(open_error("/tmp/none", O_RDONLY), -ENOENT);
    CHECK(pmm_free_frames() + 8 > before);
}

KTEST(files, opening_follows_the_rules)
{
    CHECK_EQ(open_error("/tmp", O_RDONLY), 0);
    CHECK_EQ(open_error("/tmp", O_RDWR), -EISDIR);
    CHECK_EQ(open_error("/tmp", O_RDONLY | O_CREAT), -EISDIR);
    CHECK_EQ(open_error("/tmp/x", O_RDONLY), -ENOENT);
    CHECK_EQ(open_error("/x", O_RDWR | O_CREAT), -EROFS);
    CHECK_EQ(open_error("/dev/null", O_RDWR | O_TRUNC | O_CREAT), 0);
    CHECK_EQ(open_error("/dev/null", O_RDWR | O_DIRECTORY), -ENOTDIR);
    CHECK_EQ(open_error("/ktests.elf", O_RDONLY), 0);
    CHECK_EQ(open_error("/ktests.elf", O_RDWR), -EROFS);
    CHECK_EQ(open_error("/ktests.elf", O_RDONLY | O_TRUNC), -EROFS);
}

/* The tests are a module themselves: their file begins as ELF files do, and a page of it is read
 * the same again after the cache was emptied. */
KTEST(files, modules_are_read)
{
    struct file *file;
    struct object *object;
    pfn_t page;

    CHECK_EQ(file_open("/ktests.elf", O_RDONLY, 0, &file), 0);
    object = file_object(file);
    CHECK(object != NULL && object->size == file_size(file));
    CHECK(reads(file, 0, "\177ELF", 4));
    CHECK(strcmp(file_object_name(object), "/ktests.elf") == 0);
    CHECK_EQ(object_page(object, 0, &page), 0);
    page_put(page);
    CHECK_EQ(object_page(object, (uint32_t)(file_size(file) >> PAGE_SHIFT) + 1, &page), -ENXIO);
    file_put(file);
}

/* Up to 12 bytes. */
static bool
log_ends_with(const char *text)
{
    size_t length = strlen(text), at = 0;
    char end[12] = "", byte;

    for (; log_read(&at, &byte, 1) == 1; at++) {
        memmove(end, end + 1, sizeof(end) - 1);
        end[sizeof(end) - 1] = byte;
    }
    return memcmp(end + sizeof(end) - length, text, length) == 0;
}

KTEST(files, devices_do_what_they_are_for)
{
    struct file *file;
    char text[16];

    CHECK_EQ(file_open("/dev/zero", O_RDWR, 0, &file), 0);
    CHECK(reads_zeros(file, 0, KTEST_SCRATCH_BYTES));
    CHECK_EQ(write_at(file, greeting, 5, 0), 5);
    file_put(file);
    CHECK_EQ(file_open("/dev/null", O_RDWR, 0, &file), 0);
    CHECK_EQ(file_read(file, text, sizeof(text), 0), 0);
    file_put(file);
    CHECK_EQ(file_open("/dev/full", O_RDWR, 0, &file), 0);
    CHECK_EQ(write_at(file, greeting, 5, 0), -ENOSPC);
    file_put(file);
    CHECK_EQ(file_open("/dev/kmsg", O_RDWR, 0, &file), 0);
    CHECK_EQ(write_at(file, "# said by a test", 16, 0), 16);
    CHECK(log_ends_with("by a test\n"));
    CHECK_EQ(write_at(file, "# and by it\n", 12, 0), 12);
    CHECK(log_ends_with("and by it\n"));
    CHECK(file_read(file, text, sizeof(text), 0) == sizeof(text));
    file_put(file);
}

/* ---- descriptors ---- */

#define DESCRIPTORS 100

static struct files *kept_files;

static void
own_files(void)
{
    kept_files = task_current()->process->files;
    task_current()->process->files = files_create();
}

static void
old_files(void)
{
    files_put(task_current()->process->files);
    task_current()->process->files = kept_files;
}

/* The open file of a descriptor, without a reference; NULL: none. */
static const struct file *
file_of(unsigned descriptor)
{
    const struct files *files = task_current()->process->files;

    return descriptor < files->size ? files->file[descriptor] : NULL;
}

/* Opens /dev/null until there are `count` descriptors. The last one, or -errno. */
static int
open_many(int count)
{
    int descriptor = -1;

    while (descriptor < count - 1) {
        struct file *file;
        int error = file_open("/dev/null", O_RDONLY, 0, &file);

        if (error != 0)
            return error;
        descriptor = file_install(file, 0, false);
        if (descriptor < 0) {
            file_put(file);
            return descriptor;
        }
    }
    return descriptor;
}

KTEST(files, the_lowest_descriptor_is_given)
{
    int last, again;
    uint32_t size, refs;

    own_files();
    last = open_many(DESCRIPTORS);
    (void)(file_close(70) | file_close(3) | file_close(17));
    again = open_many(4);
    size = task_current()->process->files->size;
    refs = file_of(70) == NULL && file_of(17) == NULL && file_of(3) != NULL ? file_of(4)->refs : 0;
    old_files();
    CHECK_EQ(last, DESCRIPTORS - 1);
    CHECK_EQ(again, 3);
    CHECK(size >= DESCRIPTORS);
    CHECK_EQ(refs, 1);
}

KTEST(files, tables_are_copied_at_fork)
{
    struct files *copy;
    uint32_t refs_shared, refs_after, left;

    own_files();
    CHECK_EQ(open_many(8), 7);
    CHECK_EQ(file_set_close_on_exec(5, true), 0);
    CHECK_EQ(file_closes_on_exec(5), 1);
    CHECK_EQ(open_many(DESCRIPTORS), DESCRIPTORS - 1);
    for (int i = 20; i < DESCRIPTORS; i++)
        (void)file_close(i);
    copy = files_fork();
    refs_shared = file_of(7)->refs;
    files_close_on_exec(copy);
    left = (copy->file[5] == NULL) + (copy->file[6] != NULL) + copy->size;
    files_put(copy);
    refs_after = file_of(7)->refs;
    old_files();
    CHECK_EQ(refs_shared, 2);
    CHECK_EQ(left, 2 + 32);
    CHECK_EQ(refs_after, 1);
}

/* Each thread of a process holds its table, and holds the new one afterwards. */
KTEST(files, a_shared_table_becomes_two)
{
    struct process *process = task_current()->process;
    unsigned threads = process->thread_count;
    struct files *shared, *own;
    uint32_t refs, refs_own, refs_shared;
    int error;

    own_files();
    shared = process->files;
    CHECK_EQ(open_many(3), 2);
    process->thread_count = 3;
    for (unsigned i = 0; i < 3; i++)
        files_get(shared);
    error = files_own();
    own = process->files;
    refs = file_of(2)->refs;
    refs_own = own->refs;
    refs_shared = shared->refs;
    process->thread_count = threads;
    process->files = shared;
    for (unsigned i = 0; i < 3; i++)
        files_put(own);
    old_files();
    CHECK_EQ(error, 0);
    CHECK(own != shared);
    CHECK_EQ(refs, 2);
    CHECK_EQ(refs_own, 3);
    CHECK_EQ(refs_shared, 1);
}

/* ---- without memory ---- */

/* Each does something with the tree and takes it back. 0 or -errno. */

static int
attempt_open(void)
{
    int error = open_error("/tmp/made", O_CREAT | O_EXCL | O_RDWR);

    return error != 0 ? error : change("/tmp/made", tree_unlink);
}

static int
attempt_mkdir(void)
{
    int error = change("/tmp/made", make_folder);

    return error != 0 ? error : change("/tmp/made", tree_rmdir);
}

static int
attempt_symlink(void)
{
    int error = change("/tmp/made", make_link_to_tmp);

    return error != 0 ? error : change("/tmp/made", tree_unlink);
}

static int
attempt_follow(void)
{
    return find("/tmp/old/../tmp/old", 0);
}

static int
attempt_rename(void)
{
    int error = rename_file("/tmp/old", "/tmp/made", 0);

    if (error == 0 && rename_file("/tmp/made", "/tmp/old", 0) == -ENOMEM)
        error = rename_file("/tmp/made", "/tmp/old", 0); /* only one allocation fails */
    return error;
}

static int
attempt_write(void)
{
    struct file *file;
    long done;
    int error = file_open("/tmp/data", O_RDWR | O_LARGEFILE, 0, &file);

    if (error != 0)
        return error;
    done = write_at(file, greeting, sizeof(greeting), (uint64_t)1 << 33);
    if (done < 0)
        error = file_size(file) == 0 ? (int)done : -EIO;
    else
        error = node_set_size(file->node, 0);
    file_put(file);
    return error;
}

static int
attempt_descriptors(void)
{
    int last;

    own_files();
    if (task_current()->process->files == NULL) {
        task_current()->process->files = kept_files;
        return -ENOMEM;
    }
    last = open_many(FILES_FEW + 1);
    old_files();
    return last < 0 ? last : 0;
}

/* Does /tmp hold these names, each with a blank behind it? */
static bool
tmp_holds(const char *names)
{
    struct node *child = node_child(tree_root, "tmp")->first;

    for (; child != NULL; child = child->next) {
        size_t length = strlen(child->name);

        if (strncmp(names, child->name, length) != 0)
            return false;
        names += length + 1;
    }
    return *names == '\0';
}

/* Fails the first allocation, the second, ... until there are no more. True when each answer was
 * success or -ENOMEM, the latter at least once, and nothing was left behind. */
static bool
sweep(int (*attempt)(void), const char *names)
{
    unsigned failures = 0;

    for (unsigned n = 1;; n++) {
        int error;

        mm_fail_nth(n);
        error = attempt();
        if (mm_fail_nth(0) < n)
            return error == 0 && failures > 0;
        if ((error != 0 && error != -ENOMEM) || !tmp_holds(names) || !mm_check())
            return false;
        failures += error != 0;
    }
}

KTEST(files, shortage_changes_nothing)
{
    CHECK(sweep(attempt_open, ""));
    CHECK(sweep(attempt_mkdir, ""));
    CHECK(sweep(attempt_symlink, ""));
    CHECK_EQ(change("/tmp/old", make_link_to_tmp), 0);
    CHECK_EQ(touch("/tmp/data"), 0);
    CHECK(sweep(attempt_follow, "old data "));
    CHECK(sweep(attempt_write, "old data "));
    CHECK_EQ(change("/tmp/data", tree_unlink), 0);
    CHECK(sweep(attempt_rename, "old "));
    CHECK(sweep(attempt_descriptors, "old "));
    CHECK_EQ(change("/tmp/old", tree_unlink), 0);
    CHECK(tmp_is_empty());
}
