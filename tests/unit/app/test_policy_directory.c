/* A folder of policies: what changes, what breaks, what is shared. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/policy_directory.h"

static char folder[64];
static struct bl_policy_directory *directory;
static char reports[8192];

static void on_report(void *user, const char *path, const struct bl_diag *finding) {
    (void)user;
    size_t len = strlen(reports);
    (void)snprintf(reports + len, sizeof(reports) - len, "%s:%u %s %s\n", path + strlen(folder),
                   finding->line, finding->path, finding->message);
}

/* "name" below the folder; "" is the folder itself. */
static const char *below(const char *name) {
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s%s%s", folder, name[0] != '\0' ? "/" : "", name);
    return path;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *name) {
    assert_int_equal(nftw(below(name), remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int setup(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/bl-policies-XXXXXX");
    assert_non_null(mkdtemp(folder));
    reports[0] = '\0';
    assert_true(bl_is_ok(bl_policy_directory_create(folder, on_report, NULL, &directory)));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bl_policy_directory_destroy(directory);
    remove_tree("");
    return 0;
}

static void put(const char *name, const char *text) {
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    (void)mkdir(path, 0755);
    *slash = '/';
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool scan(void) {
    bool changed;
    reports[0] = '\0';
    assert_true(bl_is_ok(bl_policy_directory_scan(directory, false, &changed)));
    return changed;
}

/* The live policy; the directory holds it as long as no scan follows. */
static const struct bl_policy *find(const char *tenant, const char *policy) {
    struct bl_catalog *catalog;
    assert_true(bl_is_ok(bl_policy_directory_catalog(directory, 1, &catalog)));
    const struct bl_policy *found =
        bl_catalog_find(catalog, bl_str_from_c(tenant), bl_str_from_c(policy));
    bl_catalog_destroy(catalog);
    return found;
}

#define ONE "providers: [{name: a}]\n"
#define TWO "providers: [{name: a}, {name: b}]\n"

static void files_become_policies(void **state) {
    (void)state;
    put("acme/default.yaml", ONE);
    put("acme/gold.yml", TWO);
    put("_shared/cheap.json", "{\"providers\":[{\"name\":\"c\"}]}");
    put("acme/notes.txt", "not a policy");
    put("acme/.hidden.yaml", "broken: [");
    assert_true(scan());
    assert_string_equal(reports, "");
    assert_int_equal(bl_policy_directory_live(directory), 3);
    assert_non_null(find("acme", "default"));
    assert_non_null(find("acme", "gold"));
    assert_non_null(find("anybody", "cheap"));
    assert_null(find("anybody", "default"));
    assert_null(find("acme", "notes"));
    assert_false(scan()); /* nothing changed */
}

static void what_did_not_change_is_shared(void **state) {
    (void)state;
    put("t/a.yaml", ONE);
    put("t/b.yaml", ONE);
    assert_true(scan());
    const struct bl_policy *before = find("t", "a");
    put("t/b.yaml", TWO);
    assert_true(scan());
    assert_ptr_equal(find("t", "a"), before);
    assert_int_equal(find("t", "b")->provider_count, 2);
    put("t/b.yaml", "# a comment changes nothing\n" TWO);
    assert_false(scan());
}

static void a_broken_file_keeps_the_last_good_revision(void **state) {
    (void)state;
    put("t/default.yaml", TWO);
    assert_true(scan());
    put("t/default.yaml", "providers: [{nam: a}]\n");
    assert_false(scan());
    assert_non_null(strstr(reports, "/t/default.yaml:1 providers[0].nam unknown key"));
    assert_int_equal(bl_policy_directory_broken(directory), 1);
    assert_int_equal(find("t", "default")->provider_count, 2);
    assert_false(scan()); /* told once */
    assert_string_equal(reports, "");
    put("t/default.yaml", ONE);
    assert_true(scan());
    assert_int_equal(bl_policy_directory_broken(directory), 0);
    assert_int_equal(find("t", "default")->provider_count, 1);
}

static void a_file_that_never_was_good_is_no_policy(void **state) {
    (void)state;
    put("t/default.yaml", "version: [\n");
    (void)scan();
    assert_int_equal(bl_policy_directory_live(directory), 0);
    assert_int_equal(bl_policy_directory_broken(directory), 1);
    assert_null(find("t", "default"));
}

static void a_removed_file_takes_its_policy(void **state) {
    (void)state;
    put("t/a.yaml", ONE);
    put("t/b.yaml", ONE);
    assert_true(scan());
    assert_int_equal(unlink(below("t/a.yaml")), 0);
    assert_true(scan());
    assert_null(find("t", "a"));
    assert_non_null(find("t", "b"));
    remove_tree("t");
    assert_true(scan());
    assert_int_equal(bl_policy_directory_live(directory), 0);
}

static void names_that_are_no_ids_are_told(void **state) {
    (void)state;
    put("bad tenant/default.yaml", ONE);
    put("t/bad id.yaml", ONE);
    put("t/..yaml", ONE);
    (void)scan();
    assert_non_null(strstr(reports, "no tenant id"));
    assert_non_null(strstr(reports, "no policy id"));
    assert_int_equal(bl_policy_directory_live(directory), 0);
}

#define OTHER "{\"providers\":[{\"name\":\"b\"}]}"

static void two_files_for_one_policy_are_both_refused(void **state) {
    (void)state;
    put("t/default.yaml", ONE);
    put("t/default.json", OTHER);
    put("t/fine.yaml", ONE);
    (void)scan();
    assert_non_null(strstr(reports, "/t/default.yaml:0  is not read: default.json holds"));
    assert_non_null(strstr(reports, "/t/default.json:0  is not read: default.yaml holds"));
    assert_null(find("t", "default"));
    assert_non_null(find("t", "fine"));
    assert_int_equal(bl_policy_directory_broken(directory), 2);
    (void)scan();
    assert_string_equal(reports, "");
    assert_int_equal(remove(below("t/default.yaml")), 0);
    assert_true(scan());
    assert_memory_equal(find("t", "default")->providers[0].id.data, "b", 1);
    assert_int_equal(bl_policy_directory_broken(directory), 0);
}

/* In both orders of arrival, the second file changes nothing, and nor does a change of the first. */
static void a_second_file_for_a_live_policy_leaves_it_as_it_was(void **state) {
    static const char *const names[] = {"t/default.yaml", "t/default.json"};
    (void)state;
    for (int first = 0; first < 2; first++) {
        put(names[first], ONE);
        assert_true(scan());
        put(names[1 - first], OTHER);
        (void)scan();
        assert_memory_equal(find("t", "default")->providers[0].id.data, "a", 1);
        put(names[first], TWO);
        (void)scan();
        assert_int_equal(find("t", "default")->provider_count, 1);
        assert_int_equal(remove(below(names[1 - first])), 0);
        assert_true(scan());
        assert_int_equal(find("t", "default")->provider_count, 2);
        assert_int_equal(bl_policy_directory_broken(directory), 0);
        assert_int_equal(remove(below(names[first])), 0);
        assert_true(scan());
    }
}

static void two_folders_for_all_tenants_are_twins(void **state) {
    (void)state;
    put("_shared/default.yaml", ONE);
    put("*/default.yaml", TWO);
    put("between/default.yaml", ONE);
    (void)scan();
    assert_null(find("*", "default"));
    assert_int_equal(bl_policy_directory_broken(directory), 2);
}

/* Permissions bind root, too, once it has taken somebody else's place. */
static void a_folder_that_turns_unreadable_keeps_its_policies(void **state) {
    uid_t self = geteuid();
    (void)state;
    put("t/a.yaml", ONE);
    put("u/a.yaml", ONE);
    assert_true(scan());
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(below("t"), 0), 0);
    assert_int_equal(self == 0 ? seteuid(65534) : 0, 0);
    bool changed = scan();
    bool kept = find("t", "a") != NULL && find("u", "a") != NULL;
    size_t broken = bl_policy_directory_broken(directory);
    assert_int_equal(seteuid(self), 0);
    assert_int_equal(chmod(below("t"), 0755), 0);
    assert_false(changed);
    assert_true(kept);
    assert_int_equal(broken, 2); /* the folder and its file */
    assert_non_null(strstr(reports, "/t:0  Permission denied"));
    assert_false(scan());
    assert_int_equal(bl_policy_directory_broken(directory), 0);
}

static void a_missing_folder_changes_nothing(void **state) {
    (void)state;
    put("t/default.yaml", ONE);
    assert_true(scan());
    remove_tree("");
    assert_false(scan());
    assert_non_null(strstr(reports, "No such file"));
    assert_non_null(find("t", "default"));
    assert_true(bl_policy_directory_is_unreadable(directory));
    assert_int_equal(bl_policy_directory_broken(directory), 1);
    assert_int_equal(mkdir(folder, 0755), 0);
}

static void links_are_followed(void **state) {
    (void)state;
    put("real/default.yaml", ONE);
    assert_int_equal(symlink("real", below("linked")), 0);
    assert_true(scan());
    assert_non_null(find("linked", "default"));
}

static void too_large_files_are_refused(void **state) {
    (void)state;
    put("t/small.yaml", ONE);
    static char large[1100000];
    memset(large, '#', sizeof(large) - 1);
    put("t/large.yaml", large);
    (void)scan();
    assert_non_null(strstr(reports, "/t/large.yaml"));
    assert_int_equal(bl_policy_directory_live(directory), 1);
}

/* What `name` was stays live, is counted as broken, and is told once. */
static void expect_kept(const char *reported) {
    assert_false(scan());
    assert_non_null(strstr(reports, reported));
    assert_non_null(find("t", "a"));
    assert_int_equal(bl_policy_directory_broken(directory), 1);
    assert_false(scan());
    assert_string_equal(reports, "");
    assert_non_null(find("t", "a"));
}

static void what_is_no_file_any_more_keeps_the_last_good_revision(void **state) {
    (void)state;
    put("t/a.yaml", ONE);
    assert_true(scan());
    assert_int_equal(remove(below("t/a.yaml")), 0);
    assert_int_equal(symlink("/nonexistent", below("t/a.yaml")), 0);
    expect_kept("/t/a.yaml:0  No such file");
    assert_int_equal(remove(below("t/a.yaml")), 0);
    assert_int_equal(mkfifo(below("t/a.yaml"), 0600), 0);
    expect_kept("/t/a.yaml:0  is no regular file");
    assert_int_equal(remove(below("t/a.yaml")), 0);
    put("t/a.yaml", TWO);
    assert_true(scan());
    assert_int_equal(bl_policy_directory_broken(directory), 0);
    assert_int_equal(find("t", "a")->provider_count, 2);
    assert_int_equal(remove(below("t/a.yaml")), 0);
    assert_true(scan());
    assert_null(find("t", "a"));
}

static void a_tenant_that_leads_nowhere_keeps_its_policies(void **state) {
    char other[128];
    (void)state;
    put("t/a.yaml", ONE);
    assert_true(scan());
    (void)snprintf(other, sizeof(other), "%s", below(".moved"));
    assert_int_equal(rename(below("t"), other), 0);
    assert_int_equal(symlink("/nonexistent", below("t")), 0);
    assert_false(scan());
    assert_non_null(strstr(reports, "/t:0  leads nowhere"));
    assert_non_null(find("t", "a"));
    assert_true(bl_policy_directory_broken(directory) >= 1);
    assert_int_equal(remove(below("t")), 0);
    assert_true(scan());
    assert_null(find("t", "a"));
}

static void files_in_the_wrong_place_are_told_once(void **state) {
    (void)state;
    put("t/a.yaml", ONE);
    put("t/b.YAML", ONE);
    FILE *file = fopen(below("default.yaml"), "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_true(scan());
    assert_non_null(strstr(reports, "/default.yaml:0  is not read: policies stand in the folder"));
    assert_non_null(strstr(reports, "/t/b.YAML:0  is not read: its ending is in capitals"));
    assert_false(scan());
    assert_string_equal(reports, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(files_become_policies),
        TEST(what_did_not_change_is_shared),
        TEST(a_broken_file_keeps_the_last_good_revision),
        TEST(a_file_that_never_was_good_is_no_policy),
        TEST(a_removed_file_takes_its_policy),
        TEST(names_that_are_no_ids_are_told),
        TEST(two_files_for_one_policy_are_both_refused),
        TEST(a_second_file_for_a_live_policy_leaves_it_as_it_was),
        TEST(two_folders_for_all_tenants_are_twins),
        TEST(a_folder_that_turns_unreadable_keeps_its_policies),
        TEST(a_missing_folder_changes_nothing),
        TEST(links_are_followed),
        TEST(too_large_files_are_refused),
        TEST(what_is_no_file_any_more_keeps_the_last_good_revision),
        TEST(a_tenant_that_leads_nowhere_keeps_its_policies),
        TEST(files_in_the_wrong_place_are_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
