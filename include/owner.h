/* owner.h - what the owners of frames are called. */
#ifndef OCTAVO_OWNER_H
#define OCTAVO_OWNER_H

#include "uapi/frames.h"

/* As tables show it; "unknown" for a damaged value. */
const char *frame_owner_name(enum frame_owner owner);

#endif
