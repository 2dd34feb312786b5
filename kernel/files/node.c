/* node.c - nodes of the tree: their life, and the way back to the root.
 *
 * A node lives as long as somebody holds it: the list of its folder (children.c), its children, an
 * open file. A child holds its parent, listed or not: so a way up to the root exists from anywhere.
 * A node that is taken out of its folder keeps parent and name, for who still has it open, and for
 * "(deleted)" in lists of what a program maps.
 *
 * A regular file's node and object are one piece of memory. The node holds the object; mappings may
 * hold it longer. So the last reference to the node lets the object go, and the object's release
 * frees both.
 *
 * A generated node is made anew by each look-up, and always has the same number (st_ino): it
 * follows from its folder's and its name. Numbers of stored ones are counted and lie below.
 *
 * Lock: references are counted by single instructions; tree_lock guards names and the way up; a
 * file's bytes have a lock of their own (regular.c). Mode, owner and times are words that change
 * one by one.
 *
 * Cost: 112 bytes a node and the name's; a file's object, 48, besides.
 */
#include <string.h>
#include "clock.h"
#include "kmalloc.h"
#include "node_private.h"

#define GENERATED_NUMBERS 0x80000000u

/* A link counts as one node more for each so many bytes of its target. */
#define TARGET_UNIT 256

const struct mount root_mount = {"rootfs", RAMFS_MAGIC, 1, false};
const struct mount device_mount = {"devtmpfs", TMPFS_MAGIC, 2, false};
const struct mount proc_mount = {"proc", PROC_SUPER_MAGIC, 3, false};
const struct mount tmp_mount = {"tmpfs", TMPFS_MAGIC, 4, true};
const struct mount shared_mount = {"tmpfs", TMPFS_MAGIC, 5, true};
const struct mount pipe_mount = {"pipefs", PIPEFS_MAGIC, 6, false};

struct node *tree_root;

static uint32_t last_number;
static unsigned long changeable; /* nodes of writable mounts, and what their links count for */

/* ---- numbers and names ---- */

/* The number of a generated node: FNV-1a over its name, beginning with its folder. */
uint32_t
node_generated_number(const struct node *folder, const char *name)
{
    uint32_t hash = folder->number * 0x9E3779B1u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 0x01000193u;
    return hash | GENERATED_NUMBERS;
}

static uint32_t
next_number(void)
{
    return __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED) & ~GENERATED_NUMBERS;
}

