/* user_path.h - a path that a program passes, and where it begins. */
#ifndef OCTAVO_USER_PATH_H
#define OCTAVO_USER_PATH_H

#include "file.h"

#define PATH_FEW 128

struct user_path {
    struct node *start; /* held */
    char *text;
    char few[PATH_FEW]; /* most paths are short */
};

/* The path at `user`, which begins at the folder that descriptor `folder` is open for, or at the
 * current one (AT_FDCWD). 0, -EFAULT, -ENAMETOOLONG, -EBADF, -ENOTDIR, -ENOMEM; 0: user_path_put
 * lets go. An empty path may start from a file that is no folder. */
MUST_CHECK int user_path_get(struct user_path *path, int folder, uint32_t user);
void user_path_put(struct user_path *path);

/* The node that such a path leads to, with a reference. `flags`: path_flags. 0 or -errno. */
MUST_CHECK int user_node(int folder, uint32_t user, unsigned flags, struct node **node);
/* The place, for changes of names. */
MUST_CHECK int user_place(int folder, uint32_t user, unsigned flags, struct place *place);

/* What is left of the permissions of something new. */
static inline uint32_t
masked(uint32_t mode)
{
    return mode & ~task_current()->process->folder->umask;
}

#endif
