/* pipe.h - pipes within the kernel; programs have pipe(2). */
#ifndef OCTAVO_PIPE_H
#define OCTAVO_PIPE_H

#include "file.h"

/* The end to read from and the one to write to, with one reference each; `flags` is O_NONBLOCK or
 * 0. Returns 0 or -ENOMEM. */
MUST_CHECK int pipe_create(unsigned flags, struct file *ends[2]);

#endif
