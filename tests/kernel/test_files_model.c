/* test_files_model.c - random changes of the tree and of a file's bytes, against models that are
 * too simple to be wrong.
 *
 * The tree's model is a table of all paths there can be: three names, three deep. A change looks
 * its paths up in the table and says by the rules of Linux what the answer must be; then the table
 * and the tree are compared path by path. The model of bytes is an array.
 */
#include <string.h>
#include "file.h"
#include "ktest.h"
#include "mm.h"

#define CHANGES 3000
#define WRITES  2000
#define NAMES   3u
#define DEEP    3u
#define PATHS   (NAMES + NAMES * NAMES + NAMES * NAMES * NAMES)

enum kind { NOTHING, FILE_KIND, FOLDER_KIND };

static uint8_t model[PATHS];
static uint32_t random_state;

static uint32_t
below(uint32_t limit)
{
    return ktest_random(&random_state) % limit;
}

/* ---- paths are numbers: 0..2 "a".."c", 3..11 "aa".. and so on, by levels ---- */

static bool
is_top(unsigned path)
{
    return path < NAMES;
}

static unsigned
parent_of(unsigned path)
{
    return path / NAMES - 1;
}

static unsigned
child_of(unsigned path, unsigned which)
{
    return (path + 1) * NAMES + which;
}

static void
write_path(char *text, unsigned path)
{
    unsigned names[DEEP], depth = 0;

    for (; !is_top(path); path = parent_of(path))
        names[depth++] = path % NAMES;
    names[depth++] = path;
    memcpy(text, "/tmp", 5);
    for (text += 4; depth > 0; *text = '\0') {
        *text++ = '/';
        *text++ = (char)('a' + names[--depth]);
    }
}

static bool
has_children(unsigned path)
{
    for (unsigned i = 0; i < NAMES && child_of(path, i) < PATHS; i++) {
        if (model[child_of(path, i)] != NOTHING)
            return true;
    }
    return false;
}

/* What stands in the way to a path: 0, -ENOENT or -ENOTDIR. The path itself does not count. */
static int
way_to(unsigned path)
{
    int error;

    if (is_top(path))
        return 0;
    error = way_to(parent_of(path));
    if (error != 0 || model[parent_of(path)] == FOLDER_KIND)
        return error;
    return model[parent_of(path)] == NOTHING ? -ENOENT : -ENOTDIR;
}

static bool
is_at_or_below(unsigned path, unsigned folder)
{
    while (path != folder && !is_top(path))
        path = parent_of(path);
    return path == folder;
}

/* ---- what the model says ---- */

static int
expect_make(unsigned path, enum kind kind)
{
    int error = way_to(path);

    if (error != 0)
        return error;
    if (model[path] != NOTHING)
        return -EEXIST;
    model[path] = (uint8_t)kind;
    return 0;
}

static int
expect_remove(unsigned path, enum kind kind)
{
    int error = way_to(path);

    if (error == 0 && model[path] == NOTHING)
        error = -ENOENT;
    if (error == 0 && model[path] != kind)
        error = kind == FILE_KIND ? -EISDIR : -ENOTDIR;
    if (error == 0 && kind == FOLDER_KIND && has_children(path))
        error = -ENOTEMPTY;
    if (error == 0)
        model[path] = NOTHING;
    return error;
}

/* Moves a path with all below it. What would lie deeper than the table reaches is not there: the
 * caller sees to that. */
static void
move_model(unsigned from, unsigned to)
{
    model[to] = model[from];
    model[from] = NOTHING;
    for (unsigned i = 0; i < NAMES && child_of(from, i) < PATHS; i++) {
        if (child_of(to, i) < PATHS)
            move_model(child_of(from, i), child_of(to, i));
    }
}

static int
expect_rename(unsigned from, unsigned to)
{
    int error = way_to(from);

    if (error == 0)
        error = way_to(to);
    if (error == 0 && model[from] == NOTHING)
        error = -ENOENT;
    if (error == 0 && from != to && is_at_or_below(to, from))
        error = -EINVAL;
    if (error == 0 && from != to && is_at_or_below(from, to))
        error = -ENOTEMPTY;
    if (error != 0 || from == to)
        return error;
    if (model[from] == FOLDER_KIND && model[to] == FILE_KIND)
        return -ENOTDIR;
    if (model[from] == FILE_KIND && model[to] == FOLDER_KIND)
        return -EISDIR;
    if (model[to] == FOLDER_KIND && has_children(to))
        return -ENOTEMPTY;
    move_model(from, to);
    return 0;
}

/* ---- what the tree does ---- */

static int
do_make(const char *path, enum kind kind)
{
    static struct place place;
    struct file *file;
    int error;

    if (kind == FILE_KIND) {
        error = file_open(path, O_CREAT | O_EXCL | O_RDWR, 0600, &file);
        if (error == 0)
            file_put(file);
        return error;
    }
    error = path_place(tree_root, path, PATH_NAME, &place);
    if (error == 0) {
        error = tree_mkdir(&place, 0700);
        place_put(&place);
    }
    return error;
}

