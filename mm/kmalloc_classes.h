/* kmalloc_classes.h - the sizes that the heap keeps in slabs. Private to mm/.
 *
 * Steps of 16 bytes up to 128, then four to each doubling: at most a fifth of an object is unused
 * from 128 bytes on. All are multiples of 16, and a class that is a multiple of a power of two
 * gives objects aligned to it.
 */
#ifndef OCTAVO_KMALLOC_CLASSES_H
#define OCTAVO_KMALLOC_CLASSES_H

#define KMALLOC_SIZES                                                                              \
    X(16) X(32) X(48) X(64) X(80) X(96) X(112) X(128)                                              \
    X(160) X(192) X(224) X(256) X(320) X(384) X(448) X(512)                                        \
    X(640) X(768) X(896) X(1024) X(1280) X(1536) X(1792) X(2048)                                   \
    X(2560) X(3072) X(3584) X(4096) X(5120) X(6144) X(7168) X(8192)

#define KMALLOC_CLASSES 32
#define KMALLOC_LARGEST 8192

#endif
