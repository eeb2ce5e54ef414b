/*
 * Runs a fuzz target over files instead of under a fuzzer: each argument is a file, or a folder
 * whose files are run in the order of their names. A defect ends the process (sanitizer, assert).
 * A folder that is missing or empty is an error: a replay of nothing would prove nothing.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Larger than any limit on input; a corpus holds small files. */
#define REPLAY_FILE_BYTES_MAX (16u * 1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns false after printing what is wrong with the file. */
static bool replay_file(const char *path, size_t size) {
    if (size > REPLAY_FILE_BYTES_MAX) {
        fprintf(stderr, "%s: %zu bytes, the limit is %u\n", path, size, REPLAY_FILE_BYTES_MAX);
        return false;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    /* Exactly as large as the input, so that the sanitizer sees a read past its end. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    bool read_whole = data != NULL && fread(data, 1, size, file) == size;
    if (read_whole) {
        (void)LLVMFuzzerTestOneInput(data, size);
    } else {
        fprintf(stderr, "%s: cannot be read whole\n", path);
    }
    free(data);
    fclose(file);
    return read_whole;
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* Returns the number of inputs run below path, or -1 after printing what is wrong. */
static int replay_path(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) {
        perror(path);
        return -1;
    }
    if (!S_ISDIR(status.st_mode)) {
        return replay_file(path, (size_t)status.st_size) ? 1 : -1;
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_visible, alphasort);
    if (count < 0) {
        perror(path);
        return -1;
    }
    int total = 0;
    for (int i = 0; i < count; i++) {
        char child[4096];
        int length = snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        int inputs = length < (int)sizeof child ? replay_path(child) : -1;
        total = total < 0 || inputs < 0 ? -1 : total + inputs;
        free(entries[i]);
    }
    free(entries);
    return total;
}

int main(int argc, char **argv) {
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int inputs = replay_path(argv[i]);
        if (inputs <= 0) {
            fprintf(stderr, "%s: no inputs were run\n", argv[i]);
            return EXIT_FAILURE;
        }
        total += inputs;
    }
    if (total == 0) {
        fprintf(stderr, "usage: %s <file or folder>...\n", argv[0]);
        return EXIT_FAILURE;
    }
    printf("%d inputs replayed\n", total);
    return EXIT_SUCCESS;
}
