/* date.h - dates of the Gregorian calendar as seconds. */
#ifndef OCTAVO_DATE_H
#define OCTAVO_DATE_H

#include "types.h"

struct date {
    unsigned second, minute, hour, day, month, year; /* day and month count from 1 */
};

/* The parts are in their bounds (31 days for every month), the year is 1970 to 2105. */
bool date_is_valid(const struct date *date);

/* Seconds since 1970-01-01 00:00:00 of a valid date; 32 bits last until February 2106. */
uint32_t date_seconds(const struct date *date);

#endif
