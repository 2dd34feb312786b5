/* termios.h - terminals: the ioctl(2) requests and their structures, of Linux on i386. */
#ifndef OCTAVO_UAPI_TERMIOS_H
#define OCTAVO_UAPI_TERMIOS_H

#include <stdint.h>

enum {
    TCGETS = 0x5401,
    TCSETS = 0x5402,
    TCSETSW = 0x5403,
    TCSETSF = 0x5404,
    TCGETA = 0x5405,
    TCSBRK = 0x5409,
    TCXONC = 0x540A,
    TCFLSH = 0x540B,
    TIOCEXCL = 0x540C,
    TIOCSCTTY = 0x540E,
    TIOCGPGRP = 0x540F,
    TIOCSPGRP = 0x5410,
    TIOCOUTQ = 0x5411,
    TIOCSTI = 0x5412,
    TIOCGWINSZ = 0x5413,
    TIOCSWINSZ = 0x5414,
    FIONREAD = 0x541B,
    FIONBIO = 0x5421,
    TIOCNOTTY = 0x5422,
    TCSBRKP = 0x5425,
    TIOCGSID = 0x5429,
    FIONCLEX = 0x5450,
    FIOCLEX = 0x5451,
};

#define NCCS 19

struct termios {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line;
    uint8_t cc[NCCS];
};
_Static_assert(sizeof(struct termios) == 36, "struct termios of the kernel");

struct winsize {
    uint16_t row, col, xpixel, ypixel;
};

/* cc[] */
enum {
    VINTR = 0, VQUIT = 1, VERASE = 2, VKILL = 3, VEOF = 4, VTIME = 5, VMIN = 6, VSWTC = 7,
    VSTART = 8, VSTOP = 9, VSUSP = 10, VEOL = 11, VREPRINT = 12, VDISCARD = 13, VWERASE = 14,
    VLNEXT = 15, VEOL2 = 16,
};

/* iflag */
enum {
    IGNBRK = 0x1, BRKINT = 0x2, IGNPAR = 0x4, PARMRK = 0x8, INPCK = 0x10, ISTRIP = 0x20,
    INLCR = 0x40, IGNCR = 0x80, ICRNL = 0x100, IUCLC = 0x200, IXON = 0x400, IXANY = 0x800,
    IXOFF = 0x1000, IMAXBEL = 0x2000, IUTF8 = 0x4000,
};

/* oflag */
enum { OPOST = 0x1, OLCUC = 0x2, ONLCR = 0x4, OCRNL = 0x8, ONOCR = 0x10, ONLRET = 0x20,
       XTABS = 0x1800 };

/* cflag */
enum { B115200 = 0x1002, B38400 = 0xF, CSIZE = 0x30, CS8 = 0x30, CREAD = 0x80, HUPCL = 0x400,
       CLOCAL = 0x800 };

/* lflag */
enum {
    ISIG = 0x1, ICANON = 0x2, ECHO = 0x8, ECHOE = 0x10, ECHOK = 0x20, ECHONL = 0x40,
    NOFLSH = 0x80, TOSTOP = 0x100, ECHOCTL = 0x200, ECHOPRT = 0x400, ECHOKE = 0x800,
    FLUSHO = 0x1000, PENDIN = 0x4000, IEXTEN = 0x8000,
};

/* What TCFLSH throws away, what TCXONC does. */
enum { TCIFLUSH = 0, TCOFLUSH = 1, TCIOFLUSH = 2 };
enum { TCOOFF = 0, TCOON = 1, TCIOFF = 2, TCION = 3 };

#endif
