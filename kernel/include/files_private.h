/* files_private.h - what the sources of the tree's start share. */
#ifndef OCTAVO_FILES_PRIVATE_H
#define OCTAVO_FILES_PRIVATE_H

#include "file.h"

/* The folder for the last name of `path`, an absolute one; folders that are not there are made.
 * 0, -ENOTDIR, -ENAMETOOLONG, -EINVAL (no name), -ENOMEM. */
MUST_CHECK int tree_make_folders(const char *path, struct node **folder, const char **name);

/* Adds the boot modules' files. */
void modfs_init(void);
/* Where the module `number` with that string belongs; true when the name is found in any case. */
bool module_path(const char *string, unsigned number, bool own_loader, char *path, size_t size);

/* Adds /dev/null and its like. */
void devices_init(void);
void memtest_init(void);

#endif
