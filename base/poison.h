/* What AddressSanitizer is told about memory that the broker manages itself: nobody may touch it
 * while it lies free. Without it these do nothing. */
#ifndef TAILRACE_BASE_POISON_H
#define TAILRACE_BASE_POISON_H

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#endif
