/* node.h - what paths lead to: folders, files, links, devices, and what is made up on demand.
 *
 *   tree_root ("/": boot modules)
 *   ├── bin ──► sh, ls           regular file: object (the bytes, page cache)
 *   ├── tmp                      the same, and programs may change it
 *   ├── dev ──► null, tty        device: file_ops
 *   └── proc ─► 1, self          generated: tree_dynamic looks up and lists
 *
 * A node has one name, in one folder, or none any more. It lives as long as somebody holds it: its
 * folder's list, an open file, a current directory, a child (which holds its `parent`). The bytes
 * of a regular file live on while something maps them.
 *
 * Lock: tree_lock, below, for names and the way up; references are counted by single instructions;
 * the bytes of a file have a lock of their own (regular.c). Not for interrupts.
 */
#ifndef OCTAVO_NODE_H
#define OCTAVO_NODE_H

#include "object.h"
#include "uapi/errno.h"
#include "uapi/fcntl.h"
#include "uapi/stat.h"

struct file;
struct file_ops;
struct node;

/* A part of the tree with the same rules. */
struct mount {
    const char *type; /* "tmpfs" */
    uint32_t magic;   /* statfs */
    uint16_t number;  /* st_dev */
    bool writable;    /* names may come and go, files may change */
};
extern const struct mount root_mount, device_mount, proc_mount, tmp_mount, shared_mount;
extern const struct mount pipe_mount; /* of pipes without a name; it is nowhere in the tree */

/* One line of a folder's listing. */
struct tree_entry {
    char name[NAME_MAX + 1];
    uint32_t number; /* of the node: st_ino; node_list sets it for generated ones */
    uint32_t mode;   /* S_IF */
};

/* Folders whose content is made up when asked for, and links whose target is. What a node does not
 * need may be NULL. */
struct tree_dynamic {
    /* The child `name`: a node from node_create with one reference, in *child. 0 or -errno. */
    int (*lookup)(struct node *folder, const char *name, struct node **child);
    /* The first child at or after *index (at first 0): fills *entry and moves *index behind it.
     * False when there is none. Children that node_attach put there are listed before these. */
    bool (*list)(struct node *folder, uint32_t *index, struct tree_entry *entry);
    /* A link's text, without a zero; its length (at most `size`) or -errno. */
    long (*target)(struct node *link, char *text, size_t size);
    /* The node that a link leads to, whatever its text says (/proc/self/fd/3); takes a reference.
     * NULL: the text decides. */
    int (*follow)(struct node *link, struct node **target);
    /* The last holder is gone: what `value` stands for may go. */
    void (*release)(struct node *node);
};

struct node_time {
    uint32_t sec, nsec;
};

struct node {
    uint32_t refs;
    uint32_t mode; /* S_IF | permissions */
    const struct mount *mount;
    const struct file_ops *ops;         /* what files opened from it do */
    const struct tree_dynamic *dynamic; /* NULL: all is stored here */
    uintptr_t value;                    /* for ops and dynamic: a pid, a pointer */

    struct node *parent; /* held; the root's is itself; NULL: outside the tree */
    char *name;          /* NULL: it never had one */
    uint32_t hash;       /* of the name, without regard to case */
    bool linked;         /* it is in its parent's list */
    bool any_case;       /* the name is found in any case: it is from a FAT volume */
    struct node *next, *previous; /* in the same folder, by place */
    struct node *next_same_hash;  /* of those whose name and folder are of one chain */
    uint32_t place;      /* counts up in a folder; listings go on from here */

    union {
        struct {
            struct node *first, *last;
            struct node *listed; /* where the last listing was; NULL: nowhere */
            uint32_t next_place;
            uint32_t folders; /* among the children */
        };                      /* folder */
        struct object *object;  /* regular file */
        char *target;           /* stored link */
        uint32_t device;        /* device: major << 8 | minor */
    };

    uint32_t number; /* st_ino */
    uint32_t uid, gid;
    struct node_time accessed, modified, changed;
};

extern struct node *tree_root;

/* Guards names: who is in which folder under what name, and the way up. Many look at the same time,
 * one changes. Node by node is looked up and held; no path is locked as a whole. */
extern struct rw_mutex tree_lock;

/* May mode, owner and times be set? */
static inline bool
node_can_change(const struct node *node)
{
    return node->mount->writable || node->mount == &pipe_mount;
}

/* What files of regular nodes do (kernel/files/regular.c), of folders (kernel/files/open.c), of
 * pipes. */
extern const struct file_ops regular_ops, folder_ops, pipe_ops;

/* A node outside the tree with one reference, no bytes, no children. `mode` has its type. NULL: no
 * memory. */
MUST_CHECK struct node *node_create(const struct mount *mount, uint32_t mode,
                                    const struct file_ops *ops);
/* A link that leads to `target`, which is copied. NULL: no memory. */
MUST_CHECK struct node *node_create_link(const struct mount *mount, const char *target);
/* A generated node: a child of `parent` with the name `name`, in no list: it goes with
 * its last holder. */
MUST_CHECK struct node *node_create_dynamic(struct node *parent, const char *name, uint32_t mode,
                                            const struct file_ops *ops,
                                            const struct tree_dynamic *dynamic, uintptr_t value);

/* Names a node that is in no folder. 0 or -ENOMEM. */
MUST_CHECK int node_set_name(struct node *node, const char *name);

