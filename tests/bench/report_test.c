/* A report shows what results say, whatever they are called, and refuses what is no result. */
#include "bench/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char result_text[] =
    "{\"tool\":{\"version\":\"1\",\"mode\":\"produce\"},\"conditions\":{\"kernel\":\"<6>\","
    "\"stolen_percent\":12.5},"
    "\"load\":{\"topic\":\"t\"},"
    "\"figures\":{\"requests_per_s\":48151,\"latency_us\":{\"p50\":500}},"
    "\"histogram\":[[100,50],[1000,49],[10000,1]],"
    "\"series\":[{\"second\":1,\"records\":10,\"p99_us\":100},"
    "{\"second\":2,\"records\":20,\"p99_us\":2000}]}";

static const char comparison_text[] =
    "{\"title\":\"A & B\",\"contenders\":[\"ours\",\"<theirs>\"],\"figures\":[{"
    "\"name\":\"mb_per_s\",\"title\":\"MB/s\",\"more_is_better\":true,\"values\":{"
    "\"ours\":{\"median\":400,\"min\":300,\"max\":500},"
    "\"<theirs>\":{\"median\":200,\"min\":200,\"max\":200}},\"ratios\":{"
    "\"<theirs>\":{\"median\":2,\"min\":0.9,\"max\":2.5,\"is_decided\":false}}}]}";

static json_t *parse(const char *text)
{
    json_t *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    return document;
}

