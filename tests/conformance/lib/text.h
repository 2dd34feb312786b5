/* Texts put together of parts, such as paths in /proc, and what is looked for in them. */
#ifndef TEXT_H
#define TEXT_H
#include "sys.h"

/* Both append to a text and return its new end. */
static inline char *put_text(char *at, const char *from)
{
	while ((*at = *from++) != 0)
		at++;
	return at;
}

static inline char *put_number(char *at, u32 number)
{
	if (number >= 10)
		at = put_number(at, number / 10);
	*at++ = (char)('0' + number % 10);
	*at = 0;
	return at;
}

/* Where a text stands in another one; 0 when it does not. */
static inline const char *find_text(const char *in, const char *what)
{
	for (; *in != 0; in++) {
		ulong same = 0;

		while (what[same] != 0 && in[same] == what[same])
			same++;
		if (what[same] == 0)
			return in;
	}
	return 0;
}

#endif
