/* raw.h - memory functions that KASAN does not look at. Files that work on memory nobody may use
 * (the debug heap, the report of a panic, a dump) are compiled with this in front. */
#ifndef OCTAVO_RAW_H
#define OCTAVO_RAW_H

#define memcpy  raw_memcpy
#define memmove raw_memmove
#define memset  raw_memset
#define memcmp  raw_memcmp
#define memchr  raw_memchr
#define strlen  raw_strlen
#define strnlen raw_strnlen
#define strcmp  raw_strcmp
#define strncmp raw_strncmp
#define strchr  raw_strchr
#define strrchr raw_strrchr
#define strstr  raw_strstr

#endif
