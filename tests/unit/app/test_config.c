/* Loading a configuration: sources, problems, profiles, the generated page. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/settings.h"
#include "json/yaml.h"

static struct bl_config *config;
static struct bl_findings findings;
static char path[64];

static int teardown(void **state) {
    (void)state;
    bl_config_destroy(config);
    config = NULL;
    if (path[0] != '\0') {
        (void)unlink(path);
        path[0] = '\0';
    }
    return 0;
}

static void write_config(const char *text) {
    (void)snprintf(path, sizeof(path), "/tmp/bl-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static bl_result load(const char *text, const char *const *environment,
                      const struct bl_config_override *overrides, size_t count) {
    if (text != NULL) {
        write_config(text);
    }
    const struct bl_config_sources sources = {text != NULL ? path : NULL, environment, overrides,
                                              count};
    return bl_config_load(&sources, &config, &findings);
}

static const struct bl_diag *find(const char *where, const char *part) {
    for (size_t i = 0; i < findings.count; i++) {
        if (strcmp(findings.items[i].path, where) == 0 &&
            strstr(findings.items[i].message, part) != NULL) {
            return &findings.items[i];
        }
    }
    for (size_t i = 0; i < findings.count; i++) {
        print_message("%s: %s\n", findings.items[i].path, findings.items[i].message);
    }
    fail_msg("no finding at %s with '%s'", where, part);
    return NULL;
}

static void defaults_are_good_in_dev(void **state) {
    (void)state;
    assert_true(bl_is_ok(load("profile: dev\n", NULL, NULL, 0)));
    assert_int_equal(config->profile, BL_PROFILE_DEV);
    assert_int_equal(config->nats.url.count, 1);
    assert_true(bl_str_equal(config->nats.url.items[0], BL_STR("nats://127.0.0.1:4222")));
    assert_int_equal(config->sticky.max_pins, 65536);
    assert_int_equal(config->nats.write_soft_cap_bytes, 4 * 1024 * 1024);
    assert_false(bl_str_is_present(config->logs.file));
    assert_true(bl_config_anonymous_reads(config));
}

static void later_sources_win(void **state) {
    (void)state;
    const char *const environment[] = {"BEAMLINE_LOGS_LEVEL=error", "BEAMLINE_STICKY_MAX_PINS=128",
                                       "OTHER=1", NULL};
    const struct bl_config_override overrides[] = {{"sticky", "max_pins", "256"}};
    assert_true(bl_is_ok(load("profile: dev\nlogs: {level: warn}\nmetrics: {interval_ms: 2s}\n",
                              environment, overrides, 1)));
    assert_int_equal(config->logs.level, 3);
    assert_int_equal(config->sticky.max_pins, 256);
    assert_int_equal(config->metrics.interval_ms, 2000);
    char storage[65536];
    struct bl_buf dump;
    bl_buf_init(&dump, storage, sizeof(storage) - 1);
    bl_config_dump(config, &dump);
    storage[dump.len] = '\0';
    assert_non_null(strstr(storage, "max_pins: 256  # command line"));
    assert_non_null(strstr(storage, "level: error  # BEAMLINE_LOGS_LEVEL"));
    assert_non_null(strstr(storage, "interval_ms: 2000  # /tmp/bl-config-"));
    assert_non_null(strstr(storage, ":3\n"));
    assert_non_null(strstr(storage, "count: 0  # default"));
}

static void the_dump_is_a_configuration(void **state) {
    (void)state;
    static char storage[65536];
    struct bl_arena arena;
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_buf dump;
    assert_true(bl_is_ok(
        load("profile: dev\ntenants: {attributes: [a/b=c, 'a/d=e\"f']}\n", NULL, NULL, 0)));
    bl_buf_init(&dump, storage, sizeof(storage));
    bl_config_dump(config, &dump);
    bl_arena_init(&arena, 65536, 1 << 22);
    assert_true(
        bl_is_ok(bl_yaml_read(bl_buf_view(&dump), &bl_json_request_limits, &arena, &doc, &diag)));
    struct bl_json list = bl_json_path(bl_json_root(&doc), BL_STR("tenants.attributes"));
    assert_int_equal(bl_json_count(list), 2);
    bl_arena_fini(&arena);
}

static void all_problems_at_once(void **state) {
    (void)state;
    const char *const environment[] = {"BEAMLINE_WORKERS_COUNT=many", "BEAMLINE_LOG_LEVEL=info",
                                       NULL};
    assert_true(bl_is_error(load("profile: developer\n"
                                 "nats:\n"
                                 "  urls: nats://x\n"
                                 "  drain_batch: 0\n"
                                 "logging: {level: info}\n"
                                 "logs: {level: warning}\n"
                                 "metrics: {interval_ms: 5 parsecs}\n"
                                 "router: {key: topsecret}\n"
                                 "nonsense: 1\n",
                                 environment, NULL, 0)));
    const struct bl_diag *diag = find("profile", "must be one of production, dev");
    assert_int_equal(diag->line, 1);
    diag = find("nats.urls", "unknown setting");
    assert_int_equal(diag->line, 3);
    assert_string_equal(diag->hint, "did you mean url?");
    diag = find("nats.drain_batch", "between 1 and 65536");
    assert_int_equal(diag->line, 4);
    (void)find("logging", "unknown section");
    diag = find("logs.level", "must be one of debug, info, warn, error");
    (void)find("metrics.interval_ms", "milliseconds");
    diag = find("router.key", "not be the secret");
    assert_null(strstr(diag->message, "topsecret"));
    (void)find("nonsense", "unknown");
    (void)find("BEAMLINE_WORKERS_COUNT", "whole number");
    (void)find("BEAMLINE_LOG_LEVEL", "names no setting");
}

static void production_refuses_what_is_unsafe(void **state) {
    (void)state;
    assert_true(bl_is_error(
        load("router: {key: \"env:KEY\"}\nnats: {tls_skip_verify: true}\n", NULL, NULL, 0)));
    (void)find("nats.url", "in the clear");
    (void)find("nats.tls_skip_verify", "verifies");
    (void)find("router.key", "environment");
    (void)find("policies.directory", "names no folder");
    assert_true(bl_is_error(load("profile: production\n", NULL, NULL, 0)));
    (void)find("router.key", "needs a router key");
}

static void production_takes_a_store_instead_of_a_folder(void **state) {
    (void)state;
    assert_true(bl_is_ok(load("nats: {url: \"tls://nats:4222\", shared_subject_tenants: [a]}\n"
                              "router: {key: \"credential:key\"}\n"
                              "policies: {store: /srv/policies.db, store_history: 7}\n",
                              NULL, NULL, 0)));
    assert_true(bl_str_equal_c(config->policies.store, "/srv/policies.db"));
    assert_int_equal(config->policies.store_history, 7);
}

static void production_takes_what_is_safe(void **state) {
    (void)state;
    assert_true(bl_is_ok(load("nats: {url: \"tls://nats:4222\", shared_subject_tenants: [a, b]}\n"
                              "router: {key: \"credential:key\"}\n"
                              "policies: {directory: /etc/beamline/policies}\n",
                              NULL, NULL, 0)));
    assert_int_equal(config->nats.shared_subject_tenants.count, 2);
    assert_false(bl_config_anonymous_reads(config));
}

static void operators_listen_in_several_places(void **state) {
    (void)state;
    assert_true(bl_is_ok(load("profile: dev\n"
                              "http: {ops_listen: [\"127.0.0.1:9001\", \"0.0.0.0:9002\", "
                              "\"unix:/run/ops.sock\"]}\n",
                              NULL, NULL, 0)));
    assert_int_equal(config->http.ops_listen.count, 3);
    assert_int_equal(findings.warnings, 1);
    (void)find("http.ops_listen[1]", "administration is refused there");
}

static void one_place_for_operators_needs_no_list(void **state) {
    (void)state;
    assert_true(
        bl_is_ok(load("profile: dev\nhttp: {ops_listen: \"[::1]:9001\"}\n", NULL, NULL, 0)));
    assert_int_equal(config->http.ops_listen.count, 1);
    assert_true(bl_str_equal_c(config->http.ops_listen.items[0], "[::1]:9001"));
    assert_int_equal(findings.count, 0);
}

static void production_keeps_operators_on_this_machine(void **state) {
    (void)state;
    assert_true(bl_is_error(load("nats: {url: \"tls://nats:4222\"}\n"
                                 "router: {key: \"credential:key\"}\n"
                                 "policies: {store: /srv/policies.db}\n"
                                 "http: {ops_listen: [\"unix:/run/ops.sock\", \"0.0.0.0:9001\"]}\n",
                                 NULL, NULL, 0)));
    (void)find("http.ops_listen", "on this machine only");
}

static void broken_files_are_told(void **state) {
    (void)state;
    assert_true(bl_is_error(load("profile: dev\nnats: [\n", NULL, NULL, 0)));
    assert_int_equal(findings.errors > 0, 1);
    const struct bl_config_sources missing = {"/nonexistent/router.yaml", NULL, NULL, 0};
    assert_true(bl_is_error(bl_config_load(&missing, &config, &findings)));
    assert_non_null(strstr(findings.items[0].message, "cannot open /nonexistent/router.yaml"));
}

static void every_setting_parses_its_default_and_refuses_nonsense(void **state) {
    (void)state;
    assert_true(bl_is_ok(load("profile: dev\n", NULL, NULL, 0)));
    for (size_t i = 0; i < bl_setting_count; i++) {
        const struct bl_setting *setting = &bl_settings[i];
        struct bl_diag diag;
        bl_diag_clear(&diag);
        assert_true(bl_setting_parse(setting, config, bl_str_from_c(setting->default_text), &diag));
        bool takes_text = setting->type == BL_SETTING_TEXT || setting->type == BL_SETTING_LIST;
        if (!takes_text) {
            assert_false(bl_setting_parse(setting, config, BL_STR("n.o.n.s.e.n.s.e"), &diag));
            assert_true(diag.message[0] != '\0');
        }
        if (setting->type == BL_SETTING_U32 || setting->type == BL_SETTING_MS ||
            setting->type == BL_SETTING_BYTES) {
            char text[32];
            (void)snprintf(text, sizeof(text), "%.0f", setting->max);
            assert_true(bl_setting_parse(setting, config, bl_str_from_c(text), &diag));
            (void)snprintf(text, sizeof(text), "%.0f", setting->max + 1);
            assert_false(bl_setting_parse(setting, config, bl_str_from_c(text), &diag));
            (void)snprintf(text, sizeof(text), "%.0f", setting->min);
            assert_true(bl_setting_parse(setting, config, bl_str_from_c(text), &diag));
            if (setting->min >= 1) {
                (void)snprintf(text, sizeof(text), "%.0f", setting->min - 1);
                assert_false(bl_setting_parse(setting, config, bl_str_from_c(text), &diag));
            }
        }
        assert_true(strlen(setting->doc) > 5);
    }
}

static void units_are_understood(void **state) {
    (void)state;
    const struct bl_config_override overrides[] = {{"stop", "drain_ms", "2m"},
                                                   {"nats", "write_soft_cap_bytes", "64KiB"}};
    assert_true(bl_is_ok(load("profile: dev\n", NULL, overrides, 2)));
    assert_int_equal(config->stop.drain_ms, 120000);
    assert_int_equal(config->nats.write_soft_cap_bytes, 65536);
}

/* What bl_bus_create would refuse is found by whoever only loads a configuration. */
static void what_the_bus_refuses_is_told(void **state) {
    (void)state;
    assert_true(bl_is_error(load("profile: dev\n"
                                 "nats:\n"
                                 "  url: [a, 'ftp://b']\n"
                                 "  write_soft_cap_bytes: 16MiB\n"
                                 "  reconnect_base_ms: 5000\n"
                                 "  reconnect_max_ms: 4999\n"
                                 "  user: me\n"
                                 "  nkey_public: U\n"
                                 "  decide_subject: 'a..b'\n"
                                 "  tenant_decide_subject: a.x*.b\n"
                                 "  queue_group: ''\n",
                                 NULL, NULL, 0)));
    assert_int_equal(find("nats.url[1]", "")->line, 3);
    (void)find("nats.write_hard_cap_bytes", "above write_soft_cap_bytes");
    assert_int_equal(find("nats.reconnect_max_ms", "at least reconnect_base_ms")->line, 6);
    (void)find("nats.user", "go together");
    (void)find("nats.nkey_public", "go together");
    (void)find("nats.token", "only one of");
    (void)find("nats.decide_subject", "no subject");
    (void)find("nats.tenant_decide_subject", "where the tenant stands");
    (void)find("nats.queue_group", "no queue group");
    assert_int_equal(findings.errors, 9);
}

