/* Listeners: NAME://HOST:PORT lists, checked the way Kafka checks them, so that a configuration
 * that would mislead clients does not start. What controllers use among themselves
 * (controller.listener.names) is left out: a single node has no other controller. */
#include "cluster/config_load.h"

#include "base/assert.h"
#include "base/text.h"

#include <stdio.h>

/* One item of a listener list. */
struct endpoint {
    struct bytes name;
    struct bytes host; /* without brackets; may be empty */
    uint16_t port;
    bool is_v6;
};

static bool name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool is_word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.';
        if (!is_word)
            return false;
    }
    return name.size > 0 && name.size < sizeof((struct config_listener *)0)->name;
}

/* HOST:PORT, where an IPv6 host stands in brackets. */
static bool parse_address(struct bytes text, struct endpoint *endpoint)
{
    const uint8_t *bracket =
        text.size > 0 && text.data[0] == '[' ? memchr(text.data, ']', text.size) : NULL;
    const uint8_t *colon = memrchr(text.data, ':', text.size);
    int64_t port;
    if (colon == NULL || (text.size > 0 && text.data[0] == '[' && bracket == NULL))
        return false;
    endpoint->is_v6 = bracket != NULL;
    if (bracket != NULL) {
        if (colon != bracket + 1)
            return false;
        endpoint->host = bytes_of(text.data + 1, (size_t)(bracket - text.data) - 1);
    } else {
        endpoint->host = bytes_of(text.data, (size_t)(colon - text.data));
        if (memchr(endpoint->host.data, ':', endpoint->host.size) != NULL)
            return false;
    }
    struct bytes digits = bytes_of(colon + 1, text.size - (size_t)(colon + 1 - text.data));
    if (text_parse_i64(digits, 0, UINT16_MAX, &port) != STATUS_OK)
        return false;
    endpoint->port = (uint16_t)port;
    return endpoint->host.size < sizeof((struct config_listener *)0)->host;
}

static bool parse_endpoint(struct bytes item, struct endpoint *endpoint)
{
    assert(!bytes_are_null(item));
    const uint8_t *sign = memmem(item.data, item.size, "://", 3);
    if (sign == NULL)
        return false;
    endpoint->name = bytes_of(item.data, (size_t)(sign - item.data));
    size_t rest = item.size - (size_t)(sign + 3 - item.data);
    return name_is_valid(endpoint->name) && parse_address(bytes_of(sign + 3, rest), endpoint);
}

/* Reads the list of `key`. Answers how many items there are; reports what is wrong with them. */
static uint32_t parse_list(struct config_loader *loader, enum config_key key,
                           struct endpoint endpoints[static CONFIG_LISTENERS_MAX])
{
    const char *where = config_where(loader->config, key);
    const char *setting = config_row(key)->name;
    struct bytes rest = bytes_of_text(loader->config->entries[key].text);
    struct bytes item;
    uint32_t count = 0;
    while (text_next_item(&rest, ',', &item)) {
        if (count == CONFIG_LISTENERS_MAX) {
            config_fail(loader, where, "%s has more than %d items", setting, CONFIG_LISTENERS_MAX);
            return count;
        }
        if (parse_endpoint(item, &endpoints[count]))
            count++;
        else
            config_fail(loader, where,
                        "%s: '%.*s' is not NAME://HOST:PORT, for example PLAINTEXT://:9092 or "
                        "PLAINTEXT://[::1]:9092",
                        setting, item.size > 100 ? 100 : (int)item.size, (const char *)item.data);
    }
    return count;
}

static const struct endpoint *find(const struct endpoint *endpoints, uint32_t count,
                                   struct bytes name)
{
    assert(endpoints != NULL || count == 0);
    for (uint32_t i = 0; i < count; i++)
        if (bytes_equal(endpoints[i].name, name))
            return &endpoints[i];
    return NULL;
}

/* Names tell listeners apart in everything that follows, so two of one name would shadow each
 * other. */
static void check_names(struct config_loader *loader, enum config_key key,
                        const struct endpoint *endpoints, uint32_t count)
{
    assert(count <= CONFIG_LISTENERS_MAX);
    for (uint32_t i = 1; i < count; i++)
        if (find(endpoints, i, endpoints[i].name) != NULL)
            config_fail(loader, config_where(loader->config, key),
                        "Each listener must have a different name, but %s has %.*s twice",
                        config_row(key)->name, (int)endpoints[i].name.size,
                        (const char *)endpoints[i].name.data);
}

