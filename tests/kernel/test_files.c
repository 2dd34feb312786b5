/* test_files.c - the tree, the files in it and the tables of descriptors, from inside the kernel. */
#include <string.h>
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

static bool
tmp_is_empty(void)
{
    return node_is_empty(node_child(tree_root, "tmp"));
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
