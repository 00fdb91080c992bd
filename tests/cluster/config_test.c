/* Settings come from file, environment and --set in this order, and what is wrong with them is
 * said with its place and its remedy. */
#include "cluster/config.h"
#include "cluster/properties.h"

#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Collects complaints as lines "warn WHERE: MESSAGE". */
struct notebook {
    struct config_reporter reporter;
    char text[4096];
};

static void note(struct notebook *book, const char *kind, const char *where, const char *message)
{
    size_t used = strlen(book->text);
    snprintf(book->text + used, sizeof book->text - used, "%s %s: %s\n", kind, where, message);
}

static void note_warn(struct config_reporter *reporter, const char *where, const char *message)
{
    note(container_of(reporter, struct notebook, reporter), "warn", where, message);
}

static void note_fail(struct config_reporter *reporter, const char *where, const char *message)
{
    note(container_of(reporter, struct notebook, reporter), "fail", where, message);
}

static struct config *load(struct notebook *book, const char *file, const char *const *environment,
                           const char *set)
{
    *book = (struct notebook){.reporter = {note_warn, note_fail}};
    struct bytes text = file == NULL ? (struct bytes){0} : bytes_of_text(file);
    return config_load("server.properties", text, environment, &set, set == NULL ? 0 : 1,
                       &book->reporter);
}

static struct config *load_well(const char *file)
{
    struct notebook book;
    struct config *config = load(&book, file, NULL, NULL);
    if (config == NULL)
        print_error("%s", book.text);
    assert_non_null(config);
    assert_string_equal(book.text, "");
    return config;
}

static void assert_refused(const char *file, const char *complaint)
{
    struct notebook book;
    assert_null(load(&book, file, NULL, NULL));
    if (strstr(book.text, complaint) == NULL)
        print_error("expected: %s\ngot: %s", complaint, book.text);
    assert_non_null(strstr(book.text, complaint));
}

/* --- Properties ------------------------------------------------------------------------------- */

static void test_properties_are_read_as_java_reads_them(void **state)
{
    static const struct {
        const char *text;
        const char *name;
        const char *value;
        uint32_t line;
    } rows[] = {
        {"a=b", "a", "b", 1},
        {"a = b ", "a", "b ", 1},
        {"a: b", "a", "b", 1},
        {"a b c", "a", "b c", 1},
        {"a", "a", "", 1},
        {"# no\n! no\n\n  \ta=b\r\n", "a", "b", 4},
        {"a==b", "a", "=b", 1},
        {"a\\=b=c", "a=b", "c", 1},
        {"a\\ b c", "a b", "c", 1},
        {"a=one, \\\n    two", "a", "one, two", 1},
        {"a=one\\\r\n  two", "a", "onetwo", 1},
        {"a=x\\\\\nb=c", "a", "x\\", 1},
        {"a=\\t\\n\\u00e9\\u20AC\\q", "a", "\t\n\xc3\xa9\xe2\x82\xacq", 1},
        {"a=b\\", "a", "b", 1},
        {"a=# b", "a", "# b", 1},
        {"\n\r\ra=1\n", "a", "1", 4},
        {"a=\xc3\xa9\\\xc3\xa9", "a", "\xc3\xa9\xc3\xa9", 1},
    };
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct properties properties;
        struct property property;
        properties_init(&properties, bytes_of_text(rows[i].text));
        assert_true(properties_next(&properties, &arena, &property));
        assert_null(property.problem);
        assert_string_equal(property.name, rows[i].name);
        assert_string_equal(property.value, rows[i].value);
        assert_int_equal(property.line, rows[i].line);
    }
    arena_deinit(&arena);
}

static void test_broken_escapes_are_complained_about_with_their_line(void **state)
{
    assert_refused("\nnode.id=\\u12", "fail server.properties:2: \\u is followed by fewer");
    assert_refused("node.id=\\ud800", "fail server.properties:1: \\u stands for half a character");
}

/* --- Sources ---------------------------------------------------------------------------------- */