static void sixteen_servers_are_taken_and_more_are_refused(void **state) {
    (void)state;
    assert_true(bl_is_ok(
        load("profile: dev\nnats: {url: 'a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p'}\n", NULL, NULL, 0)));
    assert_int_equal(config->nats.url.count, 16);
    (void)teardown(NULL);
    assert_true(bl_is_error(
        load("profile: dev\nnats: {url: 'a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q'}\n", NULL, NULL, 0)));
    (void)find("nats.url", "1 to 16 servers");
    (void)unlink(path);
    assert_true(bl_is_error(load("profile: dev\nnats: {url: []}\n", NULL, NULL, 0)));
    (void)find("nats.url", "1 to 16 servers");
}

static void the_pattern_of_tenants_has_one_star(void **state) {
    (void)state;
    static const char *const bad[] = {"a.b", "a.*.*", "a.*.>", "a*", "*a.b", "a..*"};
    const struct bl_config_override good[] = {{"", "profile", "dev"},
                                              {"nats", "tenant_decide_subject", "*.b"}};
    assert_true(bl_is_ok(load(NULL, NULL, good, 2)));
    (void)teardown(NULL);
    const struct bl_config_override none[] = {{"", "profile", "dev"},
                                              {"nats", "tenant_decide_subject", ""}};
    assert_true(bl_is_ok(load(NULL, NULL, none, 2)));
    (void)teardown(NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct bl_config_override overrides[] = {{"", "profile", "dev"},
                                                       {"nats", "tenant_decide_subject", bad[i]}};
        assert_true(bl_is_error(load(NULL, NULL, overrides, 2)));
        (void)find("nats.tenant_decide_subject", "where the tenant stands");
    }
}

