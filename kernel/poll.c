#include "poll.h"
struct wait_queue poll_queue;
unsigned poll_changes;