static void test_defaults_are_kafkas(void **state)
{
    struct config *config = load_well(NULL);
    assert_int_equal(config_i64(config, CONFIG_NUM_PARTITIONS), 1);
    assert_int_equal(config_i64(config, CONFIG_NODE_ID), 1);
    assert_int_equal(config_i64(config, CONFIG_SOCKET_REQUEST_MAX_BYTES), 104857600);
    assert_true(config_bool(config, CONFIG_AUTO_CREATE_TOPICS_ENABLE));
    assert_null(config_text(config, CONFIG_BROKER_RACK));
    assert_int_equal(config_source(config, CONFIG_NUM_PARTITIONS), CONFIG_SOURCE_DEFAULT);
    assert_int_equal(topic_config_i64(NULL, config, TOPIC_CONFIG_RETENTION_MS), 604800000);
    assert_int_equal(topic_config_i64(NULL, config, TOPIC_CONFIG_FLUSH_MESSAGES), INT64_MAX);
    config_destroy(config);
}

static void test_every_default_passes_its_own_check(void **state)
{
    char message[CONFIG_MESSAGE_SIZE];
    for (uint32_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        if (row->default_text != NULL)
            assert_true(config_check(row, bytes_of_text(row->default_text), message) ||
                        row->default_text[0] == '\0');
        enum config_key key;
        assert_true(config_key_find(bytes_of_text(row->name), &key));
        assert_int_equal(key, i);
    }
    for (uint32_t i = 0; i < TOPIC_CONFIG_KEY_COUNT; i++) {
        const struct config_row *row = topic_config_row((enum topic_config_key)i);
        assert_true(config_check(row, bytes_of_text(row->default_text), message));
        enum topic_config_key key;
        assert_true(topic_config_key_find(bytes_of_text(row->name), &key));
        assert_int_equal(key, i);
    }
}

static void test_set_outweighs_environment_outweighs_file(void **state)
{
    static const char *const environment[] = {"KAFKA_NUM_PARTITIONS=5",
                                              "KAFKA_BROKER_RACK=cellar",
                                              "KAFKA_HEAP_OPTS=-Xmx1G",
                                              "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1",
                                              "PATH=/bin",
                                              "KAFKA_LOG_RETENTION_MS=5",
                                              NULL};
    struct notebook book;
    struct config *config = load(&book, "num.partitions=3\nbroker.rack=attic\nnode.id=7\n",
                                 environment, "num.partitions=9");
    assert_string_equal(book.text, "");
    assert_int_equal(config_i64(config, CONFIG_NUM_PARTITIONS), 9);
    assert_string_equal(config_text(config, CONFIG_BROKER_RACK), "cellar");
    assert_int_equal(config_i64(config, CONFIG_NODE_ID), 7);
    assert_int_equal(config_i64(config, CONFIG_TRANSACTION_STATE_LOG_MIN_ISR), 1);
    assert_int_equal(config_source(config, CONFIG_NODE_ID), CONFIG_SOURCE_STATIC_BROKER);
    config_destroy(config);
}

static void test_underscores_in_variables_stand_for_dot_underscore_and_dash(void **state)
{
    static const char *const environment[] = {"KAFKA_A__B___C_D=1", NULL};
    struct notebook book;
    config_destroy(load(&book, NULL, environment, NULL));
    assert_non_null(strstr(book.text, "warn environment KAFKA_A__B___C_D: there is no setting "
                                      "a_b-c.d"));
}

static void test_unknown_names_warn_and_do_not_refuse(void **state)
{
    struct notebook book;
    struct config *config = load(&book, "\nno.such.thing=1\n", NULL, NULL);
    assert_non_null(config);
    assert_string_equal(book.text, "warn server.properties:2: there is no setting no.such.thing; "
                                   "it has no effect\n");
    config_destroy(config);
}

