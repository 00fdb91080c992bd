/* Between Tailrace's addresses and the system's. Only io/ includes this. */
#ifndef TAILRACE_IO_ADDRESS_H
#define TAILRACE_IO_ADDRESS_H

#include "io/io.h"

#include <sys/socket.h>

/* The system's form and its size: AF_INET for what is IPv4, else AF_INET6. */
socklen_t address_to_system(const struct io_address *address, struct sockaddr_storage *system);

/* From AF_INET or AF_INET6; anything else becomes the address of nobody, "unknown". */
void address_from_system(const struct sockaddr_storage *system, struct io_address *address);

bool address_is_ipv4(const struct io_address *address);

/* "::": every interface, of both protocols. */
bool address_is_any_ipv6(const struct io_address *address);

#endif