/* A production router's demands on somebody who mistyped "dev" would be no findings. */
static void an_unknown_profile_is_the_only_finding(void **state) {
    (void)state;
    const struct bl_config_override wrong[] = {{"", "profile", "wrong"}};
    assert_true(bl_is_error(load(NULL, NULL, wrong, 1)));
    assert_int_equal(findings.count, 1);
    const struct bl_config_override good[] = {{"", "profile", "production"}};
    assert_true(bl_is_error(load("profile: wrong\n", NULL, good, 1)));
    (void)find("router.key", "needs a router key"); /* what was given last counts */
}

static void a_number_is_no_text(void **state) {
    (void)state;
    assert_true(bl_is_error(load("profile: dev\nnats:\n  url: 5\n  user: 7\n  name: true\n"
                                 "logs: {file: [a]}\n",
                                 NULL, NULL, 0)));
    const struct bl_diag *diag = find("nats.url", "must be a list of texts, found");
    assert_int_equal(diag->line, 3);
    assert_string_equal(diag->hint, "write it in quotes if it is meant as a text");
    (void)find("nats.user", "must be a text, found");
    (void)find("nats.name", "must be a text, found");
    (void)find("logs.file", "must be a value, found");
}

/* Lists are bounded by their items and the file, not by a buffer on the way. */
static void a_list_may_be_longer_than_8_kib(void **state) {
    (void)state;
    static char text[1100 * 100];
    struct bl_buf buf;
    bl_buf_init(&buf, text, sizeof(text) - 1);
    bl_buf_literal(&buf, "profile: dev\nnats:\n  shared_subject_tenants:\n");
    for (int i = 0; i < 1024; i++) {
        bl_buf_printf(&buf, "    - tenant-%060d\n", i);
    }
    text[buf.len] = '\0';
    assert_true(bl_is_ok(load(text, NULL, NULL, 0)));
    assert_int_equal(config->nats.shared_subject_tenants.count, 1024);
    (void)teardown(NULL);
    bl_buf_literal(&buf, "    - one-more\n");
    text[buf.len] = '\0';
    assert_true(bl_is_error(load(text, NULL, NULL, 0)));
    (void)find("nats.shared_subject_tenants", "more than 1024 items");
}

