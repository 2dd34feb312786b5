/* pipe.h - pipes within the kernel; programs have pipe(2). */
#ifndef OCTAVO_PIPE_H
#define OCTAVO_PIPE_H

#include "file.h"

#define PIPE_BUF 4096u /* a write of no more is not torn apart */

/* The end to read from and the one to write to, with one reference each; `flags` is O_NONBLOCK or
 * 0. 0, -ENOMEM or -ENFILE. */
MUST_CHECK int pipe_create(unsigned flags, struct file *ends[2]);

#endif
