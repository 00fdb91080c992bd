/* How long a thread may go on while others wait for its CPU.
 *
 * Whoever is at work when a thread wakes keeps the CPU until its slice is used up, which is
 * milliseconds by default, unless the one that wakes has a shorter slice: that one is let in at
 * once. A shorter slice is no larger share, it begins sooner and ends sooner. For those who answer
 * others, and for nobody who works in the background. Only io/ includes this. */
#ifndef TAILRACE_IO_SLICE_H
#define TAILRACE_IO_SLICE_H

/* Of the calling thread. The threads that it starts, and the kernel's that work for it, inherit it.
 * Without effect where the kernel has one length for all (Linux before 6.12), and on a thread that
 * somebody has put under another policy. */
void slice_shorten(void);

#endif