static int
do_remove(const char *path, enum kind kind)
{
    static struct place place;
    int error = path_place(tree_root, path, PATH_NAME, &place);

    if (error == 0) {
        error = kind == FILE_KIND ? tree_unlink(&place) : tree_rmdir(&place);
        place_put(&place);
    }
    return error;
}

static int
do_rename(const char *from, const char *to)
{
    static struct place source, target;
    int error = path_place(tree_root, from, PATH_NAME, &source);

    if (error != 0)
        return error;
    error = path_place(tree_root, to, PATH_NAME, &target);
    if (error == 0) {
        error = tree_rename(&source, &target, 0);
        place_put(&target);
    }
    place_put(&source);
    return error;
}

/* ---- the comparison ---- */

static bool
path_agrees(unsigned path)
{
    char text[16];
    struct node *node;
    enum kind kind = NOTHING;

    write_path(text, path);
    if (path_find(tree_root, text, 0, &node) == 0) {
        kind = node_is_folder(node) ? FOLDER_KIND : FILE_KIND;
        node_put(node);
    }
    return kind == (way_to(path) == 0 ? model[path] : NOTHING);
}

static bool
all_agree(void)
{
    for (unsigned path = 0; path < PATHS; path++) {
        if (!path_agrees(path))
            return false;
    }
    return tree_check();
}

/* False when something below `from` would then lie deeper than the table reaches. */
static bool
fits(unsigned from, unsigned to)
{
    for (unsigned i = 0; i < NAMES && child_of(from, i) < PATHS; i++) {
        if (model[child_of(from, i)] == NOTHING)
            continue;
        if (child_of(to, i) >= PATHS || !fits(child_of(from, i), child_of(to, i)))
            return false;
    }
    return true;
}

/* One random change; true when tree and model gave the same answer. */
static bool
change_both(void)
{
    char text[16], target_text[16];
    unsigned path = below(PATHS), target = below(PATHS);
    enum kind kind = below(2) ? FILE_KIND : FOLDER_KIND;

    write_path(text, path);
    write_path(target_text, target);
    switch (below(4)) {
    case 0:
        return do_remove(text, kind) == expect_remove(path, kind);
    case 1:
        return !fits(path, target) || do_rename(text, target_text) == expect_rename(path, target);
    default:
        return do_make(text, kind) == expect_make(path, kind);
    }
}

static void
remove_all(void)
{
    char text[16];

    for (unsigned path = PATHS; path-- > 0;) {
        write_path(text, path);
        if (model[path] != NOTHING)
            (void)!do_remove(text, model[path]);
        model[path] = NOTHING;
    }
}

KTEST(files_model, the_tree_is_as_the_model_says)
{
    random_state = ktest_seed();
    memset(model, NOTHING, sizeof(model));
    for (unsigned i = 0; i < CHANGES; i++) {
        CHECK(change_both());
        CHECK(all_agree());
    }
    remove_all();
    CHECK(node_is_empty(node_child(tree_root, "tmp")));
    CHECK(mm_check());
}

/* ---- bytes ---- */

#define FILE_MAX (KTEST_SCRATCH_BYTES / 2)

static uint8_t *const wanted = ktest_scratch, *const got = ktest_scratch + FILE_MAX;
static uint32_t wanted_size;

static bool
write_both(struct file *file)
{
    uint32_t at = below(FILE_MAX), size = below(FILE_MAX - at + 1);
    uint64_t position = at;
    struct buffer buffer = {(char *)wanted + at, size, true, false};

    for (uint32_t i = 0; i < size; i++)
        wanted[at + i] = (uint8_t)ktest_random(&random_state);
    if (size > 0 && at + size > wanted_size)
        wanted_size = at + size;
    return file->ops->write(file, &buffer, &position) == (long)size && position == at + size;
}

static bool
cut_both(struct file *file)
{
    wanted_size = below(FILE_MAX + 1);
    memset(wanted + wanted_size, 0, FILE_MAX - wanted_size);
    return node_set_size(file->node, wanted_size) == 0;
}

static bool
bytes_agree(struct file *file)
{
    uint32_t at = below(FILE_MAX), size = below(FILE_MAX - at + 1);
    uint32_t there = at < wanted_size ? wanted_size - at : 0;

    if (there > size)
        there = size;
    return file_size(file) == wanted_size && file_read(file, got, size, at) == (long)there &&
           memcmp(got, wanted + at, there) == 0;
}

KTEST(files_model, bytes_are_as_the_model_says)
{
    struct file *file;

    random_state = ktest_seed();
    memset(wanted, 0, FILE_MAX);
    wanted_size = 0;
    CHECK_EQ(file_open("/tmp/bytes", O_CREAT | O_RDWR, 0600, &file), 0);
    for (unsigned i = 0; i < WRITES; i++) {
        CHECK(below(3) ? write_both(file) : cut_both(file));
        CHECK(bytes_agree(file));
    }
    file_put(file);
    CHECK_EQ(do_remove("/tmp/bytes", FILE_KIND), 0);
}