/* One port may serve IPv4 and IPv6 under two names; Kafka allows that too. */
static void check_ports(struct config_loader *loader, const struct endpoint *endpoints,
                        uint32_t count)
{
    assert(count <= CONFIG_LISTENERS_MAX);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (endpoints[i].port != 0 && endpoints[i].port == endpoints[j].port &&
                endpoints[i].is_v6 == endpoints[j].is_v6)
                config_fail(loader, config_where(loader->config, CONFIG_LISTENERS),
                            "Each listener must have a different port, but %.*s and %.*s have %u",
                            (int)endpoints[j].name.size, (const char *)endpoints[j].name.data,
                            (int)endpoints[i].name.size, (const char *)endpoints[i].name.data,
                            endpoints[i].port);
}

/* --- The security protocol of a name ---------------------------------------------------------- */

enum { PROTOCOL_NONE = -1, PROTOCOL_PLAINTEXT = 0 };

static const char *const protocol_names[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
enum { PROTOCOL_COUNT = sizeof protocol_names / sizeof protocol_names[0] };

static int16_t protocol_number(struct bytes name)
{
    for (int16_t i = 0; i < PROTOCOL_COUNT; i++)
        if (text_equal_ignoring_case(name, protocol_names[i]))
            return i;
    return PROTOCOL_NONE;
}

static void check_map(struct config_loader *loader)
{
    enum config_key key = CONFIG_LISTENER_SECURITY_PROTOCOL_MAP;
    struct bytes rest = bytes_of_text(loader->config->entries[key].text);
    struct bytes item;
    struct bytes name;
    while (text_next_item(&rest, ',', &item)) {
        struct bytes protocol = item;
        bool has_name = text_next_item(&protocol, ':', &name) && name.size > 0;
        if (!has_name || protocol_number(text_trim(protocol)) == PROTOCOL_NONE)
            config_fail(loader, config_where(loader->config, key),
                        "listener.security.protocol.map: '%.*s' is not NAME:PROTOCOL with one of "
                        "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
                        item.size > 100 ? 100 : (int)item.size, (const char *)item.data);
    }
}

/* The first item that names the listener counts. */
static int16_t mapped_protocol(const struct config *config, struct bytes listener)
{
    struct bytes rest = bytes_of_text(config->entries[CONFIG_LISTENER_SECURITY_PROTOCOL_MAP].text);
    struct bytes item;
    struct bytes name;
    while (text_next_item(&rest, ',', &item))
        if (text_next_item(&item, ':', &name) && bytes_equal(name, listener))
            return protocol_number(text_trim(item));
    return PROTOCOL_NONE;
}

static int16_t check_protocol(struct config_loader *loader, struct bytes name)
{
    int16_t protocol = mapped_protocol(loader->config, name);
    const char *where = config_where(loader->config, CONFIG_LISTENERS);
    if (protocol == PROTOCOL_NONE)
        config_fail(loader, where,
                    "No security protocol defined for listener %.*s; name one in "
                    "listener.security.protocol.map, for example %.*s:PLAINTEXT",
                    (int)name.size, (const char *)name.data, (int)name.size,
                    (const char *)name.data);
    else if (protocol != PROTOCOL_PLAINTEXT)
        config_fail(loader, where,
                    "listener %.*s uses %s, which this release does not serve; only PLAINTEXT is "
                    "served",
                    (int)name.size, (const char *)name.data, protocol_names[protocol]);
    return protocol;
}

/* --- Together --------------------------------------------------------------------------------- */

static bool is_for_controllers(const struct config *config, struct bytes name)
{
    struct bytes rest = bytes_of_text(config->entries[CONFIG_CONTROLLER_LISTENER_NAMES].text);
    struct bytes item;
    while (text_next_item(&rest, ',', &item))
        if (bytes_equal(item, name))
            return true;
    return false;
}

static void copy(char *to, size_t capacity, struct bytes from)
{
    assert(from.size < capacity);
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
}

/* A meta-address is good to bind to and useless to tell: a client that was sent to 0.0.0.0 would
 * connect to itself. */
static void add_listener(struct config_loader *loader, const struct endpoint *bound,
                         const struct endpoint *advertised)
{
    assert(loader->config->listener_count < CONFIG_LISTENERS_MAX);
    struct config *config = loader->config;
    struct config_listener *listener = &config->listeners[config->listener_count++];
    assert(config->listener_count <= CONFIG_LISTENERS_MAX);
    copy(listener->name, sizeof listener->name, bound->name);
    copy(listener->host, sizeof listener->host, bound->host);
    copy(listener->advertised_host, sizeof listener->advertised_host, advertised->host);
    listener->port = bound->port;
    listener->advertised_port = advertised->port;
    listener->security_protocol = check_protocol(loader, bound->name);
    if (bytes_equal_text(advertised->host, "0.0.0.0") || bytes_equal_text(advertised->host, "::"))
        config_fail(loader,
                    config_where(loader->config, advertised == bound ? CONFIG_LISTENERS
                                                                     : CONFIG_ADVERTISED_LISTENERS),
                    "advertised.listeners cannot use the nonroutable meta-address %s. Use a "
                    "routable IP address or a host name.",
                    listener->advertised_host);
}

/* A name that is bound nowhere would send clients to a port that nobody listens on. */
static void check_advertised(struct config_loader *loader, const struct endpoint *advertised,
                             uint32_t advertised_count, const struct endpoint *bound,
                             uint32_t bound_count)
{
    assert(advertised_count <= CONFIG_LISTENERS_MAX);
    assert(bound_count <= CONFIG_LISTENERS_MAX);
    for (uint32_t i = 0; i < advertised_count; i++)
        if (find(bound, bound_count, advertised[i].name) == NULL)
            config_fail(loader, config_where(loader->config, CONFIG_ADVERTISED_LISTENERS),
                        "advertised.listeners names %.*s, which is not one of listeners (%s)",
                        (int)advertised[i].name.size, (const char *)advertised[i].name.data,
                        loader->config->entries[CONFIG_LISTENERS].text);
}

static void check_inter_broker(struct config_loader *loader, const struct endpoint *bound,
                               uint32_t bound_count)
{
    const char *name = loader->config->entries[CONFIG_INTER_BROKER_LISTENER_NAME].text;
    if (name != NULL && find(bound, bound_count, bytes_of_text(name)) == NULL)
        config_fail(loader, config_where(loader->config, CONFIG_INTER_BROKER_LISTENER_NAME),
                    "inter.broker.listener.name is %s, which is not one of listeners (%s)", name,
                    loader->config->entries[CONFIG_LISTENERS].text);
}

void config_load_listeners(struct config_loader *loader)
{
    assert(loader->config->listener_count == 0);
    struct endpoint bound[CONFIG_LISTENERS_MAX] = {0};
    struct endpoint advertised[CONFIG_LISTENERS_MAX] = {0};
    struct config *config = loader->config;
    uint32_t bound_count = parse_list(loader, CONFIG_LISTENERS, bound);
    bool has_advertised = config->entries[CONFIG_ADVERTISED_LISTENERS].text != NULL;
    uint32_t advertised_count =
        has_advertised ? parse_list(loader, CONFIG_ADVERTISED_LISTENERS, advertised) : 0;
    check_names(loader, CONFIG_LISTENERS, bound, bound_count);
    check_names(loader, CONFIG_ADVERTISED_LISTENERS, advertised, advertised_count);
    check_ports(loader, bound, bound_count);
    check_advertised(loader, advertised, advertised_count, bound, bound_count);
    check_inter_broker(loader, bound, bound_count);
    check_map(loader);
    if (loader->has_failed)
        return;
    for (uint32_t i = 0; i < bound_count; i++) {
        const struct endpoint *told = find(advertised, advertised_count, bound[i].name);
        if (!is_for_controllers(config, bound[i].name))
            add_listener(loader, &bound[i], told == NULL ? &bound[i] : told);
    }
    if (config->listener_count == 0)
        config_fail(loader, config_where(config, CONFIG_LISTENERS),
                    "there is no listener for clients; name one in listeners, for example "
                    "PLAINTEXT://:9092");
}

uint32_t config_listeners(const struct config *config,
                          struct config_listener listeners[static CONFIG_LISTENERS_MAX])
{
    assert(config->listener_count <= CONFIG_LISTENERS_MAX);
    assert(config->listener_count > 0);
    memcpy(listeners, config->listeners, config->listener_count * sizeof *listeners);
    return config->listener_count;
}