char *
node_text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = kmalloc(size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* ---- life ---- */

/* The clock moves by ticks: within one, the answer is the same. */
struct node_time
node_now(void)
{
    static struct spinlock node_now_lock = SPINLOCK_INIT;
    static struct node_time time;
    static uint32_t asked;
    unsigned long state = spin_lock(&node_now_lock);
    uint32_t ticks = timer_ticks() + 1;
    struct timespec64 now;
    struct node_time answer;

    if (ticks != asked && clock_read(CLOCK_REALTIME_COARSE, &now) == 0) {
        asked = ticks;
        time = (struct node_time){(uint32_t)now.sec, (uint32_t)now.nsec};
    }
    answer = time;
    spin_unlock(&node_now_lock, state);
    return answer;
}

void
node_touch(struct node *node)
{
    node->modified = node->changed = node_now();
}

static void
node_init(struct node *node, const struct mount *mount, uint32_t mode, const struct file_ops *ops)
{
    node->refs = 1;
    node->mode = mode;
    node->mount = mount;
    node->ops = ops;
    (void)__atomic_fetch_add(&changeable, mount->writable, __ATOMIC_RELAXED);
    node->accessed = node->modified = node->changed = node_now();
}

struct node *
node_create(const struct mount *mount, uint32_t mode, const struct file_ops *ops)
{
    struct node *node = kzalloc(sizeof(*node));

    if (node != NULL) {
        node_init(node, mount, mode, ops);
        node->number = next_number();
    }
    return node;
}

int
node_set_name(struct node *node, const char *name)
{
    char *copy = node_text_copy(name);

    ASSERT(!node->linked);
    if (copy == NULL)
        return -ENOMEM;
    kfree(node->name);
    node->name = copy;
    return 0;
}

static unsigned long
weight_of_target(const struct node *link)
{
    return link->mount->writable ? strlen(link->target) / TARGET_UNIT : 0;
}

struct node *
node_create_link(const struct mount *mount, const char *target)
{
    struct node *link = node_create(mount, S_IFLNK | 0777, &folder_ops);

    if (link == NULL)
        return NULL;
    link->target = node_text_copy(target);
    if (link->target == NULL) {
        node_put(link);
        return NULL;
    }
    (void)__atomic_fetch_add(&changeable, weight_of_target(link), __ATOMIC_RELAXED);
    return link;
}

struct node *
node_create_dynamic(struct node *parent, const char *name, uint32_t mode,
                    const struct file_ops *ops, const struct tree_dynamic *dynamic, uintptr_t value)
{
    struct node *node = kzalloc(sizeof(*node));

    if (node == NULL)
        return NULL;
    node_init(node, parent->mount, mode, ops);
    node->number = node_generated_number(parent, name);
    if (node_set_name(node, name) != 0) {
        node_put(node);
        return NULL;
    }
    node->parent = parent;
    node_get(parent);
    node->dynamic = dynamic;
    node->value = value;
    return node;
}

static struct content *
content_of(const struct object *object)
{
    return (struct content *)((char *)object - offsetof(struct content, object));
}

unsigned long
node_count_changeable(void)
{
    return changeable;
}

/* What every node owns but its memory. */
static void
node_clear(struct node *node)
{
    ASSERT(!node->linked && node->refs == 0);
    (void)__atomic_fetch_sub(&changeable, node->mount->writable, __ATOMIC_RELAXED);
    if (node->dynamic != NULL && node->dynamic->release != NULL)
        node->dynamic->release(node);
    if (S_ISLNK(node->mode) && node->target != NULL) {
        (void)__atomic_fetch_sub(&changeable, weight_of_target(node), __ATOMIC_RELAXED);
        kfree(node->target);
    }
    kfree(node->name);
}

/* An object's release that belongs to a node; `mm/` calls it when the last mapping is gone too. */
void
node_release_object(struct object *object)
{
    struct content *content = content_of(object);
    struct node *parent = content->node.parent;

    node_clear(&content->node);
    kfree(content);
    if (parent != NULL)
        node_put(parent);
}

static bool
node_is_content(const struct node *node)
{
    return S_ISREG(node->mode) && node->object != NULL;
}

void
node_revive(struct node *node)
{
    if (__atomic_fetch_add(&node->refs, 1, __ATOMIC_RELAXED) == 0)
        object_get(node->object);
}

/* A folder may be the last holder of the one above it, and so on up. */
void
node_put(struct node *node)
{
    while (node != NULL && __atomic_sub_fetch(&node->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        struct node *parent = node->parent;

        if (node_is_content(node)) {
            object_put(node->object);
            return;
        }
        node_clear(node);
        kfree(node);
        node = parent;
    }
}

/* ---- regular files ---- */

static const struct object_ops kept_ops = {NULL, node_release_object};

struct node *
node_create_file(const struct mount *mount, uint32_t mode, uint64_t size,
                 const struct object_ops *ops, uintptr_t value)
{
    struct content *content = kzalloc(sizeof(*content));
    struct node *node;

    if (content == NULL)
        return NULL;
    node = &content->node;
    node_init(node, mount, S_IFREG | mode, &regular_ops);
    node->number = next_number();
    node->value = value;
    node->object = &content->object;
    rw_mutex_init(&content->lock);
    object_init(node->object, ops != NULL ? ops : &kept_ops, size);
    node->object->counted = ops == NULL;
    return node;
}

const struct node *
node_of_object(const struct object *object)
{
    if (object->ops->release != node_release_object)
        return NULL;
    return &content_of(object)->node;
}

/* ---- links ---- */

long
node_read_link(struct node *link, char *text, size_t size)
{
    size_t length;

    if (link->dynamic != NULL && link->dynamic->target != NULL)
        return link->dynamic->target(link, text, size);
    length = strlen(link->target);
    if (length > size)
        length = size;
    memcpy(text, link->target, length);
    return (long)length;
}

/* ---- the way back ---- */

/* Does its folder have it, or make it up? With tree_lock. */
static bool
is_in_folder(const struct node *node)
{
    return node->linked || (node->parent != NULL && node->parent->dynamic != NULL);
}

/* While it moves a node is in no list: who finds it there need not wait for that. */
bool
node_has_name(const struct node *node)
{
    bool named;

    if (LIKELY(node->linked))
        return true;
    rw_lock_shared(&tree_lock);
    named = is_in_folder(node);
    rw_unlock_shared(&tree_lock);
    return named;
}

static char *
write_path(const struct node *node, char *text, size_t size, bool *gone)
{
    char *at = text + size - 1;

    *at = '\0';
    *gone = false;
    if (node == tree_root)
        *--at = '/';
    for (; node != tree_root && node != NULL; node = node->parent) {
        size_t length = node->name != NULL ? strlen(node->name) : 0;

        if ((size_t)(at - text) < length + 1)
            return NULL;
        at -= length;
        memcpy(at, node->name, length);
        *--at = '/';
        *gone |= !is_in_folder(node);
    }
    return at;
}

char *
node_path(const struct node *node, char *text, size_t size, bool *gone)
{
    char *path;

    rw_lock_shared(&tree_lock);
    path = write_path(node, text, size, gone);
    rw_unlock_shared(&tree_lock);
    return path;
}

void
node_name(const struct node *node, char *text, size_t size)
{
    size_t length;

    rw_lock_shared(&tree_lock);
    length = node->name != NULL ? strnlen(node->name, size - 1) : 0;
    memcpy(text, node->name, length);
    text[length] = '\0';
    rw_unlock_shared(&tree_lock);
}

struct node *
node_get_parent(const struct node *node)
{
    struct node *parent;

    rw_lock_shared(&tree_lock);
    parent = node->parent;
    node_get(parent);
    rw_unlock_shared(&tree_lock);
    return parent;
}