static void test_bad_values_are_all_reported_with_place_and_reason(void **state)
{
    struct notebook book;
    assert_null(load(&book,
                     "num.partitions=many\n"
                     "num.partitions=0\n"
                     "compression.type=rar\n"
                     "delete.topic.enable=perhaps\n"
                     "compression.gzip.level=10\n"
                     "log.cleaner.min.cleanable.ratio=1.5\n"
                     "log.cleanup.policy=compact,burn\n",
                     NULL, "nonsense"));
    assert_string_equal(
        book.text,
        "fail server.properties:1: Invalid value many for configuration num.partitions: Not a "
        "number of type INT\n"
        "fail server.properties:2: Invalid value 0 for configuration num.partitions: Value must be "
        "at least 1\n"
        "fail server.properties:3: Invalid value rar for configuration compression.type: String "
        "must be one of: uncompressed, zstd, lz4, snappy, gzip, producer\n"
        "fail server.properties:4: Invalid value perhaps for configuration delete.topic.enable: "
        "Expected value to be either true or false\n"
        "fail server.properties:5: Invalid value 10 for configuration compression.gzip.level: "
        "Value must be no more than 9\n"
        "fail server.properties:6: Invalid value 1.5 for configuration "
        "log.cleaner.min.cleanable.ratio: Value must be between 0 and 1\n"
        "fail server.properties:7: Invalid value burn for configuration log.cleanup.policy: String "
        "must be one of: compact, delete\n"
        "fail --set: 'nonsense' is not name=value\n");
}

/* --- Derived ---------------------------------------------------------------------------------- */