static void what_needs_a_restart_is_named(void **state) {
    (void)state;
    struct bl_config *old;
    char storage[1024];
    struct bl_buf names;
    assert_true(bl_is_ok(load("profile: dev\n", NULL, NULL, 0)));
    old = config;
    (void)unlink(path);
    assert_true(bl_is_ok(load("profile: dev\nlogs: {level: debug}\nworkers: {count: 3}\n"
                              "nats: {name: other}\n",
                              NULL, NULL, 0)));
    bl_buf_init(&names, storage, sizeof(storage));
    bl_config_restart_needed(old, config, &names);
    assert_true(bl_str_equal(bl_buf_view(&names), BL_STR("nats.name, workers.count")));
    bl_config_destroy(old);
}

static void a_change_deep_in_a_long_list_needs_a_restart(void **state) {
    (void)state;
    static char addresses[3 * 4096];
    char storage[1024];
    struct bl_buf names;
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        len += (size_t)snprintf(addresses + len, 16, "%sunix:/", i > 0 ? "," : "");
        memset(addresses + len, 'a', 3900);
        len += 3900;
    }
    const struct bl_config_override overrides[] = {{"", "profile", "dev"},
                                                   {"http", "listen", addresses}};
    assert_true(bl_is_ok(load(NULL, NULL, overrides, 2)));
    struct bl_config *old = config;
    addresses[len - 1] = 'b';
    assert_true(bl_is_ok(load(NULL, NULL, overrides, 2)));
    bl_buf_init(&names, storage, sizeof(storage));
    bl_config_restart_needed(old, config, &names);
    assert_true(bl_str_equal(bl_buf_view(&names), BL_STR("http.listen")));
    bl_config_destroy(old);
}