static inline void
node_get(struct node *node)
{
    (void)__atomic_fetch_add(&node->refs, 1, __ATOMIC_RELAXED);
}
void node_put(struct node *node);
/* The same for a file of which perhaps only the object is held, by what maps it. */
void node_revive(struct node *node);

/* Puts `node`, which must have no name, into `folder` as `name`: the folder holds it from now on.
 * The name must not be there. 0 or -ENOMEM. This and the next three, and node_is_empty, with
 * tree_lock, or while the kernel starts. */
MUST_CHECK int node_attach(struct node *folder, struct node *node, const char *name);
/* Takes it out of its folder. */
void node_detach(struct node *node);
/* Moves a linked node into a folder as `name`, in the place of `replaced` unless that is NULL. 0 or
 * -ENOMEM. */
MUST_CHECK int node_move(struct node *node, struct node *folder, const char *name,
                         struct node *replaced);

/* The stored child `name` without another reference; NULL when there is none. */
struct node *node_child(struct node *folder, const char *name);
/* The folder of a node with a reference. */
struct node *node_get_parent(const struct node *node);
/* A child, generated ones too, with a reference in *child. 0 or -errno. */
MUST_CHECK int node_lookup(struct node *folder, const char *name, struct node **child);
/* The first child at or after *index; moves *index behind it. False when there is none. */
bool node_list(struct node *folder, uint32_t *index, struct tree_entry *entry);
bool node_is_empty(const struct node *folder);

/* Does a folder have it by its name? Not any more when that was removed; takes tree_lock. */
bool node_has_name(const struct node *node);

/* The text of a link; its length or -errno. */
long node_read_link(struct node *link, char *text, size_t size);

/* Writes the path of a node, with its zero, at the end of text[size]; where it begins, or NULL when
 * it is longer. *gone says that no path leads there any more. */
char *node_path(const struct node *node, char *text, size_t size, bool *gone);
/* Its own name, cut to `size` - 1 bytes, as it is now: another CPU may be changing it. */
void node_name(const struct node *node, char *text, size_t size);

/* Proves the tree's invariants (kernel/files/node.c); false when one does not hold. */
bool tree_check(void);

/* The time now, as nodes keep it. */
struct node_time node_now(void);
/* The bytes or the list of children changed. */
void node_touch(struct node *node);

static inline bool
node_is_folder(const struct node *node)
{
    return S_ISDIR(node->mode);
}

/* ---- regular files ---- */

/* A regular file of `size` bytes, outside the tree, with one reference; its bytes come from `fill`
 * of `ops`, whose release must be node_release_object; NULL: from nowhere, they are kept. `value`
 * is for fill. NULL: no memory. */
MUST_CHECK struct node *node_create_file(const struct mount *mount, uint32_t mode, uint64_t size,
                                         const struct object_ops *ops, uintptr_t value);
void node_release_object(struct object *object);
/* The node whose bytes an object holds; NULL when it is no file's. */
const struct node *node_of_object(const struct object *object);

/* How many nodes there are where the tree can be changed; a link with a long target counts as
 * several. */
unsigned long node_count_changeable(void);

/* Pages that files which can be written may have together: half of the memory there is; and how
 * many of them are free. There may be as many nodes, by that count. */
unsigned long file_space_pages(void);
unsigned long file_space_free(void);

/* ---- paths (kernel/files/path.c) ---- */

enum path_flags {
    PATH_NO_FOLLOW = 1, /* a link at the path's end is the answer itself, if no slash follows */
    PATH_NAME = 2,      /* the same, slash or not: it is about the name */
    PATH_EMPTY = 4,     /* "" means the start */
};

/* The node that `path` leads to from `start`, with a reference. 0 or -errno. */
MUST_CHECK int path_find(struct node *start, const char *path, unsigned flags, struct node **node);

/* The last step of a path: where a name is, or could be. */
enum place_kind { PLACE_NAME, PLACE_DOT, PLACE_DOTDOT, PLACE_ROOT };

struct place {
    struct node *folder; /* held */
    struct node *node;   /* held; NULL: nothing has that name. Not PLACE_NAME: the folder */
    enum place_kind kind;
    bool slash;          /* the path ends with one: it must mean a folder */
    char name[NAME_MAX + 1];
};

/* Goes to the last name of a path. 0 or -errno; 0 also when only the last name does not exist.
 * place_put lets go. */
MUST_CHECK int path_place(struct node *start, const char *path, unsigned flags,
                          struct place *place);
void place_put(struct place *place);

/* ---- changes of the tree (kernel/files/tmpfs.c): 0, or -errno and nothing has changed ---- */

MUST_CHECK int tree_create(struct place *place, uint32_t mode, struct node **node); /* a file */
MUST_CHECK int tree_mkdir(struct place *place, uint32_t mode);
MUST_CHECK int tree_mkfifo(struct place *place, uint32_t mode);
MUST_CHECK int tree_symlink(struct place *place, const char *target);
MUST_CHECK int tree_unlink(struct place *place);
MUST_CHECK int tree_rmdir(struct place *place);
MUST_CHECK int tree_rename(struct place *from, struct place *to, unsigned flags);
/* Changes a regular file's size. */
MUST_CHECK int node_set_size(struct node *node, uint64_t size);
/* The same if it is smaller; nothing else, whoever writes to it meanwhile. */
MUST_CHECK int node_grow(struct node *node, uint64_t size);

#endif