static void test_milliseconds_outweigh_minutes_outweigh_hours(void **state)
{
    static const struct {
        const char *file;
        int64_t retention_ms;
        enum config_source source;
    } rows[] = {
        {"", 604800000, CONFIG_SOURCE_DEFAULT},
        {"log.retention.hours=1", 3600000, CONFIG_SOURCE_STATIC_BROKER},
        {"log.retention.hours=1\nlog.retention.minutes=2", 120000, CONFIG_SOURCE_STATIC_BROKER},
        {"log.retention.minutes=2\nlog.retention.ms=3", 3, CONFIG_SOURCE_STATIC_BROKER},
        {"log.retention.hours=-1", -1, CONFIG_SOURCE_STATIC_BROKER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *config = load_well(rows[i].file);
        enum config_source source;
        char expected[32];
        snprintf(expected, sizeof expected, "%lld", (long long)rows[i].retention_ms);
        assert_int_equal(topic_config_i64(NULL, config, TOPIC_CONFIG_RETENTION_MS),
                         rows[i].retention_ms);
        assert_string_equal(topic_config_text(NULL, config, TOPIC_CONFIG_RETENTION_MS, &source),
                            expected);
        assert_int_equal(source, rows[i].source);
        config_destroy(config);
    }
    assert_refused("log.retention.minutes=0", "log.retention.ms must be unlimited (-1)");
}

static void test_settings_of_groups_go_together(void **state)
{
    static const struct {
        const char *file;
        const char *message;
    } rows[] = {
        {"group.consumer.session.timeout.ms=6000",
         "group.consumer.session.timeout.ms must be greater than or equal to "
         "group.consumer.min.session.timeout.ms"},
        {"group.consumer.session.timeout.ms=60001",
         "group.consumer.session.timeout.ms must be less than or equal to "
         "group.consumer.max.session.timeout.ms"},
        {"group.consumer.max.session.timeout.ms=1",
         "group.consumer.max.session.timeout.ms must be greater than or equal to "
         "group.consumer.min.session.timeout.ms"},
        {"group.consumer.heartbeat.interval.ms=15001",
         "group.consumer.heartbeat.interval.ms must be less than or equal to "
         "group.consumer.max.heartbeat.interval.ms"},
        {"group.consumer.assignment.interval.ms=15001",
         "group.consumer.assignment.interval.ms must be less than or equal to "
         "group.consumer.max.assignment.interval.ms"},
        {"group.consumer.min.session.timeout.ms=5000\ngroup.consumer.session.timeout.ms=5000",
         "group.consumer.heartbeat.interval.ms must be less than "
         "group.consumer.session.timeout.ms"},
        {"group.min.session.timeout.ms=1800001",
         "group.max.session.timeout.ms must be greater than or equal to "
         "group.min.session.timeout.ms"},
        {"group.coordinator.rebalance.protocols=consumer",
         "Disabling the 'classic' protocol is not supported."},
        {"group.coordinator.rebalance.protocols=classic,modern", "String must be one of: classic"},
        {"group.consumer.assignors=", "must name at least one assignor"},
        {"group.consumer.assignors=sticky", "String must be one of: uniform, range"},
        {"offsets.topic.compression.codec=5", "Value must be no more than 4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].file, rows[i].message);
}

static void test_a_topics_own_value_outweighs_the_brokers(void **state)
{
    struct config *config = load_well("message.max.bytes=1000\nmin.insync.replicas=2");
    struct topic_config topic = {.texts[TOPIC_CONFIG_MAX_MESSAGE_BYTES] = "77",
                                 .texts[TOPIC_CONFIG_PREALLOCATE] = "TRUE"};
    enum config_source source;
    assert_int_equal(topic_config_i64(&topic, config, TOPIC_CONFIG_MAX_MESSAGE_BYTES), 77);
    assert_true(topic_config_bool(&topic, config, TOPIC_CONFIG_PREALLOCATE));
    assert_string_equal(topic_config_text(&topic, config, TOPIC_CONFIG_MAX_MESSAGE_BYTES, &source),
                        "77");
    assert_int_equal(source, CONFIG_SOURCE_TOPIC);
    assert_int_equal(topic_config_i64(&topic, config, TOPIC_CONFIG_MIN_INSYNC_REPLICAS), 2);
    assert_string_equal(
        topic_config_text(&topic, config, TOPIC_CONFIG_MIN_INSYNC_REPLICAS, &source), "2");
    assert_int_equal(source, CONFIG_SOURCE_STATIC_BROKER);
    config_destroy(config);
}

static void test_node_id_and_data_folder_have_two_names(void **state)
{
    struct config *config = load_well("broker.id=4\nlog.dir=/data");
    assert_int_equal(config_i64(config, CONFIG_NODE_ID), 4);
    assert_string_equal(config_text(config, CONFIG_LOG_DIRS), "/data");
    config_destroy(config);
    assert_refused("broker.id=4\nnode.id=5", "broker.id is 4 but node.id is 5");
    assert_refused("controller.quorum.voters=1@a:1,2@b:1", "runs as a single node");
}

/* Several folders are separated by commas; the first holds the metadata unless another is named. */
static void test_there_may_be_several_data_folders(void **state)
{
    struct bytes dirs[CONFIG_LOG_DIRS_MAX];
    struct config *config = load_well("log.dirs=/a/ , /b");
    assert_int_equal(config_log_dirs(config, dirs), 2);
    assert_true(bytes_equal_text(dirs[0], "/a"));
    assert_true(bytes_equal_text(dirs[1], "/b"));
    assert_true(bytes_equal_text(config_metadata_log_dir(config), "/a"));
    config_destroy(config);
    config = load_well("log.dirs=/a,/b\nmetadata.log.dir=/m/");
    assert_true(bytes_equal_text(config_metadata_log_dir(config), "/m"));
    config_destroy(config);
    assert_refused("log.dirs=/a,,/b", "log.dirs has an empty name: '/a,,/b'");
    assert_refused("log.dirs=/a,/b,/a/", "log.dirs names a folder twice: '/a,/b,/a/'");
}

static void test_cluster_id_comes_from_the_environment_too(void **state)
{
    static const char *const environment[] = {"CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qg", NULL};
    struct notebook book;
    struct config *config = load(&book, NULL, environment, NULL);
    assert_string_equal(config_text(config, CONFIG_TAILRACE_CLUSTER_ID), "MkU3OEVBNTcwNTJENDM2Qg");
    config_destroy(config);
    assert_refused("tailrace.cluster.id=short", "'short' is not a cluster id");
}

/* --- Listeners -------------------------------------------------------------------------------- */

static void test_listeners_are_parsed(void **state)
{
    struct config *config = load_well(
        "process.roles=broker,controller\n"
        "listeners=PLAINTEXT://:9092,INSIDE://[::1]:9093,CONTROLLER://:9094\n"
        "advertised.listeners=PLAINTEXT://broker.example:19092\n"
        "controller.listener.names=CONTROLLER\n"
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:SSL\n"
        "inter.broker.listener.name=INSIDE\n");
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    assert_int_equal(config_listeners(config, listeners), 2);
    assert_string_equal(listeners[0].name, "PLAINTEXT");
    assert_string_equal(listeners[0].host, "");
    assert_int_equal(listeners[0].port, 9092);
    assert_string_equal(listeners[0].advertised_host, "broker.example");
    assert_int_equal(listeners[0].advertised_port, 19092);
    assert_string_equal(listeners[1].host, "::1");
    assert_string_equal(listeners[1].advertised_host, "::1");
    assert_int_equal(listeners[1].advertised_port, 9093);
    assert_int_equal(listeners[1].security_protocol, 0);
    config_destroy(config);
}

static void test_listeners_that_would_mislead_are_refused(void **state)
{
    static const struct {
        const char *file;
        const char *complaint;
    } rows[] = {
        {"listeners=9092", "'9092' is not NAME://HOST:PORT"},
        {"listeners=PLAINTEXT://host", "is not NAME://HOST:PORT"},
        {"listeners=PLAINTEXT://::1:9092", "is not NAME://HOST:PORT"},
        {"listeners=PLAINTEXT://[::1:9092", "is not NAME://HOST:PORT"},
        {"listeners=PLAINTEXT://:99999", "is not NAME://HOST:PORT"},
        {"listeners=", "there is no listener for clients"},
        {"listeners=PLAINTEXT://:1,PLAINTEXT://:2", "Each listener must have a different name"},
        {"listeners=PLAINTEXT://:1,A://:1\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,"
         "A:PLAINTEXT",
         "Each listener must have a different port"},
        {"listeners=A://:1", "No security protocol defined for listener A"},
        {"listener.security.protocol.map=PLAINTEXT:TELNET", "is not NAME:PROTOCOL"},
        {"listeners=SSL://:9092", "listener SSL uses SSL, which this release does not serve"},
        {"listeners=SASL_PLAINTEXT://:9092", "uses SASL_PLAINTEXT, which this release"},
        {"listeners=PLAINTEXT://0.0.0.0:9092", "cannot use the nonroutable meta-address 0.0.0.0"},
        {"advertised.listeners=PLAINTEXT://0.0.0.0:9092",
         "fail server.properties:1: advertised.listeners cannot use"},
        {"advertised.listeners=B://h:1", "advertised.listeners names B, which is not one of"},
        {"inter.broker.listener.name=B", "inter.broker.listener.name is B, which is not one of"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].file, rows[i].complaint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties_are_read_as_java_reads_them),
        cmocka_unit_test(test_broken_escapes_are_complained_about_with_their_line),
        cmocka_unit_test(test_defaults_are_kafkas),
        cmocka_unit_test(test_every_default_passes_its_own_check),
        cmocka_unit_test(test_set_outweighs_environment_outweighs_file),
        cmocka_unit_test(test_underscores_in_variables_stand_for_dot_underscore_and_dash),
        cmocka_unit_test(test_unknown_names_warn_and_do_not_refuse),
        cmocka_unit_test(test_bad_values_are_all_reported_with_place_and_reason),
        cmocka_unit_test(test_milliseconds_outweigh_minutes_outweigh_hours),
        cmocka_unit_test(test_settings_of_groups_go_together),
        cmocka_unit_test(test_a_topics_own_value_outweighs_the_brokers),
        cmocka_unit_test(test_node_id_and_data_folder_have_two_names),
        cmocka_unit_test(test_there_may_be_several_data_folders),
        cmocka_unit_test(test_cluster_id_comes_from_the_environment_too),
        cmocka_unit_test(test_listeners_are_parsed),
        cmocka_unit_test(test_listeners_that_would_mislead_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