/* The page, which the caller frees. */
static char *write_page(const struct report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    report_write(report, out);
    fclose(out);
    return text;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* A single result has its figures, its curve, and both lines over time. */
static void test_single(void **state)
{
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    report_init(&report);
    assert_true(report_add(&report, parse(result_text), "evening", problem));
    char *page = write_page(&report);
    assert_true(has(page, "48,151"));
    assert_true(has(page, "evening"));
    assert_true(has(page, "<td>CPU stolen (%)</td><td><b>12.5</b></td>"));
    assert_true(has(page, "Latency by percentile"));
    assert_true(has(page, "99 %"));
    assert_true(has(page, "Records a second"));
    assert_true(has(page, ">1 s</text>"));
    assert_true(has(page, ">2 s</text>"));
    assert_true(has(page, "p99 of each second"));
    free(page);
    report_deinit(&report);
}

/* Two of the same name stay two. */
static void test_same_name(void **state)
{
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    report_init(&report);
    assert_true(report_add(&report, parse(result_text), "run", problem));
    assert_true(report_add(&report, parse(result_text), "run", problem));
    char *page = write_page(&report);
    assert_true(has(page, "run (2)"));
    assert_true(has(page, "class=\"line s1\""));
    free(page);
    report_deinit(&report);
}

/* Results of several kinds are not called by that of the first, and each has the load that it had.
 */
static void test_kinds(void **state)
{
    static const char other_text[] =
        "{\"tool\":{\"version\":\"1\",\"mode\":\"e2e\"},\"conditions\":{},"
        "\"load\":{\"topic\":\"u\"},\"figures\":{},\"histogram\":[]}";
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    report_init(&report);
    assert_true(report_add(&report, parse(result_text), "first", problem));
    assert_true(report_add(&report, parse(other_text), "second", problem));
    assert_true(report_add(&report, parse(result_text), "third", problem));
    char *page = write_page(&report);
    assert_true(has(page, "<h2>produce, e2e</h2>"));
    assert_true(has(page, "<tr><th></th><th>first</th><th>second</th><th>third</th></tr>\n"
                          "<tr><td>kernel</td><td>&quot;&lt;6&gt;&quot;</td><td></td>"));
    assert_true(has(page, "<td>topic</td><td>&quot;t&quot;</td><td>&quot;u&quot;</td>"
                          "<td>&quot;t&quot;</td>"));
    free(page);
    report_deinit(&report);
}

/* The caller frees the picture. */
static char *bars_of(const char *text, const char *figure)
{
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    char *picture = NULL;
    size_t size = 0;
    report_init(&report);
    assert_true(report_add(&report, parse(text), "x", problem));
    FILE *out = open_memstream(&picture, &size);
    assert_true(report_write_bars(&report, figure, out));
    fclose(out);
    report_deinit(&report);
    return picture;
}

/* Bars of a comparison without a title of its own are called by what they show. */
static void test_bars_without_title(void **state)
{
    static const char text[] = "{\"contenders\":[\"a\"],\"figures\":[{\"name\":\"p50_us\","
                               "\"title\":\"p50 (us)\",\"more_is_better\":false,\"values\":{"
                               "\"a\":{\"median\":4,\"min\":3,\"max\":5}},\"ratios\":{}}]}";
    char *picture = bars_of(text, "p50_us");
    assert_true(has(picture, ">p50 (us), less is better</text>"));
    free(picture);
}

/* What the range does not decide is marked, and names cannot break the page. */
static void test_comparison(void **state)
{
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    report_init(&report);
    assert_true(report_add(&report, parse(comparison_text), "x", problem));
    char *page = write_page(&report);
    assert_true(has(page, "A &amp; B"));
    assert_true(has(page, "&lt;theirs&gt;"));
    assert_false(has(page, "<theirs>"));
    assert_true(has(page, "<b>400</b> <i>(300-500)</i>"));
    assert_true(has(page, "<td><b>200</b></td>"));
    assert_true(has(page, "<b>2.00</b> ? <i>(0.90-2.50)</i>"));
    free(page);
    report_deinit(&report);
}

/* Bars of one figure are a picture of their own; one that nobody has is none. */
static void test_bars(void **state)
{
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    char *text = NULL;
    size_t size = 0;
    report_init(&report);
    assert_true(report_add(&report, parse(comparison_text), "x", problem));
    FILE *out = open_memstream(&text, &size);
    assert_false(report_write_bars(&report, "p50_us", out));
    fflush(out);
    assert_int_equal(size, 0);
    assert_true(report_write_bars(&report, "mb_per_s", out));
    fclose(out);
    assert_true(has(text, "<style>"));
    assert_true(has(text, "&lt;theirs&gt;"));
    /* The longest range fills the width; the bars are to each other as their medians. */
    assert_true(has(text, "width=\"280.0\""));
    assert_true(has(text, "width=\"140.0\""));
    free(text);
    report_deinit(&report);
}

/* Every step of a growing load has its line. */
static void test_steps(void **state)
{
    static const char text[] =
        "{\"figures\":{},\"histogram\":[],\"steps\":[7,{\"partitions\":10,\"connections\":3,"
        "\"figures\":{\"requests_per_s\":48151,\"latency_us\":{\"p50\":500,\"p99\":\"x\"}},"
        "\"server\":{\"cpu_us_per_request\":12.5}}]}";
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    report_init(&report);
    assert_true(report_add(&report, parse(text), "<grown>", problem));
    char *page = write_page(&report);
    assert_true(has(page, "<tr><td>&lt;grown&gt;</td><td>10</td><td>3</td><td>48,151</td>"
                          "<td>500</td><td>–</td><td>12.5</td></tr>"));
    assert_true(has(page, "All else here is of the last step."));
    free(page);
    report_deinit(&report);
}

/* A heading that is too long for a line takes two, and a name that is too long for its place is
 * cut; neither between the bytes of a character. */
static void test_long_texts(void **state)
{
    static const char text[] =
        "{\"title\":\"More and more connections: one-record requests (1 KiB), connections: 1,000\","
        "\"contenders\":[\"äöüäöüäöüäöüäöüäöüäöü\",\"nineteen characters\"],\"figures\":[{"
        "\"name\":\"mb_per_s\",\"title\":\"MB/s\",\"more_is_better\":true,\"values\":{"
        "\"äöüäöüäöüäöüäöüäöüäöü\":{\"median\":4,\"min\":3,\"max\":5},"
        "\"nineteen characters\":{\"median\":4,\"min\":3,\"max\":5}},\"ratios\":{}}]}";
    char *picture = bars_of(text, "mb_per_s");
    assert_true(has(picture, ">More and more connections: one-record requests (1 KiB),</text>"));
    assert_true(has(picture, ">connections: 1,000</text>"));
    assert_true(has(picture, ">äöüäöüäöüäöüäöüäöü…</text>"));
    assert_true(has(picture, ">nineteen characters</text>"));
    free(picture);
}

/* What is not of a known form, or lacks what it should have, does no harm. */
static void test_refused(void **state)
{
    static const char *const others[] = {
        "{}",
        "[]",
        "{\"figures\":{}}",
        "{\"figures\":[],\"contenders\":3}",
        "{\"figures\":[{\"title\":1}],\"contenders\":[]}",
        "{\"figures\":[7],\"contenders\":[\"a\"]}",
    };
    struct report report;
    char problem[REPORT_PROBLEM_SIZE];
    report_init(&report);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(report_add(&report, parse(others[i]), "that file", problem));
        assert_true(has(problem, "no JSON result of bench"));
    }
    report_deinit(&report);
}

/* Members of the wrong kind are left out. */
static void test_odd_members(void **state)
{
    static const char *const odd[] = {
        "{\"figures\":{},\"histogram\":[]}",
        "{\"figures\":{},\"histogram\":[[1,-1],[0,0],7,[\"a\",\"b\"],[-5,2]],\"series\":[3,{}]}",
        "{\"figures\":[],\"contenders\":[]}",
        "{\"figures\":[],\"contenders\":[1,null],\"results\":{\"a\":7}}",
        "{\"figures\":[{\"title\":\"t\",\"values\":{\"a\":3}}],\"contenders\":[\"a\",\"a\"],"
        "\"results\":[]}",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct report report;
        char problem[REPORT_PROBLEM_SIZE];
        report_init(&report);
        assert_true(report_add(&report, parse(odd[i]), "odd", problem));
        char *page = write_page(&report);
        assert_true(has(page, "</html>"));
        free(page);
        report_deinit(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),     cmocka_unit_test(test_same_name),
        cmocka_unit_test(test_kinds),      cmocka_unit_test(test_bars_without_title),
        cmocka_unit_test(test_comparison), cmocka_unit_test(test_bars),
        cmocka_unit_test(test_steps),      cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_odd_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
