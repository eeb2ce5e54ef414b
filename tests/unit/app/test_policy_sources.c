/* A folder and a store as one catalog. */
#include "support/store_fixture.h"

#include "app/policy_sources.h"

static struct bl_policy_sources *sources;
static char told[4096];
static char files[128];

static void on_finding(void *user, const char *path, const struct bl_diag *finding) {
    size_t len = strlen(told);
    (void)user;
    (void)snprintf(told + len, sizeof(told) - len, "%s %s: %s\n",
                   finding->severity == BL_SEVERITY_WARNING ? "warning" : "error",
                   path + strlen(store_folder) + 1, finding->message);
}

static void on_state(void *user, const char *path, const struct bl_diag *problem) {
    (void)user;
    (void)path;
    assert_null(problem);
}

static const struct bl_policy_reports reports = {on_finding, on_state, NULL};

static int setup(void **state) {
    (void)set_up_store(state);
    told[0] = '\0';
    (void)snprintf(files, sizeof(files), "%s/files", store_folder);
    assert_int_equal(mkdir(files, 0755), 0);
    assert_true(bl_is_ok(bl_policy_sources_create(files, store_path, &reports, &sources)));
    return 0;
}

static int teardown(void **state) {
    bl_policy_sources_destroy(sources);
    return tear_down_store(state);
}

#define OF(name) "providers: [{name: " name "}]\n"

static void put_file(const char *tenant, const char *name, const char *text) {
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", files, tenant);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", files, tenant, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool scan(void) {
    bool changed;
    told[0] = '\0';
    assert_true(bl_is_ok(bl_policy_sources_scan(sources, false, &changed)));
    return changed;
}

/* The first provider of what the catalog has; "" for nothing. */
static const char *provider(const char *tenant, const char *policy_id) {
    static char name[64];
    struct bl_catalog *catalog;
    assert_true(bl_is_ok(bl_policy_sources_catalog(sources, 1, &catalog)));
    const struct bl_policy *policy =
        bl_catalog_find(catalog, bl_str_from_c(tenant), bl_str_from_c(policy_id));
    (void)snprintf(name, sizeof(name), "%.*s",
                   policy == NULL ? 0 : (int)policy->providers[0].id.len,
                   policy == NULL ? "" : policy->providers[0].id.data);
    bl_catalog_destroy(catalog);
    return name;
}

static void both_add_up(void **state) {
    (void)state;
    put_file("t", "a.yaml", OF("file"));
    put("policy/t/b", OF("stored"));
    assert_true(scan());
    assert_string_equal(provider("t", "a"), "file");
    assert_string_equal(provider("t", "b"), "stored");
    assert_false(scan());
    struct bl_policy_sources_stats stats = bl_policy_sources_stats(sources);
    assert_int_equal(stats.from_directory, 1);
    assert_int_equal(stats.from_store, 1);
    assert_int_equal(stats.shadowed, 0);
    assert_int_equal(stats.store_revision, 1);
}

static void a_file_wins_and_that_is_told_once(void **state) {
    (void)state;
    put("policy/t/a", OF("stored"));
    put("policy/_shared/a", OF("shared"));
    put_file("t", "a.yaml", OF("file"));
    assert_true(scan());
    assert_string_equal(provider("t", "a"), "file");
    assert_string_equal(told, "warning policies.db: t/a: a file holds this policy too, and wins "
                              "over the store\n");
    assert_string_equal(provider("other", "a"), "shared");
    assert_int_equal(bl_policy_sources_stats(sources).shadowed, 1);
    assert_int_equal(bl_policy_sources_stats(sources).from_store, 1);
    put("policy/t/a", OF("newer"));
    assert_true(scan());
    assert_string_equal(provider("t", "a"), "file");
    assert_string_equal(told, "");

    char path[256];
    (void)snprintf(path, sizeof(path), "%s/t/a.yaml", files);
    assert_int_equal(unlink(path), 0);
    assert_true(scan());
    assert_string_equal(provider("t", "a"), "newer");
    put_file("t", "a.yaml", OF("again"));
    assert_true(scan());
    assert_string_equal(provider("t", "a"), "again");
    assert_non_null(strstr(told, "a file holds this policy too"));
}

static void a_shared_file_shadows_no_tenants_policy(void **state) {
    (void)state;
    put_file("_shared", "a.yaml", OF("file"));
    put("policy/t/a", OF("stored"));
    assert_true(scan());
    assert_string_equal(provider("t", "a"), "stored");
    assert_string_equal(provider("other", "a"), "file");
    assert_string_equal(told, "");
}

static void a_broken_file_that_never_was_good_leaves_it_to_the_store(void **state) {
    (void)state;
    put_file("t", "a.yaml", "broken: [");
    put("policy/t/a", OF("stored"));
    assert_true(scan());
    assert_string_equal(provider("t", "a"), "stored");
    assert_int_equal(bl_policy_sources_stats(sources).broken, 1);
}

static void each_may_be_missing(void **state) {
    (void)state;
    put("policy/t/a", OF("stored"));
    put_file("t", "b.yaml", OF("file"));
    static const struct {
        bool directory, store;
        const char *a, *b;
    } cases[] = {{true, false, "", "file"}, {false, true, "stored", ""}, {false, false, "", ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bl_policy_sources_destroy(sources);
        assert_true(bl_is_ok(bl_policy_sources_create(cases[i].directory ? files : NULL,
                                                      cases[i].store ? store_path : NULL, &reports,
                                                      &sources)));
        (void)scan();
        assert_string_equal(provider("t", "a"), cases[i].a);
        assert_string_equal(provider("t", "b"), cases[i].b);
        bl_policy_sources_reopen(sources);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(both_add_up),
        TEST(a_file_wins_and_that_is_told_once),
        TEST(a_shared_file_shadows_no_tenants_policy),
        TEST(a_broken_file_that_never_was_good_leaves_it_to_the_store),
        TEST(each_may_be_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
