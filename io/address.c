/* Addresses: one numeric form for both protocols (IPv4 lies in IPv6 as ::ffff:a.b.c.d), and the
 * text that people read. The text is made here and nowhere else, so it is always the same. */
#include "io/address.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* What may stand between brackets, or a host name with room to spare. */
enum { HOST_SIZE_MAX = 256 };

_Static_assert(sizeof ipv4_prefix + sizeof(struct in_addr) == sizeof(struct in6_addr),
               "an IPv4 address with its prefix is as long as an IPv6 address");

bool address_is_ipv4(const struct io_address *address)
{
    assert(address != NULL);
    return memcmp(address->ip, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

bool address_is_any_ipv6(const struct io_address *address)
{
    static const uint8_t any[16];
    return memcmp(address->ip, any, sizeof any) == 0;
}

/* Writes the text from the numbers. */
static void address_describe(struct io_address *address)
{
    char ip[INET6_ADDRSTRLEN];
    bool is_ipv4 = address_is_ipv4(address);
    const void *from = is_ipv4 ? address->ip + sizeof ipv4_prefix : address->ip;
    const char *text = inet_ntop(is_ipv4 ? AF_INET : AF_INET6, from, ip, sizeof ip);
    assert(text != NULL);
    int size = snprintf(address->text, sizeof address->text, is_ipv4 ? "%s:%u" : "[%s]:%u", ip,
                        (unsigned)address->port);
    assert(size > 0);
    assert((size_t)size < sizeof address->text);
}

static void address_set_ipv4(struct io_address *address, const struct in_addr *ip)
{
    assert(address != NULL);
    memcpy(address->ip, ipv4_prefix, sizeof ipv4_prefix);
    memcpy(address->ip + sizeof ipv4_prefix, ip, sizeof *ip);
}

/* The first answer of the resolver. */
static enum status address_resolve(const char *host, struct io_address *address)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error == EAI_MEMORY)
        return STATUS_NO_MEMORY;
    if (error == EAI_AGAIN)
        return STATUS_BUSY;
    if (error != 0)
        return STATUS_NOT_FOUND;

    assert(found != NULL);
    uint16_t port = address->port;
    struct sockaddr_storage system = {0};
    assert(found->ai_addrlen <= sizeof system);
    memcpy(&system, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    address_from_system(&system, address);
    address->port = port;
    address_describe(address);
    return STATUS_OK;
}

enum status io_address_parse(const char *host, uint16_t port, struct io_address *address)
{
    assert(host != NULL);
    assert(address != NULL);
    *address = (struct io_address){.port = port};
    char bare[HOST_SIZE_MAX];
    size_t size = strlen(host);
    if (size >= sizeof bare)
        return STATUS_INVALID;
    memcpy(bare, host, size + 1);
    if (size >= 2 && bare[0] == '[' && bare[size - 1] == ']') {
        memmove(bare, bare + 1, size - 2);
        bare[size - 2] = '\0';
    }

    struct in_addr ipv4;
    if (inet_pton(AF_INET, bare, &ipv4) == 1)
        address_set_ipv4(address, &ipv4);
    else if (bare[0] != '\0' && inet_pton(AF_INET6, bare, address->ip) != 1)
        return address_resolve(bare, address);
    address_describe(address);
    return STATUS_OK;
}

socklen_t address_to_system(const struct io_address *address, struct sockaddr_storage *system)
{
    assert(address != NULL);
    assert(system != NULL);
    *system = (struct sockaddr_storage){0};
    if (address_is_ipv4(address)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&in.sin_addr, address->ip + sizeof ipv4_prefix, sizeof in.sin_addr);
        memcpy(system, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    memcpy(&in6.sin6_addr, address->ip, sizeof in6.sin6_addr);
    memcpy(system, &in6, sizeof in6);
    return sizeof in6;
}

void address_from_system(const struct sockaddr_storage *system, struct io_address *address)
{
    assert(system != NULL);
    assert(address != NULL);
    *address = (struct io_address){0};
    if (system->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, system, sizeof in);
        address_set_ipv4(address, &in.sin_addr);
        address->port = ntohs(in.sin_port);
        address_describe(address);
    } else if (system->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, system, sizeof in6);
        memcpy(address->ip, &in6.sin6_addr, sizeof in6.sin6_addr);
        address->port = ntohs(in6.sin6_port);
        address_describe(address);
    } else {
        snprintf(address->text, sizeof address->text, "unknown");
    }
}
