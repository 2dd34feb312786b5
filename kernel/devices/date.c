/* date.c - dates of the Gregorian calendar as seconds.
 *
 * Years are counted from the first of March, so that the odd day is the last one of a year: then
 * the months' lengths repeat every five, 153 days, and 400 years are always 146 097 days.
 */
#include "date.h"

#define DAYS_TO_EPOCH   719468u /* from 0000-03-01 to 1970-01-01 */
#define DAYS_PER_ERA    146097u /* 400 years */
#define SECONDS_PER_DAY 86400u

bool
date_is_valid(const struct date *date)
{
    return date->second < 60 && date->minute < 60 && date->hour < 24 && date->day >= 1 &&
           date->day <= 31 && date->month >= 1 && date->month <= 12 && date->year >= 1970 &&
           date->year <= 2105;
}

static uint32_t
days_of(const struct date *date)
{
    unsigned month = (date->month + 9) % 12; /* March is 0 */
    unsigned year = date->year - (date->month <= 2);
    unsigned era = year / 400, of_era = year % 400;
    unsigned day = (153 * month + 2) / 5 + date->day - 1;

    return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + day - DAYS_TO_EPOCH;
}

uint32_t
date_seconds(const struct date *date)
{
    return days_of(date) * SECONDS_PER_DAY + date->hour * 3600 + date->minute * 60 + date->second;
}