/* docs/configuration.md is what the table gives; beamline check --reference prints it. */
static void the_reference_page_is_current(void **state) {
    (void)state;
    static char generated[65536], committed[65536];
    struct bl_buf buf;
    FILE *file = fopen(BL_SOURCE_DIR "/docs/configuration.md", "rb");
    assert_non_null(file);
    size_t len = fread(committed, 1, sizeof(committed), file);
    (void)fclose(file);
    bl_buf_init(&buf, generated, sizeof(generated));
    bl_config_reference(&buf);
    assert_false(buf.overflowed);
    assert_int_equal(len, buf.len);
    assert_memory_equal(committed, generated, len);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_good_in_dev),
        TEST(later_sources_win),
        TEST(the_dump_is_a_configuration),
        TEST(all_problems_at_once),
        TEST(production_refuses_what_is_unsafe),
        TEST(production_takes_what_is_safe),
        TEST(production_takes_a_store_instead_of_a_folder),
        TEST(operators_listen_in_several_places),
        TEST(one_place_for_operators_needs_no_list),
        TEST(production_keeps_operators_on_this_machine),
        TEST(broken_files_are_told),
        TEST(every_setting_parses_its_default_and_refuses_nonsense),
        TEST(units_are_understood),
        TEST(what_the_bus_refuses_is_told),
        TEST(sixteen_servers_are_taken_and_more_are_refused),
        TEST(the_pattern_of_tenants_has_one_star),
        TEST(an_unknown_profile_is_the_only_finding),
        TEST(a_number_is_no_text),
        TEST(a_list_may_be_longer_than_8_kib),
        TEST(what_needs_a_restart_is_named),
        TEST(a_change_deep_in_a_long_list_needs_a_restart),
        TEST(the_reference_page_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
